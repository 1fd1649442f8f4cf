import Foundation
import Settings
import TestSupport
import Testing

@testable import LocalFleet

extension Integration {
    /// gunicorn's corpus of raw requests: the number of responses, their statuses, and whether the connection ends.
    ///
    /// Most of its HTTP/1.1 requests have no `Host`, which this gateway requires. So every file is judged twice:
    /// unchanged, and with a `Host` added to heads that lack one, so that the fault that the file is about decides.
    @Suite(
        .enabled(
            if: Corpora.hasRequests,
            "SKIP: gunicorn's requests are not at \(Corpora.requestsPath); set SIMPLEAI_CORPORA to where they are"))
    struct RequestCorpusTests {
        @Test func invalidOnesAreRefused() async throws {
            let files = try Corpora.requestFiles("invalid")
            #expect(files.count >= 70)
            try await judge(files) { file, gateway in
                for bytes in [file.bytes, RawRequest.withHost(file.bytes)] {
                    if let reason = RequestVerdicts.accepted[file.name] {
                        try await expectAnswered(RawRequest.withHost(bytes), file.name, 1, gateway, "\(reason)")
                    } else {
                        try await expectRefused(bytes, file.name, gateway)
                    }
                }
            }
        }

        @Test func validRequestsGetResponses() async throws {
            let files = try Corpora.requestFiles("valid")
            #expect(files.count >= 60)
            try await judge(files) { file, gateway in
                let mended = RawRequest.withHost(file.bytes)
                if mended != file.bytes { try await expectRefused(file.bytes, file.name, gateway) }
                if RequestVerdicts.refused[file.name] != nil {
                    try await expectRefused(mended, file.name, gateway)
                } else {
                    let count = RequestVerdicts.responses[file.name] ?? 1
                    try await expectAnswered(mended, file.name, count, gateway, "valid")
                }
            }
        }

        /// Exceptions name existing files: a misspelt one would hide a wrong verdict.
        @Test func everyExceptionIsAFile() throws {
            let names = Set(try (Corpora.requestFiles("valid") + Corpora.requestFiles("invalid")).map(\.name))
            for name in [RequestVerdicts.accepted, RequestVerdicts.refused, RequestVerdicts.endsBeforeItsFault].flatMap(
                \.keys)
            {
                #expect(names.contains(name), "\(name)")
            }
            for name in RequestVerdicts.responses.keys { #expect(names.contains(name), "\(name)") }
        }

        private func judge(
            _ files: [(name: String, bytes: [UInt8])],
            _ verdict: @escaping @Sendable ((name: String, bytes: [UInt8]), RunningGateway) async throws -> Void
        ) async throws {
            try await withEngine(
                ScriptedEngine.wellBehaved, settings: { $0.server.idleTimeout = .seconds(2) }
            ) { gateway, engine in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for file in files {
                        group.addTask {
                            do { try await verdict(file, gateway) } catch { Issue.record("\(file.name): \(error)") }
                        }
                    }
                    try await group.waitForAll()
                }
                #expect(engine.counts.value.requests.isEmpty)
                try await gateway.settled()
            }
        }

        /// Expects no response, or a last response that reports malformed HTTP, and the end of the connection
        /// although the client keeps it open.
        private func expectRefused(_ bytes: [UInt8], _ name: String, _ gateway: RunningGateway) async throws {
            let wire = try await gateway.connect()
            try await wire.send(bytes)
            _ = try await wire.readToEnd()
            var rest = wire.state.value.received
            var statuses: [Int] = []
            while let (response, length) = Response.parse(rest, isEnd: true) {
                statuses.append(response.status)
                rest.removeFirst(length)
            }
            // A valid request may precede the refused one; its 404 must not count as a refusal.
            #expect(statuses.count <= RequestVerdicts.responses[name] ?? 1, "\(name): \(statuses)")
            if let last = statuses.last {
                #expect(
                    [400, 431].contains(last) || RequestVerdicts.endsBeforeItsFault[name] != nil, "\(name): \(statuses)"
                )
            }
            await wire.close()
        }

