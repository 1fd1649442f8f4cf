import NIOCore
import Settings

/// When a runner from settings is asked whether it is there: again and again, often while that is urgent, and not for a
/// while after it has served a call, which says as much.
struct ProbeSchedule: Sendable {
    private let interval: TimeAmount
    /// Somewhere in the later half of the interval. All runners are known at the same moment, and a thousand of them shall
    /// not be asked at the same moment ever after.
    private let ownTime: TimeAmount
    /// A call does not tell what an engine lists, nor what operators want to know who name a path of their own.
    private let callsSayAll: Bool
    private var wasUrgent = true
    /// What the latest probe has found. Calls that still end on a machine that has been given up do not bring it back; only
    /// a probe does.
    private var wasThere = false
    var urgentInterval: TimeAmount
    /// The machine is being woken, or we do not know it yet.
    var isUrgent = true

    /// - Parameter share: of the interval, for `ownTime`.
    init(
        _ runner: Settings.StaticRunner, urgentInterval: TimeAmount, share: Double = .random(in: 0.5...1)
    ) {
        interval = TimeAmount(runner.probe.every)
        ownTime = .nanoseconds(Int64(Double(interval.nanoseconds) * share))
        callsSayAll = !runner.models.isEmpty && runner.probe.path == Settings.Probe.usualPath
        self.urgentInterval = urgentInterval
    }

    /// How long to wait after a probe that has found the runner there or not.
    mutating func nextWait(isThere: Bool) -> TimeAmount {
        wasThere = isThere
        defer { wasUrgent = isUrgent }
        return isUrgent ? urgentInterval : wasUrgent ? ownTime : interval
    }

    /// How much longer a probe that is due can wait, because the runner has served a call meanwhile; nil when it cannot.
    ///
    /// The first probe after a silent death still comes within one interval: it is at most that far from the last call that
    /// was served.
    func rest(servedAt: NIODeadline?, now: NIODeadline) -> TimeAmount? {
        guard callsSayAll, wasThere, !isUrgent, let servedAt else { return nil }
        let left = servedAt + ownTime - now
        return left > .zero ? left : nil
    }
}
