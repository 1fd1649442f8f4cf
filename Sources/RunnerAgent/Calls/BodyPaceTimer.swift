import NIOCore
import SimpleAICore

/// Measures the request bodies of one connection, one at a time, and reports a body that arrives too slowly. Belongs to the
/// connection's event loop.
final class BodyPaceTimer {
    private static let gracePeriod: TimeAmount = .seconds(75)

    private let eventLoop: any EventLoop
    private let onTooSlow: () -> Void
    /// Nil unless a body is being measured.
    private var pace: BodyPace?
    private var timer: Scheduled<Void>?
    private var receivedBytes = 0

    /// - Parameter onTooSlow: not called after `end`.
    init(on eventLoop: any EventLoop, onTooSlow: @escaping () -> Void) {
        self.eventLoop = eventLoop
        self.onTooSlow = onTooSlow
    }

    /// Starts the measurement of a body, or of its rest after a pause; no effect during one.
    func begin() {
        guard pace == nil else { return }
        receivedBytes = 0
        pace = BodyPace(gracePeriod: Self.gracePeriod.nanoseconds, now: now)
        arm()
    }

    func received(_ count: Int) { receivedBytes += count }

    func end() {
        pace = nil
        timer?.cancel()
        timer = nil
    }

    private func arm() {
        guard let deadline = pace?.deadline else { return }
        timer = eventLoop.assumeIsolated().scheduleTask(deadline: .uptimeNanoseconds(UInt64(clamping: deadline))) {
            [weak self] in self?.check()
        }
    }

    private func check() {
        guard pace != nil else { return }
        if pace?.isTooSlow(received: receivedBytes, now: now) ?? true { onTooSlow() } else { arm() }
    }

    private var now: Int64 { Int64(clamping: eventLoop.now.uptimeNanoseconds) }
}
