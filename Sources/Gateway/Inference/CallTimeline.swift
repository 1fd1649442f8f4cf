import NIOCore
import Scheduling

/// When what happened to a call, on the monotonic clock.
struct CallTimeline {
    let began: NIODeadline = .now()
    var authenticated: NIODeadline?
    /// When the request went to a runner, the last time it did.
    var sent: NIODeadline?
    /// The head of the runner's answer.
    var answered: NIODeadline?
    var firstByte: NIODeadline?
    var headWasSent = false
    private(set) var queued: Duration = .zero
    private(set) var waking: Duration = .zero
    private(set) var wake: WakeID?

    /// Waiting adds up when a call moves.
    mutating func add(_ lease: Lease) {
        if let wake = lease.wake {
            self.wake = wake
            waking += lease.waited
        } else {
            queued += lease.waited
        }
    }

    var waited: Duration { queued + waking }
    var total: Duration { Duration(NIODeadline.now() - began) }
    var toFirstByte: Duration? { firstByte.map { Duration($0 - began) } }

    /// `none`, or the milliseconds that this call waited for a machine and which wake it was.
    var wakeHeader: String {
        wake.map { "\(waking.wholeMilliseconds); wake=\($0)" } ?? "none"
    }

    /// Server-Timing (W3C), in milliseconds.
    var serverTiming: String {
        func entry(_ name: String, _ duration: Duration) -> String {
            let micros = Int64(duration.inSeconds * 1_000_000)
            let fraction = String(micros % 1000)
            return "\(name);dur=\(micros / 1000)." + String(repeating: "0", count: 3 - fraction.utf8.count) + fraction
        }
        let auth = authenticated.map { Duration($0 - began) } ?? .zero
        let upstream = sent.flatMap { sent in answered.map { Duration($0 - sent) } } ?? .zero
        return [
            entry("auth", auth), entry("queue", queued), entry("wake", waking), entry("upstream", upstream),
        ].joined(separator: ", ")
    }
}
