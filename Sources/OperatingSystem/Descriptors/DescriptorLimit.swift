import CSystemCalls
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The limit of open file descriptors of this process (`RLIMIT_NOFILE`).
public enum DescriptorLimit {
    /// Number of descriptors that accepted connections must leave free, for operations that must not fail for lack of one
    /// (wakes, probes, the state file, API keys, issuers' keys, agents).
    public static let connectionReserve = 64
    /// Number of descriptors that calls to runners must leave free: half of the connection reserve, so that accepted
    /// calls can be served.
    public static let callReserve = connectionReserve / 2

    /// The soft limit before `raise`, for child processes: programs that use `select`, or that close every possible
    /// descriptor at their start, expect an ordinary limit.
    private static let inherited = Mutex<UInt64?>(nil)

    /// Raises the soft limit to the hard limit.
    /// - Returns: the limit in effect; `Int.max` if there is none.
    @discardableResult
    public static func raise() -> Int {
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0 else { return .max }
        inherited.withLock { $0 = $0 ?? UInt64(limit.rlim_cur) }
        if limit.rlim_cur < limit.rlim_max {
            var raised = limit
            raised.rlim_cur = limit.rlim_max
            // If the system refuses, the previous limit stays.
            _ = setrlimit(resource, &raised)
        }
        return current
    }

    /// The soft limit with which this process was started, once `raise` was called; `Int.max` if there was none.
    public static var atStart: Int? { inherited.withLock { $0 }.map { Int(exactly: $0) ?? .max } }

    /// The soft limit.
    public static var current: Int {
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0 else { return .max }
        return Int(exactly: limit.rlim_cur) ?? .max
    }

    /// The hard limit, to which `raise` raises the soft one.
    public static var hard: Int {
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0 else { return .max }
        return Int(exactly: limit.rlim_max) ?? .max
    }

    /// Whether fewer than `reserve` descriptors are free below the limit.
    ///
    /// The system always assigns the lowest free number, so the number indicates the count.
    public static func isReached(keeping reserve: Int) -> Bool {
        let limit = current
        guard limit < .max else { return false }
        let lowest = lowestFree
        // A low limit must not be used up by the reserve.
        return lowest < 0 || Int(lowest) >= limit - min(reserve, limit / 4)
    }

    /// Makes the runtime open the descriptors of its timers while some are available: a sleep whose timer cannot be
    /// created never ends.
    public static func reserveTimerDescriptors() async {
        try? await Task.sleep(for: .milliseconds(1), clock: .continuous)
        try? await Task.sleep(for: .milliseconds(1), clock: .suspending)
    }

    /// Negative if none is free.
    private static var lowestFree: Int32 {
        // Duplicates a descriptor that every process has; if one of these is closed, its number is free.
        for number in Int32(0)...2 where fcntl(number, F_GETFD) >= 0 {
            let copy = fcntl(number, F_DUPFD_CLOEXEC, 0)
            if copy >= 0 { _ = close(copy) }
            return copy
        }
        return 0
    }

    /// Sets the limit of a child process that has just started to the one with which this process was started.
    static func restore(for process: pid_t) {
        guard let soft = inherited.withLock({ $0 }) else { return }
        _ = csystem_set_descriptor_limit(process, soft)
    }

    #if canImport(Glibc)
    private static var resource: __rlimit_resource_t { __rlimit_resource_t(RLIMIT_NOFILE.rawValue) }
    #else
    private static var resource: Int32 { Int32(RLIMIT_NOFILE) }
    #endif
}
