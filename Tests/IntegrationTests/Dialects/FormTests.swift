import Foundation
import Settings
import SimpleAICore
import Testing

@testable import LocalFleet

extension Integration {
    /// Multipart bodies: audio and images.
    @Suite struct FormTests {
        private typealias Engine = ScriptedEngine

        private static let contentType = "Content-Type: multipart/form-data; boundary=cut"

        private static func part(_ name: String, _ value: String, file: String? = nil) -> String {
            let disposition = file.map { "; filename=\"\($0)\"\r\nContent-Type: audio/wav" } ?? ""
            return "--cut\r\nContent-Disposition: form-data; name=\"\(name)\"\(disposition)\r\n\r\n\(value)\r\n"
        }

        private static func form(_ parts: String...) -> String { parts.joined() + "--cut--\r\n" }

        private static let audio = part("file", "RIFF\u{1}\u{2}", file: "a.wav")

        private static func send(
            _ gateway: RunningGateway, _ body: String, path: String = "/v1/audio/transcriptions",
            type: String = contentType, roles: [Role] = ["model:specific"]
        ) async throws -> Response {
            try await gateway.send(body, "POST", path, fields: [type], roles: roles)
        }

        @Test func theModelIsReplacedWhereverItStands() async throws {
            try await withEngine(
                { _, wire in
                    try await wire.send(Engine.document(#"{"text":"hi","usage":{"type":"duration","seconds":2}}"#))
                },
                runner: {
                    $0.models = ["m"]
                    $0.aliases = ["m": "engine/whisper:large"]
                }
            ) { (gateway, engine) async throws in
                let model = Self.part("model", "m")
                for (index, body) in [Self.form(model, Self.audio), Self.form(Self.audio, model)].enumerated() {
                    let response = try await Self.send(gateway, body)
                    #expect(response.status == 200 && response.text.contains("hi"))
                    let request = try engine.request(index)
                    #expect(request.body == body.replacing("\r\nm\r\n", with: "\r\nengine/whisper:large\r\n"))
                    #expect(request["content-type"] == "multipart/form-data; boundary=cut")
                    #expect(request.path == "/v1/audio/transcriptions")
                }
                try await gateway.settled()
            }
        }

        @Test func textIsForwardedAsItIs() async throws {
            try await withEngine({ _, wire in
                try await wire.send("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello")
            }) { (gateway, _) async throws in
                let response = try await Self.send(
                    gateway, Self.form(Self.part("model", "m"), Self.part("response_format", "text"), Self.audio),
                    path: "/v1/audio/translations/")
                #expect(response.text == "hello" && response["content-type"] == "text/plain")
            }
        }

        @Test func badFormsAreRefused() async throws {
            try await withEngine(Engine.wellBehaved) { (gateway, engine) async throws in
                let model = Self.part("model", "m")
                for (body, param) in [
                    (Self.form(Self.audio), "model"), (Self.form(model, model, Self.audio), "model"),
                    (model + Self.audio, nil), (model + "--cut", nil), ("", nil), ("{}", nil),
                ] as [(String, String?)] {
                    let response = try await Self.send(gateway, body)
                    #expect(response.status == 400, "\(body)")
                    if let param { #expect(try response.error().param == param) }
                }
                let json = try await Self.send(gateway, "{}", type: "Content-Type: application/json")
                #expect(json.status == 415)
                let form = try await Self.send(gateway, Self.form(model), path: "/v1/images/generations")
                #expect(form.status == 415)
                #expect(try await Self.send(gateway, Self.form(model, Self.audio), roles: []).status == 403)
                #expect(engine.counts.value.requests.isEmpty)
                try await gateway.settled()
            }
        }

        /// Longer than what is held in memory, so it is stored in a file and sent from there, twice.
        @Test func aLongFormIsStoredAndMovesToAnotherRunner() async throws {
            let isRefused = Watched(true)
            let script: Engine.Script = { _, wire in
                let refuses = isRefused.value
                isRefused.update { $0 = false }
                try await wire.send(
                    refuses
                        ? Engine.document("{}", status: "429 Too Many Requests") : Engine.document(#"{"text":"hi"}"#))
            }
            try await withEngines([script, script]) { (gateway, engines) async throws in
                let sound = Self.part("file", String(repeating: "0123456789abcdef", count: 3 << 16), file: "a.wav")
                let body = Self.form(sound, Self.part("model", "m"))
                let response = try await Self.send(gateway, body)
                #expect(response.status == 200)
                let requests = engines.flatMap { $0.counts.value.requests }
                #expect(requests.count == 2 && requests.allSatisfy { $0.body == body })
                _ = try await gateway.metrics { $0["simpleai_spooled_bytes"] == 0 }
                try await gateway.settled()
            }
        }

        @Test func aLongFormCountsAgainstTheLimits() async throws {
            try await withEngine(
                Engine.wellBehaved,
                settings: {
                    $0.server.maxBody = .mebibytes(4)
                    $0.server.maxSpooled = .mebibytes(2)
                }
            ) { (gateway, engine) async throws in
                func body(_ mebibytes: Int) -> String {
                    Self.form(
                        Self.part("model", "m"),
                        Self.part("file", String(repeating: "x", count: mebibytes << 20), file: "a"))
                }
                #expect(try await Self.send(gateway, body(5)).status == 413)
                #expect(try await Self.send(gateway, body(3)).status == 503)
                #expect(engine.counts.value.requests.isEmpty)
                _ = try await gateway.metrics { $0["simpleai_spooled_bytes"] == 0 }
                try await gateway.settled()
            }
        }

        @Test func aFormThatIsCutOffLeavesNothing() async throws {
            try await withEngine(Engine.wellBehaved) { (gateway, engine) async throws in
                let body = Self.form(Self.part("model", "m"), Self.part("file", String(repeating: "x", count: 3 << 20)))
                let request = try gateway.request(
                    body, "POST", "/v1/audio/transcriptions", fields: [Self.contentType])
                let wire = try await gateway.connect()
                try await wire.send(String(request.prefix(request.utf8.count - 100)))
                _ = try await gateway.metrics { $0["simpleai_spooled_bytes"] ?? 0 > 0 }
                await wire.close()
                _ = try await gateway.metrics { $0["simpleai_spooled_bytes"] == 0 }
                #expect(engine.counts.value.requests.isEmpty)
                try await gateway.settled()
            }
        }

        @Test func imagesTakeEitherForm() async throws {
            try await withEngine({ _, wire in
                try await wire.send(Engine.document(#"{"created":1,"data":[{"b64_json":"AA"}]}"#))
            }) { (gateway, engine) async throws in
                let form = Self.form(Self.part("model", "m"), Self.part("prompt", "x"), Self.audio)
                #expect(try await Self.send(gateway, form, path: "/v1/images/edits").status == 200)
                let json = #"{"model":"m","prompt":"x"}"#
                let response = try await Self.send(
                    gateway, json, path: "/v1/images/edits", type: "Content-Type: application/json")
                #expect(response.status == 200)
                #expect(try engine.request(1).body == json)
            }
        }

        @Test func parametersChangeFields() async throws {
            func assignment(_ name: String, _ value: String) throws -> BodyEdits.Assignment {
                .init(try #require(BodyEdits.Path(name)), Array(value.utf8))
            }
            let edits = BodyEdits(
                removed: [try #require(BodyEdits.Path("prompt"))], defaults: [try assignment("language", "\"en\"")],
                forced: [try assignment("response_format", "\"json\"")], maxima: [try assignment("temperature", "0.5")])
            try await withEngine(
                { _, wire in try await wire.send(Engine.document(#"{"text":"hi"}"#)) },
                settings: { $0.models.parameters = [ModelParameters("m", edits)] }
            ) { (gateway, engine) async throws in
                let form = Self.form(
                    Self.part("prompt", "p"), Self.part("model", "m"), Self.part("temperature", "0.9"), Self.audio,
                    Self.part("response_format", "text"))
                #expect(try await Self.send(gateway, form).status == 200)
                let expected = Self.form(
                    Self.part("language", "en"), Self.part("model", "m"), Self.part("temperature", "0.5"), Self.audio,
                    Self.part("response_format", "json"))
                #expect(try engine.request(0).body == expected)
                try await gateway.settled()
            }
        }

        /// The machine can boot while the client sends its file.
        @Test func theWakeStartsBeforeTheUploadEnds() async throws {
            let hook = try await Engine { _, wire in try await wire.send(Engine.document("{}")) }
            try await running([hook]) {
                let port = hook.port
                let runner = Settings.StaticRunner.at(1, models: ["m"]) {
                    $0.wake = Settings.WakeTarget(macs: [])
                    $0.wake?.http = Settings.WebHook(
                        method: "POST", url: "http://127.0.0.1:\(port)/wake", host: "127.0.0.1")
                }
                try await RunningGateway.with([runner], awaitRunners: false) { gateway in
                    _ = try await gateway.metrics { metrics in
                        ["asleep", "down"].contains { metrics["simpleai_runners{state=\"\($0)\"}"] == 1 }
                    }
                    let body = Self.form(Self.part("model", "m"), Self.audio)
                    func send(roles: [Role]) async throws -> Wire {
                        let request = try gateway.request(
                            body, "POST", "/v1/audio/transcriptions", fields: [Self.contentType], roles: roles)
                        let wire = try await gateway.connect()
                        try await wire.send(String(request.dropLast(20)))
                        return wire
                    }
                    let denied = try await send(roles: [])
                    #expect(try await denied.response().status == 403, "before the rest of the body is read")
                    #expect(hook.counts.value.requests.isEmpty)
                    let wire = try await send(roles: ["model:specific"])
                    _ = try await hook.counts.value { !$0.requests.isEmpty }
                    #expect(try await gateway.metrics { _ in true }["simpleai_calls_waiting"] == 0)
                    await wire.close()
                    await denied.close()
                }
            }
        }
    }
}
