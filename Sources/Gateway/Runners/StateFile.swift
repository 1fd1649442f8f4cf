import Foundation
import Scheduling
import SimpleAICore

/// What has to survive a restart so that a sleeping machine can be found and woken again: which models its engine
/// listed, how long it takes to boot, and for agents who they are. A small JSON file, written atomically.
struct StateFile: Sendable {
    struct Content: Codable, Hashable {
        var version = 1
        var runners: [String: KnownRunner] = [:]
    }

    struct KnownRunner: Codable, Hashable {
        /// The engine's own ids, in its order.
        var models: [String]
        var bootMilliseconds: Int64?
        /// Of the last wakes, the newest last.
        var recentBootMilliseconds: [Int64]?
        /// Nil for runners of the settings.
        var agent: MachineDirectory.AgentMachine?

        var engineModels: [EngineModelID] { models.map { EngineModelID($0) } }

        var bootTime: BootTime {
            BootTime(
                mean: bootMilliseconds.map { .milliseconds($0) },
                recent: (recentBootMilliseconds ?? []).map { .milliseconds($0) })
        }
    }

    let path: String

    /// What is known from before; nothing when there is no file yet.
    /// - Throws: when the file cannot be used or could not be written later; said at start rather than at the first wake.
    func open() throws(GatewayStartError) -> Content {
        var content = Content()
        let url = URL(fileURLWithPath: path)
        if FileManager.default.fileExists(atPath: path) {
            do {
                content = try JSONDecoder().decode(Content.self, from: Data(contentsOf: url))
                guard content.version == Content().version else { throw CocoaError(.coderInvalidValue) }
            } catch {
                throw GatewayStartError(
                    "the state file \(path) cannot be read: \(Self.reason(error)); "
                        + "mend or remove it, or name another one as fleet.state_file")
            }
        }
        do {
            try write(content)
        } catch {
            throw GatewayStartError(
                "the state file \(path) cannot be written: \(Self.reason(error)); "
                    + "name a writable path as fleet.state_file")
        }
        return content
    }

    func write(_ content: Content) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try encoder.encode(content).write(to: URL(fileURLWithPath: path), options: .atomic)
    }

    private static func reason(_ error: any Error) -> String {
        switch error {
        case is DecodingError, CocoaError.coderInvalidValue: "it is no state file of version 1"
        case let error as CocoaError:
            (error.underlying as? POSIXError).map { String(cString: strerror($0.code.rawValue)) }
                ?? error.localizedDescription
        default: error.localizedDescription
        }
    }
}

extension StateFile.Content {
    init(_ snapshot: SchedulerSnapshot, agents: [RunnerID: MachineDirectory.AgentMachine] = [:]) {
        for status in snapshot.runners where !status.models.isEmpty {
            let agent = agents[status.runner.id]
            // What cannot be woken comes back by itself, or never.
            if let agent, agent.mac == nil { continue }
            let recent = status.bootTime.recent.map(\.wholeMilliseconds)
            runners[status.runner.id.rawValue] = StateFile.KnownRunner(
                models: Set(status.models.values).sorted().map(\.rawValue),
                bootMilliseconds: status.bootTime.mean?.wholeMilliseconds,
                recentBootMilliseconds: recent.isEmpty ? nil : recent, agent: agent)
        }
    }
}
