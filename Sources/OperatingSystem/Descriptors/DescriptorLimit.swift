import CSystemCalls
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// How many descriptors this process may have open at once (`RLIMIT_NOFILE`).
public enum DescriptorLimit {
    /// Descriptors that no accepted connection takes: for what has to work when all others are taken (wakes, probes, the
    /// state file, API keys, issuers' keys, agents).
    public static let connectionReserve = 64
    /// Descriptors that no connection to a runner takes for a call: half of them, so that accepted calls can be served.
    public static let callReserve = connectionReserve / 2

    /// The soft limit before `raise`, for children: programs that use `select`, or that close every possible descriptor
    /// at their start, expect an ordinary one.
    private static let inherited = Mutex<UInt64?>(nil)

    /// Raises the soft limit to the hard one.
    /// - Returns: the limit that holds now; `Int.max` where there is none.
    @discardableResult
    public static func raise() -> Int {
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0 else { return .max }
        inherited.withLock { $0 = $0 ?? UInt64(limit.rlim_cur) }
        if limit.rlim_cur < limit.rlim_max {
            var raised = limit
            raised.rlim_cur = limit.rlim_max
            // Where the system refuses, the old one stays.
            _ = setrlimit(resource, &raised)
        }
        return current
    }

    /// The soft limit.
    public static var current: Int {
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0 else { return .max }
        return Int(exactly: limit.rlim_cur) ?? .max
    }

    /// The hard limit, to which `raise` raises.
    public static var hard: Int {
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0 else { return .max }
        return Int(exactly: limit.rlim_max) ?? .max
    }

    /// Whether fewer than `reserve` descriptors are left below the limit.
    ///
    /// The system gives out the lowest number that is free, so a number is as good as a count.
    public static func isReached(keeping reserve: Int) -> Bool {
        let limit = current
        guard limit < .max else { return false }
        let lowest = lowestFree
        // Of a low limit a reserve must not be all.
        return lowest < 0 || Int(lowest) >= limit - min(reserve, limit / 4)
    }

    /// Makes the runtime open what its timers need, while there are descriptors for it: a sleep whose timer cannot be made
    /// never ends.
    public static func openTimers() async {
        try? await Task.sleep(for: .milliseconds(1), clock: .continuous)
        try? await Task.sleep(for: .milliseconds(1), clock: .suspending)
    }

    /// Negative where none is left.
    private static var lowestFree: Int32 {
        // Of a descriptor that every process has; where it has none at all, that number is free.
        for number in Int32(0)...2 where fcntl(number, F_GETFD) >= 0 {
            let copy = fcntl(number, F_DUPFD_CLOEXEC, 0)
            if copy >= 0 { _ = close(copy) }
            return copy
        }
        return 0
    }

    /// Gives a child that has just started the limit that this process was started with.
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
