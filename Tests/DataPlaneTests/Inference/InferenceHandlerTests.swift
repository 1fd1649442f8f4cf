import NIOCore
import NIOEmbedded
import NIOHTTP1
import SimpleAICore
import Synchronization
import Testing

@testable import DataPlane

/// The data plane's handler, with the output of an HTTP/2 stream and without sockets.
@Suite struct InferenceHandlerTests {
    private struct Bench {
        let channel = EmbeddedChannel()
        let control = ControlRecorder()
        let handler: InferenceHandler

        init() throws {
            handler = InferenceHandler(services: try makeServices(), output: .http2(HTTP2ResponseOutput()))
            try channel.pipeline.syncOperations.addHandlers(SocketRecorder(), handler, control)
            try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        }

        func receive(_ parts: HTTPServerRequestPart...) {
            for part in parts { channel.pipeline.fireChannelRead(part) }
            channel.pipeline.fireChannelReadComplete()
        }

        func head(_ method: HTTPMethod, _ uri: String, _ headers: HTTPHeaders = [:]) -> HTTPServerRequestPart {
            .head(HTTPRequestHead(version: .http1_1, method: method, uri: uri, headers: headers))
        }

        func sent() throws -> [String] {
            var parts: [String] = []
            while let part = try channel.readOutbound(as: HTTPServerResponsePart.self) {
                switch part {
                case .head(let head):
                    parts.append("\(head.status.code)\(head.headers.contains(name: "connection") ? " close" : "")")
                case .body(.byteBuffer(let bytes)): parts.append("body(\(bytes.readableBytes > 0))")
                case .body: parts.append("file")
                case .end: parts.append("end")
                }
            }
            return parts
        }
    }

    private static let path = "/v1/chat/completions"

    @Test func claimsInferencePathsOnly() throws {
        let bench = try Bench()
        bench.receive(bench.head(.POST, "/v1/models"), .body(ByteBuffer(string: "x")), .end(nil))
        #expect(bench.control.events == ["head(/v1/models)", "body(x)", "end", "complete"])
        bench.receive(bench.head(.OPTIONS, Self.path), .end(nil))
        #expect(bench.control.events.suffix(3) == ["head(\(Self.path))", "end", "complete"], "a preflight is no call")
        #expect(try bench.sent().isEmpty)
        let other = try Bench()
        other.receive(other.head(.POST, Self.path), .body(ByteBuffer(string: "{}")), .end(nil))
        #expect(try other.sent() == ["400", "body(true)", "end"])
        #expect(other.control.events.isEmpty && !other.handler.isCalling)
    }

    @Test func requestsFollowEachOther() throws {
        let bench = try Bench()
        for _ in 1...3 {
            bench.receive(bench.head(.POST, Self.path))
            #expect(bench.handler.isCalling && !bench.handler.holdsReads)
            bench.receive(.body(ByteBuffer(string: "{}")), .end(nil))
            #expect(try bench.sent() == ["400", "body(true)", "end"])
        }
        #expect(bench.channel.isActive)
    }

    @Test func closesAfterAResponseThatIsTheLast() throws {
        let bench = try Bench()
        bench.receive(
            bench.head(.POST, Self.path, ["Connection": "close"]), .body(ByteBuffer(string: "{}")), .end(nil))
        #expect(try bench.sent() == ["400 close", "body(true)", "end"])
        #expect(!bench.channel.isActive)
    }

    @Test func theControlPlanesLastResponseStatesIt() throws {
        let bench = try Bench()
        bench.receive(bench.head(.GET, "/health", ["Connection": "Close, x"]), .end(nil))
        bench.control.respond()
        #expect(try bench.sent() == ["200 close", "body(true)", "end"])
    }

    /// The client would mistake the body for its next response.
    @Test func aResponseToHEADHasNoBody() throws {
        let bench = try Bench()
        bench.receive(bench.head(.HEAD, "/health"), .end(nil))
        bench.control.respond()
        #expect(try bench.sent() == ["200", "end"])
        bench.receive(bench.head(.GET, "/health"), .end(nil))
        bench.control.respond()
        #expect(try bench.sent() == ["200", "body(true)", "end"])
    }

    @Test func aDisconnectEndsACall() throws {
        let bench = try Bench()
        #expect(!bench.handler.clientDisconnected())
        bench.receive(bench.head(.POST, Self.path))
        #expect(bench.handler.clientDisconnected() && !bench.handler.isCalling && !bench.channel.isActive)
        #expect(try bench.sent().isEmpty)
    }

