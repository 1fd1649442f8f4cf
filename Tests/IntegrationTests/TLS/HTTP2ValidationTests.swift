import NIOHTTP2
import Settings
import SimpleAICore
import StandIn
import Testing

@testable import DataPlane
@testable import Gateway
@testable import LocalFleet

extension Integration {
    /// Hostile and broken HTTP/2 clients, and the limits that stop them.
    @Suite struct HTTP2ValidationTests {
        private typealias Engine = ScriptedEngine

        /// Malformed heads (RFC 9113 §8.1.1), as changes to a valid one.
        private static let malformed: [(String, @Sendable (inout [(String, String)]) -> Void)] = [
            ("no method", { $0.removeAll { $0.0 == ":method" } }),
            ("no path", { $0.removeAll { $0.0 == ":path" } }),
            ("no scheme", { $0.removeAll { $0.0 == ":scheme" } }),
            ("no authority", { $0.removeAll { $0.0 == ":authority" } }),
            ("a path twice", { $0.insert((":path", "/health"), at: 0) }),
            ("an unknown pseudo-header", { $0.insert((":user", "root"), at: 0) }),
            ("an answer's pseudo-header", { $0.insert((":status", "200"), at: 0) }),
            ("a pseudo-header behind fields", { $0.append((":authority", "other")) }),
            ("a path that is none", { $0.replace(":path", with: "v1/chat/completions") }),
            ("a space in the path", { $0.replace(":path", with: "/v1/chat/completions HTTP/1.1") }),
            ("another scheme", { $0.replace(":scheme", with: "file") }),
            ("a method that is no token", { $0.replace(":method", with: "PO(ST") }),
            ("CONNECT", { $0.replace(":method", with: "CONNECT") }),
            ("two hosts", { $0 += [("host", "gateway"), ("host", "gateway")] }),
            ("another host than the authority", { $0.append(("host", "other")) }),
            ("a user in the authority", { $0.replace(":authority", with: "root@gateway") }),
            ("a name with capitals", { $0.append(("X-Name", "value")) }),
            ("a name that is no token", { $0.append(("x name", "value")) }),
            ("a line end in a value", { $0.append(("x-name", "value\r\nx-simpleai-runner: mine")) }),
            ("a zero in a value", { $0.append(("x-name", "value\0")) }),
            ("a bell in a value", { $0.append(("x-name", "\u{7}")) }),
            ("a space before a value", { $0.append(("x-name", " value")) }),
            ("connection", { $0.append(("connection", "keep-alive")) }),
            ("transfer-encoding", { $0.append(("transfer-encoding", "chunked")) }),
            ("transfer_encoding", { $0.append(("transfer_encoding", "chunked")) }),
            ("upgrade", { $0.append(("upgrade", "websocket")) }),
            ("te", { $0.append(("te", "gzip")) }),
            ("a malformed length", { $0.append(("content-length", "+3")) }),
            ("a length that is less than the body", { $0.append(("content-length", "3")) }),
            ("a length that exceeds the body", { $0.append(("content-length", "30000")) }),
            ("two lengths", { $0 += [("content-length", "3"), ("content-length", "4")] }),
            ("an empty length", { $0.append(("content-length", "")) }),
            ("a list of lengths", { $0.append(("content-length", "3, 3")) }),
            ("an empty method", { $0.replace(":method", with: "") }),
            ("an empty path", { $0.replace(":path", with: "") }),
            ("an empty authority", { $0.replace(":authority", with: "") }),
            ("an empty pseudo-header", { $0.insert((":", "x"), at: 0) }),
            ("a protocol", { $0.insert((":protocol", "websocket"), at: 0) }),
            ("a colon in a name", { $0.append(("x:name", "value")) }),
            ("a zero in a name", { $0.append(("x-name\0", "value")) }),
            ("a line end in a name", { $0.append(("x-name\r\nx", "value")) }),
            ("a name beyond ASCII", { $0.append(("x-n\u{E4}me", "value")) }),
            ("a space behind a value", { $0.append(("x-name", "value ")) }),
            ("a tab before a value", { $0.append(("x-name", "\tvalue")) }),
            ("keep-alive", { $0.append(("keep-alive", "timeout=5")) }),
            ("proxy-connection", { $0.append(("proxy-connection", "keep-alive")) }),
        ]

        /// Malformed trailers.
        private static let malformedTrailers: [(String, String)] = [
            (":path", "/health"), (":status", "200"), ("X-Name", "value"), ("x name", "value"), ("x-name", "a\r\nb"),
            ("connection", "close"), ("transfer-encoding", "chunked"), ("content-length", "3"), ("host", "other"),
            ("authorization", "Bearer x"),
        ]

