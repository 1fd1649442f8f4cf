import Foundation
import Relay
import Settings
import SimpleAICore
import TestSupport
import Testing

@testable import DataPlane
@testable import Gateway
@testable import LocalFleet

extension Integration {
    /// Encoded bodies: engines get them decoded, within the limits of bodies without a content coding.
    @Suite struct EncodingTests {
        private static func send(
            _ gateway: RunningGateway, _ body: [UInt8], _ fields: [String], path: String = "/v1/chat/completions",
            roles: [Role] = ["model:specific"]
        ) async throws -> Response {
            let wire = try await gateway.connect()
            let head = try gateway.request("", "POST", path, fields: fields, roles: roles)
                .replacing("Content-Length: 0", with: "Content-Length: \(body.count)")
            try await wire.send(Array(head.utf8) + body)
            let response = try await wire.response()
            await wire.close()
            return response
        }

        @Test(
            arguments: [
                (Compressed.Format.gzip, ["gzip"]), (.gzip, ["X-GZIP"]), (.gzip, ["identity, gzip"]),
                (.gzip, ["identity", "gzip"]),
                (.zlib, ["deflate"]), (.raw, ["Deflate"]), (nil, ["identity"]), (nil, [""]), (nil, []),
            ] as [(Compressed.Format?, [String])])
        func enginesGetBodiesDecoded(format: Compressed.Format?, codings: [String]) async throws {
            try await withEngine(ScriptedEngine.wellBehaved) { gateway, engine in
                let text = RunningGateway.chat(more: "\"user\":\"é\",")
                let body = format.map { Compressed.bytes(text, $0) } ?? Array(text.utf8)
                let fields = codings.map { "Content-Encoding: \($0)" }
                #expect(try await Self.send(gateway, body, fields).status == 200)
                let request = try engine.request(0)
                #expect(request.body == text)
                #expect(request["content-encoding"] == nil && request["content-length"] == "\(text.utf8.count)")
                let route = try await Self.send(gateway, body, fields, path: "/v1/route")
                #expect(try route.json()["object"] as? String == "route")
                let name = Array(#"{"name":"k"}"#.utf8)
                let key = try await Self.send(
                    gateway, format.map { Compressed.bytes(name, $0) } ?? name, fields, path: "/admin/api/keys",
                    roles: ["admin"])
                #expect(key.status == 201)
                try await gateway.settled()
            }
        }

        @Test(arguments: [["br"], ["zstd"], ["gzip, exi"], ["gzip, gzip"], ["gzip", "deflate"], ["compress"]])
        func reportsUnsupportedCodings(codings: [String]) async throws {
            try await withEngine(ScriptedEngine.wellBehaved) { gateway, engine in
                for path in ["/v1/chat/completions", "/v1/route", "/admin/api/keys"] {
                    let response = try await Self.send(
                        gateway, Array("{}".utf8), codings.map { "Content-Encoding: \($0)" }, path: path,
                        roles: ["admin"])
                    #expect(response.status == 415 && response["accept-encoding"] == "gzip, deflate", "\(path)")
                    #expect(try response.error().code == "unsupported_media_type")
                }
                // Here the content coding is not the cause of the refusal.
                let type = try await gateway.send("{}", fields: ["Content-Type: text/plain"])
                #expect(type.status == 415 && type["accept-encoding"] == nil)
                #expect(engine.counts.value.requests.isEmpty)
            }
        }

        @Test func damagedBodiesAreRefused() async throws {
            try await withEngine(ScriptedEngine.wellBehaved) { gateway, engine in
                let good = Compressed.bytes(RunningGateway.chat(), .gzip)
                for body in [
                    Array(good.dropLast(12)), Array(good.dropLast(1)), good + [0], good + good, [], Array("{}".utf8),
                    Compressed.bytes("{", .gzip), Compressed.bytes(RunningGateway.chat(), .zlib),
                ] {
                    let response = try await Self.send(gateway, body, ["Content-Encoding: gzip"])
                    #expect(response.status == 400)
                    _ = try response.error()
                }
                #expect(engine.counts.value.requests.isEmpty)
                try await gateway.settled()
            }
        }

        /// The limit applies to the decoded size, not to the encoded size.
        @Test func bombsAreRefused() async throws {
            try await withEngine(ScriptedEngine.wellBehaved, settings: { $0.server.maxBody = .kibibytes(64) }) {
                gateway, engine in
                let text = RunningGateway.chat(more: "\"user\":\"\(String(repeating: "x", count: 8 << 20))\",")
                for format in Compressed.Format.allCases {
                    let bomb = Compressed.bytes(text, format)
                    #expect(bomb.count < 64 << 10)
                    let coding = format == .gzip ? "gzip" : "deflate"
                    for path in ["/v1/chat/completions", "/v1/route", "/admin/api/keys"] {
                        let response = try await Self.send(
                            gateway, bomb, ["Content-Encoding: \(coding)"], path: path, roles: ["admin"])
                        #expect(response.status == 413, "\(path)")
                        #expect(try response.error().code == "request_too_large")
                    }
                }
                #expect(engine.counts.value.requests.isEmpty)
                try await gateway.settled()
            }
        }

        /// A few kilobytes that decode to megabytes: decoded in slices, between which the event loop serves other
        /// connections.
        @Test func largeBodiesAreDecodedInSlices() async throws {
            try await withEngine(ScriptedEngine.wellBehaved) { gateway, engine in
                let text = RunningGateway.chat(more: "\"user\":\"\(String(repeating: "x", count: 2 << 20))\",")
                let decoding = gateway.application.dataPlane.capacity.decoding
                let maxSlices = (text.utf8.count + DecodingQueue.slice) / DecodingQueue.slice
                #expect(maxSlices > 8, "a slice is a small part of a large body")
                #expect(try await gateway.send(text).status == 200)
                #expect(decoding.sliceCount == 0, "there was nothing to decode")
                // The first slice is decoded as it arrives.
                for (number, format) in Compressed.Format.allCases.enumerated() {
                    let coding = format == .gzip ? "gzip" : "deflate"
                    let response = try await Self.send(
                        gateway, Compressed.bytes(text, format), ["Content-Encoding: \(coding)"])
                    #expect(response.status == 200)
                    #expect(try engine.request(number + 1).body == text)
                    #expect(((number + 1) * (maxSlices - 3)...(number + 1) * maxSlices).contains(decoding.sliceCount))
                }
                try await gateway.settled()
            }
        }

        /// The rest of a request that arrives while its beginning is being decoded, and the request behind it.
        @Test func whatComesWhileABodyIsDecodedIsKept() async throws {
            try await withEngine(ScriptedEngine.wellBehaved) { gateway, engine in
                let text = RunningGateway.chat(more: "\"user\":\"\(String(repeating: "x", count: 1 << 20))\",")
                let body = Compressed.bytes(text, .gzip)
                let fields = ["Content-Encoding: gzip"]
                let head = Array(
                    try gateway.request("", "POST", fields: fields)
                        .replacing("Content-Length: 0", with: "Content-Length: \(body.count)").utf8)
                let wire = try await gateway.connect()
                // Two requests at once, then one whose body arrives in three parts.
                try await wire.send(head + body + head + body)
                #expect(try await wire.response().status == 200)
                #expect(try await wire.response().status == 200)
                try await wire.send(head + body[..<(body.count / 3)])
                try await wire.send(Array(body[(body.count / 3)..<(body.count - 1)]))
                try await wire.send([body[body.count - 1]])
                #expect(try await wire.response().status == 200)
                for number in 0..<3 { #expect(try engine.request(number).body == text) }
                await wire.close()
                try await gateway.settled()
            }
        }

        /// When a client disconnects, decoding of its body stops at any point.
        @Test func aClientThatLeavesEndsDecoding() async throws {
            try await withEngine(ScriptedEngine.wellBehaved) { gateway, engine in
                let text = RunningGateway.chat(more: "\"user\":\"\(String(repeating: "x", count: 8 << 20))\",")
                let body = Compressed.bytes(text, .gzip)
                let head = try gateway.request("", "POST", fields: ["Content-Encoding: gzip"])
                    .replacing("Content-Length: 0", with: "Content-Length: \(body.count + 1)")
                let wire = try await gateway.connect()
                try await wire.send(Array(head.utf8) + body)
                _ = try await gateway.metrics { ($0["simpleai_buffered_bytes"] ?? 0) > 0 }
                await wire.close()
                try await gateway.settled()
                #expect(engine.counts.value.requests.isEmpty)
            }
        }

        @Test func whatIsDecodedCountsAsHeld() async throws {
            try await withEngine(ScriptedEngine.wellBehaved, settings: { $0.server.maxBuffered = .kibibytes(256) }) {
                gateway, _ in
                let text = RunningGateway.chat(more: "\"user\":\"\(String(repeating: "x", count: 1 << 20))\",")
                let response = try await Self.send(gateway, Compressed.bytes(text, .gzip), ["Content-Encoding: gzip"])
                #expect(response.status == 503)
                #expect(try response.error().code == "queue_full")
                try await gateway.settled()
            }
        }

        @Test func theSameInHTTP2() async throws {
            try await withHTTP2 { gateway, engine in
                let client = try await gateway.connectHTTP2()
                let stream = try await client.send(gateway.head(fields: [("content-encoding", "gzip")]), isWhole: false)
                for byte in Compressed.bytes(RunningGateway.chat(), .gzip) {
                    try await stream.send([byte], isLast: false)
                }
                try await stream.send("", isLast: true)
                #expect(try await stream.response().status == 200)
                #expect(try engine.request(0).body == RunningGateway.chat())
                await client.close()
            }
        }
    }
}
