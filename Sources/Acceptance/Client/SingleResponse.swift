import Foundation

/// The response of a deployment to the only request of a command, with any status.
public struct SingleResponse: Sendable {
    public let status: Int
    public let body: String

    /// Posts a JSON document.
    ///
    /// - Parameters:
    ///   - path: below the base URL, beginning with a slash.
    ///   - token: sent as a bearer token; nil sends no credentials.
    ///   - certificate: a text in PEM whose first certificate is the only one to accept, whatever name and authority it has.
    /// - Throws: ``NoResponse`` with one sentence for the operator.
    public static func post(
        _ document: String, to path: String, of deployment: DeploymentAddress, token: String?,
        verifiesCertificates: Bool, certificate: String? = nil, timeout: Duration = .seconds(30)
    ) async throws -> SingleResponse {
        let credential = token.map { Credential.bearer($0, name: "token") } ?? .none
        do {
            let client = try APIClient(
                deployment: deployment, verifiesCertificates: verifiesCertificates, certificate: certificate)
            let exchange = try await client.send(
                APIRequest(method: "POST", path: path, credential: credential, body: Data(document.utf8)),
                timeout: timeout)
            return SingleResponse(status: exchange.status, body: exchange.bodyText)
        } catch let failed as RequestFailed {
            throw NoResponse(description: "\(failed.failure)")
        }
    }
}

/// Why there was no response.
public struct NoResponse: Error, CustomStringConvertible, Sendable {
    public let description: String
}
