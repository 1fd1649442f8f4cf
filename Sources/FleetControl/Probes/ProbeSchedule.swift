import NIOCore
import Settings

/// Decides when a static runner is probed: periodically, more often while its state is urgent, and later after a served
/// call, which proves as much as a probe.
struct ProbeSchedule: Sendable {
    private let interval: TimeAmount
    /// A random time in the second half of the interval, so that a thousand runners that are added at the same moment are
    /// not always probed at the same moment.
    private let jitteredInterval: TimeAmount
    /// Whether a served call proves as much as a probe: only if the settings state the models, so that the engine's list
    /// is not needed, and the probe requests that list.
    private let callsReplaceProbes: Bool
    private var wasUrgent = true
    /// Whether the latest probe found the runner up. Only a probe changes this: calls may still complete on a machine
    /// that is considered unreachable.
    private var wasUp = false
    var urgentInterval: TimeAmount
    /// Whether the machine is waking, or its state is unknown.
    var isUrgent = true

    /// - Parameter fraction: the fraction of the interval for `jitteredInterval`.
    init(
        _ runner: Settings.StaticRunner, urgentInterval: TimeAmount, fraction: Double = .random(in: 0.5...1)
    ) {
        interval = TimeAmount(runner.probe.every)
        jitteredInterval = .nanoseconds(Int64(Double(interval.nanoseconds) * fraction))
        callsReplaceProbes = !runner.models.isEmpty && runner.probe.path == Settings.Probe.usualPath
        self.urgentInterval = urgentInterval
    }

    /// The time until the next probe, by whether the last one found the runner up.
    mutating func nextWait(isUp: Bool) -> TimeAmount {
        wasUp = isUp
        defer { wasUrgent = isUrgent }
        return isUrgent ? urgentInterval : wasUrgent ? jitteredInterval : interval
    }

    /// The time by which a due probe can be deferred because the runner has served a call meanwhile; nil if it cannot.
    ///
    /// The first probe after a failure still follows within one interval of the last served call.
    func remainingDeferral(servedAt: NIODeadline?, now: NIODeadline) -> TimeAmount? {
        guard callsReplaceProbes, wasUp, !isUrgent, let servedAt else { return nil }
        let left = servedAt + jitteredInterval - now
        return left > .zero ? left : nil
    }
}
