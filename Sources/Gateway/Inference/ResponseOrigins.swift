import NIOCore
import SimpleAICore
import Synchronization

/// Which runner made which response, for callers that continue one (`previous_response_id` of `/v1/responses`):
/// engines store responses locally, so only the runner that made one can continue it.
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

    /// In bytes. No engine creates longer ids; they are not recorded.
    private static let maxIDLength = 512

    private let lifetime: TimeAmount
    /// A response belongs to its caller: no other caller can continue it, whether or not that caller knows the id.
    private let origins: Mutex<SharedTable<CallerID, Key, Origin>>

    init(capacity: Int = 40_000, lifetime: TimeAmount = .hours(6)) {
        self.lifetime = lifetime
        self.origins = Mutex(SharedTable(capacity: capacity))
    }

    func note(_ id: String, madeBy runner: RunnerID, for caller: Caller, now: NIODeadline = .now()) {
        guard id.utf8.count <= Self.maxIDLength else { return }
        let origin = Origin(runner: runner, notedAt: now)
        origins.withLock { $0.insert(origin, for: Key(caller: caller.id, id: ExactString(id)), of: caller.id) }
    }

    /// Nil for an id that was not recorded, that was forgotten, or that belongs to another caller.
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
