import NIOCore
import Scheduling
import SimpleAICore

/// The instants of a call's events, on the monotonic clock.
struct CallTimeline {
    let began: NIODeadline = .now()
    var authenticated: NIODeadline?
    /// When the request was last sent to a runner.
    var sent: NIODeadline?
    /// When the head of the latest runner's response was received.
    var answered: NIODeadline?
    var firstByte: NIODeadline?
    var headWasSent = false
    private(set) var queued: Duration = .zero
    private(set) var waking: Duration = .zero
    private(set) var wake: WakeID?

    /// Adds the wait of one more lease: waits add up when a call moves to another runner.
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
    /// Seconds since the beginning of the call, for metrics.
    var seconds: Double { Double((NIODeadline.now() - began).nanoseconds) / 1e9 }
    /// Seconds from the beginning of the call; nil if the event did not happen.
    func seconds(to time: NIODeadline?) -> Double? { time.map { Double(($0 - began).nanoseconds) / 1e9 } }

    /// `none`, or the milliseconds that this call waited for a machine and the id of the wake.
    var wakeHeader: String {
        wake.map { "\(waking.wholeMilliseconds); wake=\($0)" } ?? "none"
    }

    /// Server-Timing (W3C), in milliseconds.
    var serverTiming: String {
        let auth = authenticated.map { ($0 - began).nanoseconds } ?? 0
        let upstream = sent.flatMap { sent in answered.map { ($0 - sent).nanoseconds } } ?? 0
        var text = "auth;dur="
        text.reserveCapacity(96)
        Self.append(auth, to: &text)
        text += ", queue;dur="
        Self.append(queued == .zero ? 0 : queued.wholeMicroseconds * 1000, to: &text)
        text += ", wake;dur="
        Self.append(waking == .zero ? 0 : waking.wholeMicroseconds * 1000, to: &text)
        text += ", upstream;dur="
        Self.append(upstream, to: &text)
        return text
    }

    /// Milliseconds with three decimals.
    private static func append(_ nanoseconds: Int64, to text: inout String) {
        let micros = max(0, nanoseconds) / 1000
        text += String(micros / 1000)
        let fraction = micros % 1000
        text += fraction < 10 ? ".00" : fraction < 100 ? ".0" : "."
        text += String(fraction)
    }
}

extension Duration {
    fileprivate var wholeMicroseconds: Int64 {
        components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000
    }
}