        @Test(arguments: malformedTrailers)
        func malformedTrailersCostTheirStreamOnly(name: String, value: String) async throws {
            try await withHTTP2 { gateway, engine in
                let client = try await gateway.connectHTTP2()
                let stream = try await client.send(
                    gateway.head(), body: RunningGateway.chat(), trailers: [(name, value)])
                #expect(try await stream.code() == .protocolError)
                #expect(engine.counts.value.requests.isEmpty)
                let good = try await client.send(
                    gateway.head(), body: RunningGateway.chat(), trailers: [("x-other", "value")])
                #expect(try await good.response().status == 200)
                #expect(client.state.value.goAways.isEmpty)
                try await gateway.settled()
                await client.close()
            }
        }

        /// `HTTP2ConnectionGuard` explains why this head costs its connection; nothing else may be affected.
        @Test(arguments: [false, true])
        func aFieldWithoutANameEndsItsConnection(isTrailer: Bool) async throws {
            try await withHTTP2(Engine.silent) { gateway, engine in
                let other = try await gateway.connectHTTP2()
                let client = try await gateway.connectHTTP2()
                let call = try await client.send(gateway.head(), body: RunningGateway.chat())
                _ = try await engine.counts.value { $0.requests.count == 1 }
                if isTrailer {
                    _ = try await client.send(gateway.head(), body: RunningGateway.chat(), trailers: [("", "value")])
                } else {
                    _ = try await client.send(gateway.head(fields: [("", "value")]), body: RunningGateway.chat())
                }
                try await client.isLeft()
                #expect(client.state.value.goAways.last?.code == .compressionError)
                #expect(call.state.value.isClosed)
                // The other call on the connection ends as if its client had disconnected.
                _ = try await engine.counts.value { $0.departures == 1 }
                #expect(engine.counts.value.requests.count == 1)
                #expect(try await other.send(gateway.head("GET", "/health")).response().status == 200)
                try await gateway.settled()
                await other.close()
            }
        }

        /// All streams but the first of each connection are shared among addresses.
        @Test func oneAddressLeavesStreamsToOthers() async throws {
            try await withHTTP2(settings: { $0.server.maxConnections = 100 }) { gateway, _ in
                var clients: [HTTP2Client] = []
                for _ in 0..<6 {
                    let client = try await gateway.connectHTTP2(from: "127.0.0.2")
                    for _ in 0..<HTTP2Connection.maxStreams {
                        _ = try await client.send(gateway.head(), body: "{", isWhole: false)
                    }
                    clients.append(client)
                }
                let refusals = "simpleai_limit_rejections_total{limit=\"streams\"}"
                _ = try await gateway.metrics { $0[refusals] == Double(6 * (HTTP2Connection.maxStreams - 1) - 512) }
                let last = try #require(clients.last)
                let refused = try await last.send(gateway.head("GET", "/health"))
                #expect(try await refused.code() == .refusedStream)
                let other = try await gateway.connectHTTP2()
                var streams: [HTTP2Stream] = []
                for _ in 0..<30 { streams.append(try await other.send(gateway.head(), body: "{", isWhole: false)) }
                for stream in streams {
                    try await stream.send(String(RunningGateway.chat().dropFirst()), isLast: true)
                    #expect(try await stream.response().status == 200)
                }
                for client in clients { await client.close() }
                try await gateway.settled()
                await other.close()
            }
        }

        @Test func malformedHeadsCostTheirStreamOnly() async throws {
            try await withHTTP2 { gateway, engine in
                let client = try await gateway.connectHTTP2()
                for (name, spoil) in Self.malformed {
                    var head = try gateway.head()
                    spoil(&head)
                    let stream = try await client.send(head, body: RunningGateway.chat())
                    #expect(try await stream.code() == .protocolError, "\(name)")
                    #expect(stream.state.value.fields.isEmpty, "\(name) was answered")
                }
                #expect(engine.counts.value.requests.isEmpty, "an engine saw what was malformed")
                let good = try await client.send(gateway.head(), body: RunningGateway.chat())
                #expect(try await good.response().status == 200)
                #expect(client.state.value.goAways.isEmpty)
                try await gateway.settled()
                await client.close()
            }
        }

        @Test func aTranslatedRequestMayNameItsHostOnly() async throws {
            try await withHTTP2 { gateway, _ in
                let client = try await gateway.connectHTTP2()
                let head = try gateway.head(fields: [("host", "gateway")]).filter { $0.0 != ":authority" }
                #expect(try await client.send(head, body: RunningGateway.chat()).response().status == 200)
                await client.close()
            }
        }

