import NIOCore
import Settings

/// When a static runner is probed: periodically, more often while its state is urgent, and not for a while after a
/// served call, which proves as much.
struct ProbeSchedule: Sendable {
    private let interval: TimeAmount
    /// A random time in the second half of the interval. All runners are added at the same moment, and a thousand of
    /// them must not be probed simultaneously forever.
    private let ownTime: TimeAmount
    /// Whether a served call proves as much as a probe: not if no models are stated, so that the engine's list is
    /// needed, nor if the operator configured a probe path.
    private let callsSayAll: Bool
    private var wasUrgent = true
    /// The result of the latest probe. Calls that still end on a machine considered unreachable do not change its
    /// state; only a probe does.
    private var wasThere = false
    var urgentInterval: TimeAmount
    /// Whether the machine is waking, or its state is unknown.
    var isUrgent = true

    /// - Parameter share: the fraction of the interval for `ownTime`.
    init(
        _ runner: Settings.StaticRunner, urgentInterval: TimeAmount, share: Double = .random(in: 0.5...1)
    ) {
        interval = TimeAmount(runner.probe.every)
        ownTime = .nanoseconds(Int64(Double(interval.nanoseconds) * share))
        callsSayAll = !runner.models.isEmpty && runner.probe.path == Settings.Probe.usualPath
        self.urgentInterval = urgentInterval
    }

    /// Time to wait after a probe, by whether it found the runner.
    mutating func nextWait(isThere: Bool) -> TimeAmount {
        wasThere = isThere
        defer { wasUrgent = isUrgent }
        return isUrgent ? urgentInterval : wasUrgent ? ownTime : interval
    }

    /// Remaining time by which a due probe can be deferred because the runner has served a call meanwhile; nil if it
    /// cannot.
    ///
    /// The first probe after a silent failure still comes within one interval: it is at most that far from the last
    /// served call.
    func rest(servedAt: NIODeadline?, now: NIODeadline) -> TimeAmount? {
        guard callsSayAll, wasThere, !isUrgent, let servedAt else { return nil }
        let left = servedAt + ownTime - now
        return left > .zero ? left : nil
    }
}
