/// Decides when a child process is signalled. Pure, so that every order of events can be tested.
///
/// A process that must stop gets SIGTERM first and SIGKILL after the grace period; without a grace period it gets
/// SIGKILL at once.
struct StopSchedule {
    enum Signal: Hashable {
        case terminate
        case kill
    }

    /// When the process exceeds its timeout, if it has one.
    private var timeoutAt: ContinuousClock.Instant?
    private var killAt: ContinuousClock.Instant?
    private let gracePeriod: Duration
    private(set) var didTimeOut = false
    private(set) var wasStopped = false
    /// When SIGKILL was sent.
    private(set) var killedAt: ContinuousClock.Instant?

    init(startedAt: ContinuousClock.Instant, timeout: Duration?, gracePeriod: Duration) {
        timeoutAt = timeout.map { startedAt + $0 }
        self.gracePeriod = gracePeriod
    }

    /// The next time at which `signals(due:)` returns a signal.
    var nextDeadline: ContinuousClock.Instant? {
        killedAt == nil ? [timeoutAt, killAt].compactMap { $0 }.min() : nil
    }

    /// Records that the end of the process was requested. Returns the signals to send.
    mutating func stopRequested(at now: ContinuousClock.Instant) -> [Signal] {
        guard !wasStopped, !didTimeOut else { return [] }
        wasStopped = true
        return stop(at: now)
    }

    /// The signals due at this time; each is returned once.
    mutating func signals(due now: ContinuousClock.Instant) -> [Signal] {
        if let timeoutAt, now >= timeoutAt, !wasStopped, !didTimeOut {
            didTimeOut = true
            return stop(at: now)
        }
        guard let killAt, now >= killAt, killedAt == nil else { return [] }
        killedAt = now
        return [.kill]
    }

    private mutating func stop(at now: ContinuousClock.Instant) -> [Signal] {
        timeoutAt = nil
        guard gracePeriod > .zero else {
            killedAt = now
            return [.kill]
        }
        killAt = now + gracePeriod
        return [.terminate]
    }
}
