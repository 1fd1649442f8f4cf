import NIOCore
import NIOHTTP1

@testable import Relay

/// Drives an `UpstreamConnectionState` as its shell does, and records the actions in a compact notation.
struct DrivenUpstream {
    static let timeouts = UpstreamTimeouts(connect: .seconds(1), firstByte: .seconds(60), gap: .seconds(30))
    static let lifetimes = UpstreamLifetimes(idle: .seconds(60), age: .hours(1))

    var state = UpstreamConnectionState(lifetimes: lifetimes, now: .uptimeNanoseconds(0))
    var now = NIODeadline.uptimeNanoseconds(0)
    /// What the caller does after it has received a piece of the body.
    var afterBody = AfterBody.readOn
    private(set) var actions: [String] = []

    enum AfterBody { case readOn, abandon, release }

    /// - Returns: the actions of one event.
    mutating func record(_ event: (inout DrivenUpstream) -> Void) -> String {
        let before = actions.count
        event(&self)
        return actions[before...].joined(separator: " ")
    }

    mutating func note(_ action: String) {
        if !action.isEmpty { actions.append(action) }
    }

    // MARK: Events

    mutating func begin(isLast: Bool = false, isWritten: Bool = true, unreadBytes: Int = 0) {
        let timer = state.exchangeBegan(
            timeouts: Self.timeouts, isLast: isLast, unreadBytes: unreadBytes, at: now)
        note(timer == nil ? "" : "arm")
        if isWritten { write() }
    }

    mutating func write() { state.requestWritten(state.exchanges, at: now) }

    mutating func askForBody() { note(state.wantsBody ? "body" : "") }
    mutating func writeBody(_ count: Int) { state.bodyWritten(state.exchanges, count, at: now) }
    mutating func readBody(_ count: Int) {
        switch state.bodyRead(count) {
        case .write(let isLast): note(isLast ? "last" : "write")
        case .close: note("close")
        }
    }

    mutating func receive(_ text: String, requestIsPending: Bool = false) {
        guard state.bytesReceived(ByteBuffer(string: text), requestIsPending: requestIsPending) == .deliver else {
            return note("close")
        }
        while let delivery = state.nextDelivery(at: now) {
            note(delivery.notation)
            guard case .body = delivery else { continue }
            switch afterBody {
            case .readOn: break
            case .abandon: state.exchangeAbandoned()
            case .release: note(state.exchangeReleased(at: now).notation)
            }
        }
        note(state.deliveryEnded(at: now).notation)
    }

    mutating func release() { note(state.exchangeReleased(at: now).notation) }
    mutating func read() { note(state.readRequested() ? "read" : "") }
    mutating func completeRead(wantsReads: Bool = true) {
        note(state.readCompleted(wantsReads: wantsReads) ? "readOn" : "")
    }
    mutating func loseMachine() { note(state.machineBecameUnreachable() ? "close" : "") }
    mutating func fail(_ failure: UpstreamConnectionState.Failure) { state.errorCaught(failure) }

    mutating func close() {
        switch state.connectionClosed() {
        case .none: note("none")
        case .ended: note("ended")
        case .failed(let failure): note("\(failure)")
        }
    }

    mutating func fireTimer(wantsReads: Bool = true) {
        switch state.timerFired(at: now, wantsReads: wantsReads) {
        case .none: note("none")
        case .wait(let deadline): note("wait(\((deadline - now).nanoseconds / 1_000_000_000))")
        case .close: note("close")
        }
    }

    mutating func pass(_ time: TimeAmount) { now = now + time }
}

extension UpstreamConnectionState.Delivery {
    var notation: String {
        switch self {
        case .head(let head): "head(\(head.status.code))"
        case .body(let bytes): "body(\(String(buffer: bytes)))"
        case .end(let end): "end(\(end.isReusable ? "keep" : "close")\(end.isServed ? ",served" : ""))"
        case .close: "close"
        }
    }
}

extension UpstreamConnectionState.ReleaseAction {
    var notation: String { self == .none ? "" : "awaitEnd" }
}
