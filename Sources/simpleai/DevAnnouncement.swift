import Foundation
import LocalFleet
import SimpleAICore

/// The text that `simpleai dev` prints when its fleet is up.
struct DevAnnouncement {
    private let fleet: LocalFleet.Running
    /// In the order of the machines.
    private let enginePorts: [Int]

    init(_ fleet: LocalFleet.Running) async throws {
        self.fleet = fleet
        var ports: [Int] = []
        for machine in fleet.machines { ports.append(try await machine.engine.port()) }
        enginePorts = ports
    }

    private struct Line: Encodable {
        let url: String
        let issuer: String
        let runnerToken: String
        let machines: [Machine]
        let tokens: Tokens

        enum CodingKeys: String, CodingKey {
            case url, issuer, machines, tokens
            case runnerToken = "runner_token"
        }

        struct Machine: Encodable {
            let id: String
            let state: String
            let models: [String]
            /// The address of its engine, which answers while the machine is awake.
            let engine: String
            /// The paths that its engine serves.
            let endpoints: [String]
        }

        struct Tokens: Encodable {
            let basic: String
            let specific: String
            let admin: String
        }
    }

    /// One line of JSON, for scripts.
    var line: String {
        let line = Line(
            url: fleet.url, issuer: fleet.issuerURL, runnerToken: fleet.runnerToken,
            machines: zip(fleet.machines, enginePorts).map { machine, port in
                Line.Machine(
                    id: machine.id.rawValue, state: machine.status.phase.rawValue,
                    models: machine.options.engine.models.map(\.rawValue), engine: "http://127.0.0.1:\(port)",
                    endpoints: EndpointSet(machine.options.engine.endpoints).endpoints.map(\.path))
            },
            tokens: Line.Tokens(
                basic: fleet.tokens.basic, specific: fleet.tokens.specific, admin: fleet.tokens.admin))
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return String(decoding: try encoder.encode(line), as: UTF8.self)
        } catch {
            preconditionFailure("a document of strings always encodes: \(error)")
        }
    }

    /// Text for a terminal: at most twelve lines of at most 80 columns, however large the fleet is.
    var text: String {
        """
        A local fleet is running. All responses are simulated.
          gateway       \(fleet.url)
          token issuer  \(fleet.issuerURL)
          machines      \(Self.counted(fleet.machines.map(\.status.phase.rawValue)))
          engines speak \(Self.summary(EndpointSet(fleet.machines.flatMap(\.options.engine.endpoints))))

        Request a model; class:big wakes a sleeping machine:
          TOKEN=$(simpleai token)     # more rights: --role model:specific, --role admin
          curl -i \(fleet.url)/v1/chat/completions \\
            -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
            -d '{"model":"class:fast","messages":[{"role":"user","content":"Hello"}]}'
        Press Ctrl-C to stop.
        """
    }

    /// `OpenAI/Anthropic/Ollama; chat, embeddings, rerank, audio, images`.
    static func summary(_ served: EndpointSet) -> String {
        let dialects = [(Dialect.openAI, "OpenAI"), (.anthropic, "Anthropic"), (.ollama, "Ollama")]
        let kinds: [(name: String, of: Set<ModelCapability>)] = [
            ("chat", [.chat]), ("embeddings", [.embedding]), ("rerank", [.rerank]),
            ("audio", [.speech, .transcription]), ("images", [.image]),
        ]
        let endpoints = served.endpoints
        let names = dialects.filter { dialect in endpoints.contains { $0.dialect == dialect.0 } }.map(\.1)
        let abilities = kinds.filter { kind in endpoints.contains { kind.of.contains($0.capability) } }.map(\.name)
        return "\(names.joined(separator: "/")); \(abilities.joined(separator: ", "))"
    }

    /// `3 (2 awake, 1 asleep)`.
    static func counted(_ phases: [String]) -> String {
        let kinds = phases.reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
        let parts = kinds.map { kind in "\(phases.count { $0 == kind }) \(kind)" }
        return "\(phases.count) (\(parts.joined(separator: ", ")))"
    }
}
