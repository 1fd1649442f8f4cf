import NIOCore
import NIOHTTP1
import SimpleAICore

@testable import DataPlane

/// Drives a `ClientConnectionState` as its shell does, and records the actions in a compact notation.
struct DrivenConnection {
    static let idleTimeout: TimeAmount = .seconds(60)
    static let drain: TimeAmount = .seconds(30)

    var state = ClientConnectionState(
        maxHead: 1_024, idleTimeout: idleTimeout, drain: drain, now: .uptimeNanoseconds(0))
    var now = NIODeadline.uptimeNanoseconds(0)
    /// Whether each response completes as soon as its request has been delivered.
    var respondsImmediately = false
    private(set) var actions: [String] = []

    /// - Returns: the actions of one event.
    mutating func record(_ event: (inout DrivenConnection) -> Void) -> String {
        let before = actions.count
        event(&self)
        return actions[before...].joined(separator: " ")
    }

    mutating func note(_ action: String) {
        if !action.isEmpty { actions.append(action) }
    }

    // MARK: Events

    mutating func receive(_ text: String) {
        state.bytesReceived(ByteBuffer(string: text))
        deliver()
    }

    /// Paths below `/v1` belong to the data plane.
    mutating func deliver() {
        guard state.deliveryBegan() else { return }
        while let delivery = state.nextDelivery(at: now) {
            note(delivery.notation)
            switch delivery {
            case .offer(let head) where !head.uri.hasPrefix("/v1"): state.requestDeclined()
            case .end where respondsImmediately: complete()
            default: break
            }
        }
    }

    mutating func complete(isLast: Bool = false, isWritable: Bool = true) {
        let action = state.responseCompleted(isLast: isLast, isWritable: isWritable, at: now)
        note(action.notation)
        guard case .exchangeEnded(_, deliversNext: true) = action else { return }
        deliver()
        if state.readReleased() { note("read") }
    }

    mutating func write(_ status: Int = 200, keepAlive: Bool = true) {
        note("\(state.headWritten(status: status, keepAlive: keepAlive))")
    }

    mutating func closeInput() {
        note(state.inputClosed().notation)
        note(state.inputEndReported() ? "inputEnded" : "later")
    }

    mutating func beginDrain() {
        switch state.drainBegan(at: now) {
        case .none: break
        case .wait: note("drain")
        case .closeWhenSent: note("drain closeWhenSent")
        }
    }

    mutating func expireDrain(isCalling: Bool) {
        switch state.drainExpired(at: now, isCalling: isCalling) {
        case .close: note("close")
        case .endCall: note("endCall")
        }
    }

    mutating func fireIdleTimer(holdsReads: Bool = false, isWritable: Bool = true, unsentBytes: Int = 0) {
        let action = state.idleTimerFired(
            at: now, holdsReads: holdsReads, isWritable: isWritable, unsentBytes: unsentBytes)
        switch action {
        case .wait: note("wait")
        case .close: note("close")
        case .refuseBody: note("refuseBody")
        }
    }

    mutating func read() { note(state.readRequested() ? "read" : "hold") }
    mutating func refuseSlowBody() { note(state.slowBodyRefused().notation) }
    mutating func pass(_ time: TimeAmount) { now = now + time }
}

extension ClientConnectionState.Delivery {
    var notation: String {
        switch self {
        case .offer(let head): "offer(\(head.uri))"
        case .head(let head): "head(\(head.uri))"
        case .body(let bytes, let route): "\(route)(\(String(buffer: bytes)))"
        case .end(let route): "end(\(route))"
        case .exchangeEnded(let end): "ended(\(end))"
        case .inputEnded(let refusal): refusal == .none ? "inputEnded" : "\(refusal.notation) inputEnded"
        case .refuse(let refusal): refusal.notation
        }
    }
}

extension ClientConnectionState.Refusal {
    var notation: String {
        switch self {
        case .none: ""
        case .respond(let error, _): "respond(\(error.code.rawValue))"
        case .closeOutput: "closeOutput"
        case .close: "close"
        }
    }
}

extension ClientConnectionState.ResponseEndAction {
    var notation: String {
        switch self {
        case .awaitRequest: "awaitRequest"
        case .exchangeEnded(let end, let deliversNext): "ended(\(end)\(deliversNext ? ",next" : ""))"
        }
    }
}
