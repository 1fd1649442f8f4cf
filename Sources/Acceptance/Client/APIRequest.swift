import Foundation

/// One request of a check, before it is sent.
struct APIRequest: Sendable {
    var method: String
    /// Below the base URL, beginning with a slash.
    var path: String
    var credential: Credential
    /// JSON; sent with its content type.
    var body: Data?
    /// Whether an event stream is asked for.
    var wantsStream = false

    static func get(_ path: String, as credential: Credential) -> APIRequest {
        APIRequest(method: "GET", path: path, credential: credential)
    }
}

/// What a request shows as its caller.
struct Credential: Sendable {
    /// In words: `basic token`, `no credentials`.
    let name: String
    /// The `Authorization` header's value; nil sends none.
    let authorization: String?
    /// How a curl command writes the header's value; nil leaves it out.
    let shellForm: String?

    static let none = Credential(name: "no credentials", authorization: nil, shellForm: nil)

    static func bearer(_ token: String, name: String) -> Credential {
        Credential(name: name, authorization: "Bearer \(token)", shellForm: "Bearer $SIMPLEAI_TEST_TOKEN")
    }
}

/// A chat completion to ask for: small, and enough tokens that a reasoning model gets to say something.
struct ChatRequest: Encodable, Sendable {
    struct Message: Encodable, Sendable {
        let role: String
        let content: String
    }

    let model: String
    let messages: [Message]
    let maxTokens: Int
    let stream: Bool

    enum CodingKeys: String, CodingKey {
        case model, messages, stream
        case maxTokens = "max_tokens"
    }

    init(model: String, prompt: String, stream: Bool, maxTokens: Int = 64) {
        self.model = model
        messages = [Message(role: "user", content: prompt)]
        self.maxTokens = maxTokens
        self.stream = stream
    }
}

/// Why no (whole) answer came: about the connection, never about what the answer says.
enum ClientFailure: Error, Sendable, Equatable {
    case nameNotFound(host: String)
    case refused(authority: String)
    case unreachable(authority: String, reason: String)
    case certificate(authority: String, CertificateProblem)
    /// Plain http was found where TLS was asked for.
    case speaksNoTLS(authority: String)
    /// TLS was found where plain http was asked for.
    case speaksTLS(authority: String)
    case tls(authority: String, reason: String)
    case timedOut(after: Duration, seen: String)
    case closedWithoutAnswer(authority: String)
    case notHTTP(authority: String, reason: String)
    case deadlinePassed

    /// What is wrong with a certificate: at first as far as the TLS library says, then in the certificate's own words.
    enum CertificateProblem: Equatable {
        case untrusted
        case otherHost
        case stated(String)

        var reason: String {
            switch self {
            case .untrusted: "it cannot be validated"
            case .otherHost: "it is for another host"
            case .stated(let reason): reason
            }
        }
    }
}

extension ClientFailure: CustomStringConvertible {
    var description: String {
        switch self {
        case .nameNotFound(let host):
            "the name \(host) cannot be resolved; check --url"
        case .refused(let authority):
            "connection refused by \(authority): nothing listens there; check --url"
        case .unreachable(let authority, let reason):
            "cannot connect to \(authority): \(reason); check --url and the network"
        case .certificate(let authority, let problem):
            "the certificate of \(authority) is not trusted: \(problem.reason); --no-verify-ssl accepts any certificate"
        case .speaksNoTLS(let authority):
            "no TLS connection to \(authority): it speaks no TLS; is the url http:// instead of https://?"
        case .speaksTLS(let authority):
            "\(authority) speaks TLS, not plain http; the url begins with https://"
        case .tls(let authority, let reason):
            "no TLS connection to \(authority): \(reason); check --url"
        case .timedOut(let after, let seen):
            "Request timed out after \(after.readable) (\(seen)); --timeout SECONDS allows more"
        case .closedWithoutAnswer(let authority):
            "\(authority) closed the connection without an answer; check --url, and the log of what listens there"
        case .notHTTP(let authority, let reason):
            "what \(authority) answers is not HTTP (\(reason)); check --url"
        case .deadlinePassed:
            "the run's --deadline passed"
        }
    }
}

/// A request that got no answer, with its reason.
struct RequestFailed: Error, Sendable {
    let request: APIRequest
    let failure: ClientFailure
}
