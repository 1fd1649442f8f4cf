import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
public import Logging
import NIOCore
public import ServiceLifecycle
import SimpleAICore

/// A token issuer for development: discovery, key set, and a token endpoint that grants every role to every client.
///
/// It therefore listens on 127.0.0.1 only, refuses requests that name another host (a web page whose host name resolves
/// to 127.0.0.1), and states its purpose in the discovery document. Its issuer identifier is its base URL.
public final class TokenIssuer: Service {
    private let key: SigningKey
    private let audience: String
    private let lifetime: Duration
    private let port = Watched<Int?>(nil)
    private let logger: Logger

    /// - Parameter lifetime: of tokens for which the request states none.
    public init(key: SigningKey, audience: String, lifetime: Duration = .seconds(3600), logger: Logger) {
        self.key = key
        self.audience = audience
        self.lifetime = lifetime
        self.logger = logger
    }

    /// Serves until the task is cancelled.
    public func run() async throws {
        defer { port.fail(CancellationError()) }
        let application = Application(
            router: router(),
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in self.port.update { $0 = channel.localAddress?.port } },
            logger: logger)
        try await runToGracefulEnd(application, logger: logger)
    }

    /// The base URL, which is the issuer identifier; waits until the issuer listens.
    public func url() async throws -> String { try await tokenMint().issuer }

    /// The mint behind the token endpoint; waits until the issuer knows its own URL.
    public func tokenMint() async throws -> TokenMint {
        guard let port = try await port.value(where: { $0 != nil }) else { throw CancellationError() }
        return TokenMint(key: key, issuer: "http://127.0.0.1:\(port)", audience: audience)
    }

    private func router() -> Router<BasicRequestContext> {
        let router = Router()
        router.add(middleware: LoopbackHostOnly())
        router.get("/.well-known/openid-configuration") { _, _ in try await self.discovery() }
        router.get("/jwks.json") { _, _ in
            Response(
                status: .ok, headers: [.contentType: "application/json"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: PublicJSONWebKey.keySet([self.key.publicKey]))))
        }
        router.post("/token") { request, _ in try await self.token(request) }
        return router
    }

    private func discovery() async throws -> Response {
        let url = try await url()
        return Response(json: [
            "issuer": .string(url),
            "jwks_uri": .string(url + "/jwks.json"),
            "token_endpoint": .string(url + "/token"),
            "grant_types_supported": ["client_credentials"],
            "response_types_supported": ["token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [.string(key.algorithm.rawValue)],
            "token_endpoint_auth_methods_supported": ["none"],
            "service_documentation": "SimpleAI development issuer: signs any requested claims. Loopback only.",
        ])
    }

    /// Handles a request in the form of RFC 6749 §4.4, with `user` and `role` (repeated, or several separated by
    /// spaces) in place of credentials, and `lifetime` in seconds.
    private func token(_ request: Request) async throws -> Response {
        let body = try await request.body.collect(upTo: 65536)
        guard let form = FormFields(String(buffer: body)) else {
            return refusal("invalid_request", "the body is not application/x-www-form-urlencoded")
        }
        guard let grant = form["grant_type"].first else { return refusal("invalid_request", "grant_type is missing") }
        guard grant == "client_credentials" else {
            return refusal("unsupported_grant_type", "only client_credentials is supported")
        }
        var lifetime = lifetime
        if let requestedLifetime = form["lifetime"].first {
            guard let seconds = Int(requestedLifetime), (1...Self.maxLifetime).contains(seconds) else {
                return refusal("invalid_request", "lifetime must be a number of seconds, at most one year")
            }
            lifetime = .seconds(seconds)
        }
        let roles = form["role"].flatMap { $0.split(separator: " ") }.map { Role(String($0)) }
        let token = try await tokenMint().token(
            user: form["user"].first ?? "developer", roles: roles, lifetime: lifetime)
        var response = Response(json: [
            "access_token": .string(token), "token_type": "Bearer",
            "expires_in": .integer(Int(lifetime.components.seconds)),
        ])
        response.headers[.cacheControl] = "no-store"
        return response
    }

    private static let maxLifetime = 366 * 24 * 3600

    private func refusal(_ code: String, _ reason: String) -> Response {
        Response(status: .badRequest, json: ["error": .string(code), "error_description": .string(reason)])
    }
}

/// Refuses requests from a browser for another host name that resolves to this machine.
private struct LoopbackHostOnly: RouterMiddleware {
    typealias Context = BasicRequestContext

    func handle(
        _ request: Request, context: BasicRequestContext,
        next: (Request, BasicRequestContext) async throws -> Response
    ) async throws -> Response {
        let host = (request.head.authority ?? "").split(separator: ":").first.map(String.init) ?? ""
        guard ["127.0.0.1", "localhost"].contains(host) else {
            return Response(
                status: .misdirectedRequest, json: ["error": "the development issuer serves 127.0.0.1 only"])
        }
        return try await next(request, context)
    }
}
