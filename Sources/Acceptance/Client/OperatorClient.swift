public import Foundation

/// The HTTP client of commands that administer a deployment, such as `simpleai keys`; it has the error messages of the
/// tests.
public struct OperatorClient: Sendable {
    public struct OperatorResponse: Sendable {
        public let status: Int
        public let body: Data
        /// The field `Date`, as sent.
        public let date: String?

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
    ///   - authorities: a PEM file with the certificate authorities to trust instead of the system's.
    ///   - certificate: a text in PEM whose first certificate is the only one to accept, whatever name and authority it has.
    /// - Throws: an error whose description is one sentence for the operator.
    public init(
        deployment: DeploymentAddress, token: String?, timeout: Duration = .seconds(30),
        verifiesCertificates: Bool = true, authorities: String? = nil, certificate: String? = nil
    ) throws {
        client =
            if let certificate {
                try APIClient(
                    deployment: deployment, verifiesCertificates: verifiesCertificates, certificate: certificate)
            } else if let authorities {
                try APIClient(
                    deployment: deployment, verifiesCertificates: verifiesCertificates, authorities: authorities)
            } else {
                try APIClient(deployment: deployment, verifiesCertificates: verifiesCertificates)
            }
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
            guard exchange.ending == .clean else { throw OperatorFailure.interrupted }
            return OperatorResponse(
                status: exchange.status, body: Data(exchange.body), date: exchange.header("date"))
        } catch let failed as RequestFailed {
            throw OperatorFailure(
                "\(failed.failure)", kind: .init(failed.failure), detail: .init(failed.failure))
        }
    }
}

/// Why no response arrived; one sentence for the operator.
public struct OperatorFailure: Error, Sendable, CustomStringConvertible {
    /// The step that failed.
    public enum Kind: Sendable, Hashable {
        case nameNotFound
        case refused
        case unreachable
        /// The certificate is not accepted, or one side does not use TLS.
        case untrusted(reason: String)
        case timedOut
        case other

        init(_ failure: ClientFailure) {
            switch failure {
            case .nameNotFound: self = .nameNotFound
            case .refused: self = .refused
            case .unreachable: self = .unreachable
            case .certificate(_, let problem): self = .untrusted(reason: problem.reason)
            case .lacksTLS: self = .untrusted(reason: "it responds without TLS; use http://")
            case .requiresTLS: self = .untrusted(reason: "it requires TLS; use https://")
            case .tls(_, let reason): self = .untrusted(reason: reason)
            case .timedOut, .deadlinePassed: self = .timedOut
            case .closedWithoutResponse, .notHTTP: self = .other
            }
        }
    }

    /// What `kind` does not distinguish.
    public enum Detail: Sendable, Hashable {
        /// There was a connection, and no complete response in time.
        case responseTimedOut
        case lacksTLS, requiresTLS
        case notHTTP
        /// The connection was closed before the end of the response.
        case interrupted

        init?(_ failure: ClientFailure) {
            switch failure {
            case .timedOut(_, let seen):
                if seen.hasPrefix(ClientFailure.notConnected) { return nil }
                self = .responseTimedOut
            case .lacksTLS: self = .lacksTLS
            case .requiresTLS: self = .requiresTLS
            case .notHTTP: self = .notHTTP
            case .closedWithoutResponse: self = .interrupted
            case .nameNotFound, .refused, .unreachable, .certificate, .tls, .deadlinePassed: return nil
            }
        }
    }

    public let description: String
    public let kind: Kind
    public let detail: Detail?

    fileprivate static let interrupted = OperatorFailure(
        "the response was interrupted; try again", detail: .interrupted)

    init(_ description: String, kind: Kind = .other, detail: Detail? = nil) {
        self.description = description
        self.kind = kind
        self.detail = detail
    }
}