        @Test func headsThatAreTooLarge() async throws {
            try await withHTTP2(settings: { $0.server.maxHeaders = .kibibytes(8) }) { gateway, engine in
                let client = try await gateway.connectHTTP2()
                let large = [("x-padding", String(repeating: "p", count: 9 << 10))]
                for isWhole in [true, false] {
                    let stream = try await client.send(
                        gateway.head(fields: large), body: RunningGateway.chat(), isWhole: isWhole)
                    let response = try await stream.response()
                    #expect(response.status == 431)
                    #expect(try response.error().code == "headers_too_large")
                    // The end of a whole request may arrive after the response.
                    let code = try await stream.code()
                    #expect(code == .noError || isWhole && code == nil)
                }
                #expect(try await client.send(gateway.head(), body: RunningGateway.chat()).response().status == 200)
                #expect(engine.counts.value.requests.count == 1)
                await client.close()
            }
        }

        /// CVE-2024-24549 and similar ones: an endless head is refused instead of buffered.
        @Test func headsWithoutAnEnd() async throws {
            try await withHTTP2 { gateway, _ in
                let wire = try await Wire.connect(to: gateway.port, tls: TLSClient.context(["h2"]))
                func frame(_ type: UInt8, stream: UInt8, _ payload: [UInt8]) -> [UInt8] {
                    let length = payload.count
                    return [
                        UInt8(length >> 16), UInt8(length >> 8 & 0xFF), UInt8(length & 0xFF), type, 0, 0, 0, 0, stream,
                    ]
                        + payload
                }
                try await wire.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
                try await wire.send(frame(4, stream: 0, []) + frame(1, stream: 1, [0x82]))
                for _ in 1...100 where !wire.state.value.hasEnded {
                    // A never-indexed field (RFC 7541 §6.2.3) in one CONTINUATION frame after the other.
                    try? await wire.send(frame(9, stream: 1, [0x10, 1, UInt8(ascii: "a"), 1, UInt8(ascii: "b")]))
                }
                try await wire.isLeft()
                await wire.close()
            }
        }

        enum Flood: String, CaseIterable, Sendable {
            case resets, pings, settings
        }

        /// CVE-2023-44487 and its predecessors.
        @Test(arguments: Flood.allCases)
        func floodsEndTheirConnection(flood: Flood) async throws {
            try await withHTTP2(Engine.silent, slots: 10) { gateway, _ in
                let client = try await gateway.connectHTTP2()
                for number in 0..<1_000 where !client.state.value.hasEnded {
                    switch flood {
                    case .resets:
                        guard let stream = try? await client.send(gateway.head(), body: RunningGateway.chat())
                        else { break }
                        await stream.reset()
                    case .pings: try? await client.send(.ping(.init(withInteger: UInt64(number)), ack: false))
                    case .settings: try? await client.send(.settings(.settings([])))
                    }
                }
                try await client.isLeft()
                // The GOAWAY is lost if the flood continues after it.
                if let code = client.state.value.goAways.last?.code { #expect(code == .enhanceYourCalm) }
                try await gateway.settled()
                let other = try await gateway.connectHTTP2()
                #expect(try await other.send(gateway.head("GET", "/health")).response().status == 200)
                await other.close()
            }
        }

        @Test func whatIsNoHTTP2EndsTheConnection() async throws {
            try await withHTTP2 { gateway, _ in
                let wire = try await Wire.connect(to: gateway.port, tls: TLSClient.context(["h2"]))
                try await wire.send("GET /health HTTP/1.1\r\nHost: gateway\r\n\r\n")
                try await wire.isLeft()
                await wire.close()
            }
        }

        /// A connection without a request, a body that arrives byte by byte, a reader that has stopped: each ends
        /// after a timeout.
        @Test func aStalledStreamIsNotAwaited() async throws {
            let event = "data: " + String(repeating: "x", count: 32 << 10) + "\n\n"
            try await withHTTP2 { _, wire in
                try await wire.send(Engine.streamHead)
                while true { try await wire.send(Engine.chunk(event)) }
            } settings: {
                $0.server.idleTimeout = .milliseconds(400)
            } _: { gateway, engine in
                let idle = try await gateway.connectHTTP2()
                let client = try await gateway.connectHTTP2()
                let unfinished = try await client.send(gateway.head(), body: "{", isWhole: false)
                let stalled = try await client.send(gateway.head(), body: RunningGateway.chat(stream: true))
                try await stalled.pauseReading()
                #expect(try await unfinished.response().status == 408)
                _ = try await engine.counts.value { $0.departures == 1 }
                try await idle.isLeft()
                #expect(idle.state.value.goAways.first?.code == .noError)
                try await gateway.settled()
                await client.close()
            }
        }
    }
}

extension [(String, String)] {
    fileprivate mutating func replace(_ name: String, with value: String) {
        self = map { $0.0 == name ? (name, value) : $0 }
    }
}