        /// Expects as many responses as there are requests, none of them about malformed HTTP; then either the end of
        /// the connection, or a connection on which the next request is parsed.
        private func expectAnswered(
            _ bytes: [UInt8], _ name: String, _ count: Int, _ gateway: RunningGateway, _ why: String
        ) async throws {
            let wire = try await gateway.connect()
            try await wire.send(bytes)
            var closes = false
            for number in 1...count {
                let response = try await wire.response()
                #expect(
                    response.status != 400 && response.status < 500,
                    "\(name), answer \(number): \(response.text) (\(why))")
                #expect(response.endedCleanly, "\(name)")
                closes = response["connection"]?.lowercased() == "close"
            }
            if closes {
                #expect(try await wire.readToEnd().isEmpty, "\(name): too many answers")
            } else {
                try await wire.send("GET /health HTTP/1.1\r\nHost: gateway\r\n\r\n")
                let next = try await wire.response()
                #expect(next.status == 200 && next.text == RunningGateway.health, "\(name): \(next.text)")
            }
            await wire.close()
        }
    }

    /// Requests whose length two parsers could read differently, with valid credentials and a valid body.
    @Suite struct SmugglingTests {
        @Test(arguments: [
            "Content-Length: LENGTH\r\nContent-Length: LENGTH", "Content-Length: LENGTH\r\nContent-Length: 0",
            "Content-Length: LENGTH, LENGTH", "Content-Length: +LENGTH", "Content-Length: LENGTH\r\nContent_Length: 5",
            "Content-Length: LENGTH\r\nTransfer-Encoding: chunked",
            "Content-Length: LENGTH\r\nTransfer-Encoding: identity",
            "Content-Length: LENGTH\r\nTransfer-Encoding : chunked",
            "Content-Length: LENGTH\r\nTransfer_Encoding: chunked",
            "Content-Length: LENGTH\r\nX: y\r\n Transfer-Encoding: chunked", "Content-Length: LENGTH\r\nX: y\nZ: a",
            "Content-Length: LENGTH\r\nX: y\rZ: a", "Content-Length: LENGTH\r\nHost: other",
            "Content-Length: LENGTH\r\nContent-Type: text/html",
        ])
        func nothingThatIsInDoubtReachesAnEngine(fields: String) async throws {
            try await withEngine(ScriptedEngine.wellBehaved) { gateway, engine in
                let body = RunningGateway.chat()
                let good = try gateway.request(body)
                let length = "Content-Length: \(body.utf8.count)"
                #expect(good.contains(length))
                let bad = good.replacing(length, with: fields.replacing("LENGTH", with: "\(body.utf8.count)"))
                let wire = try await gateway.connect()
                // The valid request before the ambiguous one is served. Whatever follows it is not.
                try await wire.send(good + bad + good)
                #expect(try await wire.response().status == 200)
                let refusal = try await wire.response()
                #expect(refusal.status == 400)
                #expect(try refusal.error().code == "invalid_request")
                #expect(refusal["connection"] == "close")
                #expect(try await wire.readToEnd().isEmpty)
                #expect(engine.counts.value.requests.count == 1)
                await wire.close()
                try await gateway.settled()
            }
        }

        @Test func aBodyInChunksIsTheSameBody() async throws {
            try await withEngine(ScriptedEngine.wellBehaved) { gateway, engine in
                let body = RunningGateway.chat()
                let chunked = try gateway.request("").replacing("Content-Length: 0", with: "Transfer-Encoding: chunked")
                let wire = try await gateway.connect()
                try await wire.send(
                    chunked + "00A;x=y\r\n\(body.prefix(10))\r\n"
                        + "\(String(body.utf8.count - 10, radix: 16))\r\n\(body.dropFirst(10))\r\n0\r\nX-T: 1\r\n\r\n")
                #expect(try await wire.response().status == 200)
                #expect(try engine.request(0).body == body)
                // The head and the first chunk are valid and have been read; the second chunk is malformed.
                try await wire.send(chunked + "5\r\n{\"mod\r\n")
                _ = try await gateway.metrics { $0["simpleai_calls_open"] == 1 }
                try await wire.send("+5\r\nel\":1}\r\n0\r\n\r\n")
                #expect(try await wire.response().status == 400)
                #expect(try await wire.readToEnd().isEmpty)
                await wire.close()
                try await gateway.settled()
                #expect(engine.counts.value.requests.count == 1)
            }
        }

        /// Clients of proxies name the host in the target; curl offers an upgrade that a server may ignore.
        @Test func oddButHarmlessRequestsAreServed() async throws {
            try await withEngine(ScriptedEngine.wellBehaved) { gateway, engine in
                let wire = try await gateway.connect()
                try await wire.send(
                    gateway.request(RunningGateway.chat(), "POST", "http://gateway:80/v1/chat/completions"))
                #expect(try await wire.response().status == 200)
                try await wire.send(gateway.request("", "GET", "http://gateway/health"))
                #expect(try await wire.response().status == 200)
                let upgrade = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQ"]
                for _ in 1...2 {
                    try await wire.send(gateway.request(RunningGateway.chat(), fields: upgrade))
                    #expect(try await wire.response().status == 200)
                }
                #expect(engine.counts.value.requests.allSatisfy { $0["upgrade"] == nil })
                await wire.close()
            }
        }

        @Test(arguments: ["TRACE", "CONNECT"])
        func tunnelsAndEchoesAreRefused(method: String) async throws {
            try await withEngine(ScriptedEngine.wellBehaved) { gateway, _ in
                for target in ["/v1/chat/completions", "/health", "/", "gateway:443"] {
                    let wire = try await gateway.connect()
                    try await wire.send(
                        "\(method) \(target) HTTP/1.1\r\nHost: g\r\nX-Secret: s\r\nContent-Length: 0\r\n\r\n")
                    let response = try await wire.response()
                    #expect([400, 404, 405].contains(response.status), "\(target): \(response.status)")
                    #expect(!response.text.contains("X-Secret"))
                    await wire.close()
                }
            }
        }
    }
}
