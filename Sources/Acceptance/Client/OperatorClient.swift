public import Foundation

/// The HTTP client of commands that administer a deployment, such as `simpleai keys`; it has the error messages of the
/// tests.
public struct OperatorClient: Sendable {
    public struct OperatorResponse: Sendable {
        public let status: Int
        public let body: Data

        public var isSuccess: Bool { (200...299).contains(status) }

        /// The message of the response's error object, or else its status; one line.
        public var errorMessage: String {
            let message = JSONValue(parsing: Array(body))?["error"]?["message"]?.string
            return message ?? "it returned status \(status) without an error object"
        }
    }

    private let client: APIClient
    private let credential: Credential
    private let timeout: Duration

    /// - Parameters:
    ///   - token: sent as a bearer token; nil sends no credentials.
    ///   - timeout: per request.
    /// - Throws: an error whose description is one sentence for the operator.
    public init(
        deployment: DeploymentAddress, token: String?, timeout: Duration = .seconds(30),
        verifiesCertificates: Bool = true
    ) throws {
        client = try APIClient(deployment: deployment, verifiesCertificates: verifiesCertificates)
        credential = token.map { .bearer($0, name: "the token") } ?? .none
        self.timeout = timeout
    }

    /// - Parameters:
    ///   - path: below the base URL, beginning with a slash.
    ///   - body: a JSON document.
    /// - Throws: ``OperatorFailure`` if no response arrived.
    public func send(_ method: String, _ path: String, body: Data? = nil) async throws -> OperatorResponse {
        let request = APIRequest(method: method, path: path, credential: credential, body: body)
        do {
            let exchange = try await client.send(request, timeout: timeout)
            guard exchange.ending == .clean else { throw OperatorFailure("the response was interrupted; try again") }
            return OperatorResponse(status: exchange.status, body: Data(exchange.body))
        } catch let failed as RequestFailed {
            throw OperatorFailure("\(failed.failure)")
        }
    }
}

/// Why no response arrived; one sentence for the operator.
public struct OperatorFailure: Error, Sendable, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}