    @Test func theEndOfTheChannelEndsACall() throws {
        let bench = try Bench()
        bench.receive(bench.head(.POST, Self.path))
        bench.channel.close(promise: nil)
        #expect(!bench.handler.isCalling)
    }

    @Test func eventsOfTheConnectionReachTheCall() throws {
        let drained = try Bench()
        drained.receive(drained.head(.POST, Self.path))
        drained.handler.drainExpired()
        #expect(try drained.sent().first == "503 close")
        let slow = try Bench()
        slow.receive(slow.head(.POST, Self.path))
        slow.handler.bodyIsTooSlow()
        #expect(try slow.sent().first == "408 close")
        // Without a call nothing happens.
        let idle = try Bench()
        idle.handler.drainExpired()
        idle.handler.bodyIsTooSlow()
        #expect(try idle.sent().isEmpty && idle.channel.isActive)
    }

    @Test func sendsContinueToAClientThatWaitsForIt() throws {
        let bench = try Bench()
        bench.receive(bench.head(.POST, Self.path, ["Expect": "100-continue"]))
        #expect(try bench.sent() == ["100"])
    }

    @Test func writabilityIsKnown() throws {
        let bench = try Bench()
        #expect(bench.handler.isWritable)
        bench.channel.isWritable = false
        bench.channel.pipeline.fireChannelWritabilityChanged()
        #expect(!bench.handler.isWritable)
    }

    /// Remembers what it was asked; knows no token.
    private final class ForgetfulVerifier: TokenVerifier {
        let lookups = Mutex<[(token: String, knowsDigest: Bool)]>([])
        var hasKeys: Bool { true }

        func cachedCaller(for token: String, digest: inout TokenDigest?) -> Caller? {
            lookups.withLock { $0.append((token, digest != nil)) }
            let word = token.utf8.reduce(0) { $0 << 8 | UInt64($1) }
            if let digest { #expect(digest.words.0 == word, "the digest of another token") }
            digest = TokenDigest(words: (word, 0, 0, 0))
            return nil
        }

        func caller(for token: String) async throws(TokenRejection) -> Caller { throw .invalid(reason: "") }
    }

    /// The token that a head with these fields presents; nil if it presents none.
    private func token(_ fields: HTTPHeaders, _ cache: inout CallerCache, _ checks: CredentialChecks) -> String? {
        let fields = CallFields(fields)
        let step = cache.firstStep(authorization: fields.authorization, bareToken: fields.token, checks)
        if case .unverified(let token) = step { return token }
        return nil
    }

    /// A caller's token is extracted and hashed once per connection; a similar value is another one.
    @Test func tokensAreCached() {
        let verifier = ForgetfulVerifier()
        let checks = CredentialChecks(
            verifier: verifier, throttle: AuthenticationThrottle(perMinute: 600, metrics: AdmissionMetrics()))
        var cache = CallerCache()
        for authorization in ["Bearer a", "bearer a", "Bearer b", "Bearer b", "Basic a", "Bearer b", "Bearer a"] {
            let expected = authorization.hasPrefix("Basic") ? nil : String(authorization.suffix(1))
            #expect(token(["authorization": authorization], &cache, checks) == expected)
        }
        #expect(token([:], &cache, checks) == nil)
        let lookups = verifier.lookups.withLock { $0 }
        #expect(lookups.map(\.token) == ["a", "a", "b", "b", "b", "a"])
        #expect(lookups.map(\.knowsDigest) == [false, false, false, true, true, false])
    }

    @Test func fieldsWithBareTokensCarryCredentials() {
        let checks = CredentialChecks(
            verifier: ForgetfulVerifier(),
            throttle: AuthenticationThrottle(perMinute: 600, metrics: AdmissionMetrics()))
        var cache = CallerCache()
        #expect(token(["X-API-Key": "a"], &cache, checks) == "a" && token(["api-key": "b"], &cache, checks) == "b")
        #expect(token(["x-api-key": ""], &cache, checks) == nil)
        #expect(token(["x-api-key": "", "authorization": "Bearer a"], &cache, checks) == "a")
        #expect(token(["x-api-key": "b", "authorization": "Bearer a"], &cache, checks) == "b")
        #expect(token(["x-api_key": "a", "xapi-key": "b", "api.key": "c"], &cache, checks) == nil)
    }

    @Test func agentsStateTheirSession() {
        #expect(CallFields(["X-Claude-Code-Session-Id": "s1"]).session == "s1")
        #expect(CallFields(["session-id": "s2"]).session == "s2")
        #expect(CallFields(["session_id": "s2", "x-client-request-id": "r"]).session == nil)
    }
}
