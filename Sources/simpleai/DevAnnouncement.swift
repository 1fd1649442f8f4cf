import Foundation
import LocalFleet
import SimpleAICore

/// What `simpleai dev` says when its fleet is up.
struct DevAnnouncement {
    private let fleet: LocalFleet.Running

    init(_ fleet: LocalFleet.Running) {
        self.fleet = fleet
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
            machines: fleet.machines.map { machine in
                Line.Machine(
                    id: machine.id.rawValue, state: machine.status.phase.rawValue,
                    models: machine.options.engine.models.map(\.rawValue))
            },
            tokens: Line.Tokens(
                basic: fleet.tokens.basic, specific: fleet.tokens.specific, admin: fleet.tokens.admin))
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return String(decoding: try encoder.encode(line), as: UTF8.self)
        } catch {
            preconditionFailure("strings alone always encode: \(error)")
        }
    }

    /// For people.
    var text: String {
        """
        A local fleet is running. Everything it answers is simulated.

          gateway       \(fleet.url)
          token issuer  \(fleet.issuerURL)

        Machines:
        \(machines)

        Tokens (good for a day; `simpleai token` makes others):
          export BASIC=\(fleet.tokens.basic)
          export SPECIFIC=\(fleet.tokens.specific)
          export ADMIN=\(fleet.tokens.admin)

        Ask a class:
          curl \(fleet.url)/v1/chat/completions -H "Authorization: Bearer $BASIC" \\
            -H 'Content-Type: application/json' \\
            -d '{"model":"class:fast","messages":[{"role":"user","content":"Hello"}]}'

        Stream:
          curl -N \(fleet.url)/v1/chat/completions -H "Authorization: Bearer $BASIC" \\
            -H 'Content-Type: application/json' \\
            -d '{"model":"class:fast","stream":true,"messages":[{"role":"user","content":"Hello"}]}'

        Wake the machine that sleeps (watch the headers):
          curl -i \(fleet.url)/v1/chat/completions -H "Authorization: Bearer $BASIC" \\
            -H 'Content-Type: application/json' \\
            -d '{"model":"class:big","messages":[{"role":"user","content":"Good morning"}]}'

        Press Ctrl-C to stop.
        """
    }

    private var machines: String {
        let width = fleet.machines.map { $0.id.rawValue.count }.max() ?? 0
        return fleet.machines.map { machine in
            let id = machine.id.rawValue.padding(toLength: width, withPad: " ", startingAt: 0)
            let models = machine.options.engine.models.map(\.rawValue).joined(separator: ", ")
            return "  \(id)  \(machine.status.phase.rawValue)  \(machine.options.mac)  \(models)"
        }
        .joined(separator: "\n")
    }
}
