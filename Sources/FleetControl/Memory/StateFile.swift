package import Foundation
import OperatingSystem
package import Scheduling
package import SimpleAICore

/// The file with the state that must survive a restart, so that a sleeping machine can be found and woken: the models of
/// its engine, its boot times, and its agent's registration. JSON, replaced atomically. The file is a cache: the gateway
/// starts and serves without it.
package struct StateFile: Sendable {
    package struct Content: Codable, Hashable {
        package var version = 1
        package var runners: [String: RememberedRunner] = [:]
    }

    package struct RememberedRunner: Codable, Hashable {
        /// The engine's own ids, in its order.
        package var models: [String]
        package var bootMilliseconds: Int64?
        /// Boot times of the latest wakes, newest last.
        package var recentBootMilliseconds: [Int64]?
        /// Context lengths of its models in tokens, if it has stated them.
        package var contextLengths: [String: Int]?
        /// Nil for static runners.
        package var agent: MachineDirectory.AgentMachine?

        package var statedContextLengths: ContextLengths.Stated {
            Dictionary((contextLengths ?? [:]).map { (EngineModelID($0.key), $0.value) }, uniquingKeysWith: min)
        }

        /// The valid model ids: a file may contain ids that an older version accepted.
        package var engineModels: [EngineModelID] { models.compactMap { try? EngineModelID(checking: $0) } }

        package var bootTime: BootTime {
            BootTime(
                mean: bootMilliseconds.map { .milliseconds($0) },
                recent: (recentBootMilliseconds ?? []).map { .milliseconds($0) })
        }
    }

    /// The content of the file, and any problem with it for the operator.
    package struct Opened: Hashable {
        package var content = Content()
        package var problem: Problem?
        /// Whether the file on disk equals `content`.
        package var isWritten = false
    }

    package enum Problem: Hashable {
        /// The file was unreadable or not a state file, and was moved to another path.
        case setAside(to: String, cause: String)
        /// The file could not be moved either.
        case unusable(cause: String)
    }

    package let path: String

    package init(path: String) {
        self.path = path
    }

    /// In bytes; far above the size of a fleet's state.
    private static let maxSize = 64 << 20

    private var file: StoredFile { StoredFile(path: path) }

    /// Reads the file. The content is empty if there is no file yet or it is unusable, which does not prevent the
    /// start. Blocks.
    package func open(now: Date = .now) -> Opened {
        do throws(StoredFile.Failure) {
            guard let bytes = try file.read(atMost: Self.maxSize) else { return Opened() }
            guard let content = Self.content(of: bytes) else {
                return setAside("not a state file of version \(Content().version)", now)
            }
            return Opened(content: content, isWritten: true)
        } catch {
            return setAside("\(error)", now)
        }
    }

    /// Reads the content without changing the file, for checks of settings. Blocks.
    package func peek() -> Content {
        guard let bytes = try? file.read(atMost: Self.maxSize) else { return Content() }
        return Self.content(of: bytes) ?? Content()
    }

    /// Blocks until the content is on disk.
    package func write(_ content: Content) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try file.replace(with: [UInt8](try encoder.encode(content)))
    }

    private func setAside(_ cause: String, _ now: Date) -> Opened {
        let suffix = now.formatted(
            .iso8601.year().month().day().dateSeparator(.omitted).time(includingFractionalSeconds: false)
                .timeSeparator(.omitted))
        do throws(StoredFile.Failure) {
            return Opened(problem: .setAside(to: try file.setAside(suffix: suffix + "Z"), cause: cause))
        } catch {
            return Opened(problem: .unusable(cause: cause))
        }
    }

    private static func content(of bytes: [UInt8]) -> Content? {
        guard var content = try? JSONDecoder().decode(Content.self, from: Data(bytes)),
            content.version == Content().version
        else { return nil }
        for (id, runner) in content.runners { content.runners[id] = runner.withPlausibleTimes }
        return content
    }
}

extension StateFile.RememberedRunner {
    /// Drops boot times outside the range from zero to a day.
    fileprivate var withPlausibleTimes: Self {
        let plausible: ClosedRange<Int64> = 0...86_400_000
        var copy = self
        copy.bootMilliseconds = bootMilliseconds.flatMap { plausible.contains($0) ? $0 : nil }
        copy.recentBootMilliseconds = recentBootMilliseconds?.filter(plausible.contains)
        return copy
    }
}

extension StateFile.Content {
    package init(
        _ snapshot: SchedulerSnapshot, agents: [RunnerID: MachineDirectory.AgentMachine] = [:],
        contextLengths: [RunnerID: ContextLengths.Stated] = [:]
    ) {
        for status in snapshot.runners where !status.models.isEmpty {
            let agent = agents[status.runner.id]
            // A machine that cannot be woken need not be remembered: its agent reconnects, or never returns.
            if let agent, agent.mac == nil { continue }
            let recent = status.bootTime.recent.map(\.wholeMilliseconds)
            runners[status.runner.id.rawValue] = StateFile.RememberedRunner(
                models: Set(status.models.values).sorted().map(\.rawValue),
                bootMilliseconds: status.bootTime.mean?.wholeMilliseconds,
                recentBootMilliseconds: recent.isEmpty ? nil : recent,
                contextLengths: contextLengths[status.runner.id].map {
                    Dictionary($0.map { ($0.key.rawValue, $0.value) }, uniquingKeysWith: min)
                }, agent: agent)
        }
    }
}
