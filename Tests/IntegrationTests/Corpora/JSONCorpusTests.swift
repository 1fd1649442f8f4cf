import SimpleAICore
import TestSupport
import Testing

@testable import LocalFleet

extension Integration {
    /// nst/JSONTestSuite as request bodies, from the client's socket to the engine's.
    @Suite(
        .enabled(
            if: Corpora.hasJSONParsing,
            "SKIP: JSONTestSuite is not at \(Corpora.jsonParsingPath); set SIMPLEAI_CORPORA to where it is"))
    struct JSONCorpusTests {
        @Test(arguments: [("y_", 95), ("n_", 188), ("i_", 35)])
        func everyFileGetsItsVerdict(prefix: String, count: Int) async throws {
            let files = try Corpora.jsonParsingFiles(prefix)
            #expect(files.count >= count)
            try await withEngine(ScriptedEngine.wellBehaved) { gateway, engine in
                let token = try gateway.token(["model:specific"])
                var connection: Wire?
                for file in files {
                    let body = Self.body(around: file.bytes)
                    let wire = if let connection { connection } else { try await gateway.connect() }
                    let before = engine.counts.value.requests.count
                    try await wire.send(Self.head(token: token, length: body.count) + body)
                    let response = try await within(.seconds(10), "the answer to \(file.name)") {
                        try await wire.response()
                    }
                    let received = engine.counts.value.requests.dropFirst(before)
                    if response.status == 200, prefix != "n_" {
                        #expect(received.count == 1, "\(file.name)")
                        // Compared as bytes: as strings, canonically equivalent spellings of a letter are equal.
                        #expect(received.first.map { Array($0.body.utf8) } == body, "\(file.name) was changed")
                    } else {
                        #expect(
                            prefix != "y_" && response.status == 400,
                            "\(file.name): \(response.status) \(response.text)")
                        #expect(try response.error().type == "invalid_request_error", "\(file.name)")
                        #expect(received.isEmpty, "\(file.name) reached an engine")
                    }
                    connection = response["connection"] == "close" ? nil : wire
                    if connection == nil { await wire.close() }
                }
                await connection?.close()
                try await gateway.settled()
            }
        }

        private static func body(around document: [UInt8]) -> [UInt8] {
            let start = #"{"model":"m","messages":[{"role":"user","content":"hi"}],"metadata":{"x":"#
            return Array(start.utf8) + document + Array("}}".utf8)
        }

        private static func head(token: String, length: Int) -> [UInt8] {
            let lines = [
                "POST /v1/chat/completions HTTP/1.1", "Host: gateway", "Authorization: Bearer \(token)",
                "Content-Type: application/json", "Content-Length: \(length)", "", "",
            ]
            return Array(lines.joined(separator: "\r\n").utf8)
        }
    }
}
