import NIOCore
import SimpleAICore

/// Decides when a connection or a stream is idle for too long, and when a request body arrives too slowly. Used alike by
/// HTTP/1 connections, HTTP/2 connections and HTTP/2 streams. Pure: time is passed in.
///
/// Its owner arms one timer for `deadline`, which activity never moves: activity only records its time, and `check` returns
/// the next deadline when the timer fires.
struct IdleDeadline: Hashable, Sendable {
    /// What the connection waits for when its timer fires.
    enum Wait: Hashable {
        /// The client: the rest of a request, or the next one.
        case client
        /// The gateway: it generates a response, or holds back reads of the request.
        case gateway
        /// The client, to read a response. Progress shows in the number of bytes that are not sent yet.
        case reader(unsentBytes: Int)
    }

    enum Decision: Hashable {
        case wait(until: NIODeadline)
        case idle
        /// The body's measurement has ended; the idle timeout begins again.
        case bodyTooSlow
    }

    /// A request's body, while it is being read.
    private struct Body: Hashable {
        var pace: BodyPace
        /// In bytes.
        var received = 0
    }

    private let timeout: TimeAmount
    private(set) var lastActivity: NIODeadline
    private var body: Body?
    /// Number of unsent bytes at the last check.
    private var unsentBytes = 0

    init(timeout: TimeAmount, now: NIODeadline) {
        self.timeout = timeout
        lastActivity = now
    }

    /// When to check next.
    var deadline: NIODeadline {
        body.map { .uptimeNanoseconds(UInt64(clamping: $0.pace.deadline)) } ?? lastActivity + timeout
    }

    mutating func activityOccurred(at now: NIODeadline) {
        lastActivity = now
    }

    /// The head of a request was received, complete: bytes of a head that never completes are not activity.
    mutating func requestBegan(at now: NIODeadline) {
        lastActivity = now
        body = Body(pace: BodyPace(gracePeriod: timeout.nanoseconds, now: now.nanoseconds))
    }

    /// - Parameter count: of the body, in bytes.
    mutating func bodyReceived(_ count: Int) {
        body?.received += count
    }

    mutating func requestEnded(at now: NIODeadline) {
        lastActivity = now
        body = nil
    }

    /// The response was written, and the client has not read all of it: it does not count as idle until the next check.
    mutating func responseIsUnsent() {
        unsentBytes = .max
    }

    /// Checks the connection when its timer fires.
    mutating func check(at now: NIODeadline, waitingFor wait: Wait) -> Decision {
        if body != nil {
            lastActivity = now
            if bodyIsTooSlow(at: now, wait) {
                body = nil
                return .bodyTooSlow
            }
        } else if isActive(wait) {
            lastActivity = now
        }
        return lastActivity + timeout <= now ? .idle : .wait(until: deadline)
    }

    private mutating func bodyIsTooSlow(at now: NIODeadline, _ wait: Wait) -> Bool {
        guard var body else { return false }
        defer { self.body = body }
        if wait == .gateway {
            body.pace.readingWasPaused(received: body.received, now: now.nanoseconds)
            return false
        }
        return body.pace.deadline <= now.nanoseconds
            && body.pace.isTooSlow(received: body.received, now: now.nanoseconds)
    }

    private mutating func isActive(_ wait: Wait) -> Bool {
        switch wait {
        case .client: return false
        case .gateway: return true
        case .reader(let unsent):
            defer { unsentBytes = unsent }
            return unsent != unsentBytes
        }
    }
}

extension NIODeadline {
    fileprivate var nanoseconds: Int64 { Int64(clamping: uptimeNanoseconds) }
}
