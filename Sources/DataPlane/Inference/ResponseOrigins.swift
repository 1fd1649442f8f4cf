import NIOCore
import SimpleAICore
import Synchronization

/// Records which runner created which response, for callers that continue one (`previous_response_id` of
/// `/v1/responses`): engines store responses locally, so only the runner that created one can continue it.
///
/// Bounded, and shared among callers: a caller with too many responses evicts its own oldest ones. An entry expires after
/// `lifetime`. Engines choose the ids, so the key is the id together with the caller: an engine that repeats an id for
/// another caller does not affect the first one.
final class ResponseOrigins: Sendable {
    private struct Key: Hashable {
        let caller: CallerID
        let id: ExactString
    }

    private struct Origin {
        let runner: RunnerID
        let notedAt: NIODeadline
    }

    /// In bytes. Longer ids are not recorded; no engine creates them.
    private static let maxIDLength = 512

    private let lifetime: TimeAmount
    /// A response belongs to its caller: another caller cannot continue it, even with its id.
    private let origins: Mutex<SharedTable<CallerID, Key, Origin>>

    init(capacity: Int = 40_000, lifetime: TimeAmount = .hours(6)) {
        self.lifetime = lifetime
        self.origins = Mutex(SharedTable(capacity: capacity))
    }

    func note(_ id: String, createdBy runner: RunnerID, for caller: Caller, now: NIODeadline = .now()) {
        guard id.utf8.count <= Self.maxIDLength else { return }
        let origin = Origin(runner: runner, notedAt: now)
        origins.withLock { $0.insert(origin, for: Key(caller: caller.id, id: ExactString(id)), of: caller.id) }
    }

    /// Nil for an id that is unknown, has expired, or belongs to another caller.
    func runner(of id: String, for caller: Caller, now: NIODeadline = .now()) -> RunnerID? {
        let key = Key(caller: caller.id, id: ExactString(id))
        return origins.withLock { origins in
            guard let origin = origins[key]?.value else { return nil }
            guard now - origin.notedAt < lifetime else {
                origins.remove(key)
                return nil
            }
            return origin.runner
        }
    }
}
