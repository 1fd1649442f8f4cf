import Foundation

/// One request of a check, before it is sent.
struct APIRequest: Sendable {
    var method: String
    /// Path below the base URL, beginning with a slash.
    var path: String
    var credential: Credential
    /// A document of ``contentType``.
    var body: Data?
    /// Whether the request asks for a stream.
    var wantsStream = false
    var contentType = "application/json"
    /// Media types that the response may have; nil: JSON, or an event stream if the request asks for one.
    var accept: String?
    /// Further header fields.
    var headers: [(name: String, value: String)] = []
    /// The arguments with which curl sends a body that is not text; nil for text.
    var curlBody: String?
    /// Whether the body is a sound with spoken words.
    var containsSpeech = false

    static func get(_ path: String, as credential: Credential) -> APIRequest {
        APIRequest(method: "GET", path: path, credential: credential)
    }
}

/// The credential of a request.
struct Credential: Sendable {
    /// Description for reports: `basic token`, `no credentials`.
    let name: String
    /// Value of the header field ``field``; nil sends none.
    let authorization: String?
    /// The header value to show in a curl command, without the secret; nil omits the header.
    let shellForm: String?
    /// The header field that carries the credential.
    var field = "Authorization"

    static let none = Credential(name: "no credentials", authorization: nil, shellForm: nil)

    static func bearer(_ token: String, name: String) -> Credential {
        Credential(name: name, authorization: "Bearer \(token)", shellForm: "Bearer $SIMPLEAI_TEST_TOKEN")
    }

    /// The same token in the field `x-api-key`, as Anthropic's clients send it.
    static func apiKey(_ token: String, name: String, shellForm: String = "$SIMPLEAI_TEST_TOKEN") -> Credential {
        Credential(name: name, authorization: token, shellForm: shellForm, field: "x-api-key")
    }
}

/// A small chat completion request, with enough tokens that a reasoning model produces some text.
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

/// Why no complete response arrived: an error of the network, of TLS or of HTTP, or a timeout.
enum ClientFailure: Error, Sendable, Equatable {
    case nameNotFound(host: String)
    case refused(authority: String)
    case unreachable(authority: String, reason: String)
    case certificate(authority: String, CertificateProblem)
    /// The peer speaks plain HTTP on a port where TLS was expected.
    case lacksTLS(authority: String)
    /// The peer speaks TLS on a port where plain HTTP was expected.
    case requiresTLS(authority: String)
    case tls(authority: String, reason: String)
    case timedOut(after: Duration, seen: String)
    case closedWithoutResponse(authority: String)
    case notHTTP(authority: String, reason: String)
    case deadlinePassed

    /// Begins what was seen before a timeout without a connection.
    static let notConnected = "not connected"

    /// Why a certificate is not trusted: `untrusted` and `otherHost` are the TLS library's report, `stated` is a reason
    /// read from the certificate.
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
            "connection refused by \(authority): no process listens on this port; check --url"
        case .unreachable(let authority, let reason):
            "cannot connect to \(authority): \(reason); check --url and the network"
        case .certificate(let authority, let problem):
            "the certificate of \(authority) is not trusted: \(problem.reason); --no-verify-ssl accepts any certificate"
        case .lacksTLS(let authority):
            "no TLS connection to \(authority): it does not support TLS; if it serves plain http, use http:// in --url"
        case .requiresTLS(let authority):
            "\(authority) requires TLS; use https:// in --url"
        case .tls(let authority, let reason):
            "no TLS connection to \(authority): \(reason); check --url"
        case .timedOut(let after, let seen):
            "Request timed out after \(after.readable) (\(seen)); raise --timeout SECONDS to wait longer"
        case .closedWithoutResponse(let authority):
            "\(authority) closed the connection without a response; check --url and the server's log"
        case .notHTTP(let authority, let reason):
            "the response of \(authority) is not HTTP (\(reason)); check --url"
        case .deadlinePassed:
            "the run's --deadline passed"
        }
    }
}

/// A request that received no response, with the reason.
struct RequestFailed: Error, Sendable {
    let request: APIRequest
    let failure: ClientFailure
}
