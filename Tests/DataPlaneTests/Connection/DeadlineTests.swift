import NIOCore
import Testing

@testable import DataPlane

/// The deadlines that connections and streams share.
@Suite struct DeadlineTests {
    private let start = NIODeadline.uptimeNanoseconds(0)
    private let timeout: TimeAmount = .seconds(60)

    // MARK: Idleness

    @Test func aClientThatSendsNothingIsIdle() {
        var idle = IdleDeadline(timeout: timeout, now: start)
        #expect(idle.deadline == start + timeout)
        #expect(idle.check(at: start + .seconds(59), waitingFor: .client) == .wait(until: start + timeout))
        #expect(idle.check(at: start + timeout, waitingFor: .client) == .idle)
    }

    @Test func activityMovesTheDeadline() {
        var idle = IdleDeadline(timeout: timeout, now: start)
        idle.activityOccurred(at: start + .seconds(10))
        #expect(idle.check(at: start + timeout, waitingFor: .client) == .wait(until: start + .seconds(70)))
    }

    @Test func waitingForTheGatewayIsActivity() {
        var idle = IdleDeadline(timeout: timeout, now: start)
        #expect(idle.check(at: start + timeout, waitingFor: .gateway) == .wait(until: start + timeout + timeout))
        #expect(idle.lastActivity == start + timeout)
    }

    @Test func progressOfAReaderIsActivity() {
        var idle = IdleDeadline(timeout: timeout, now: start)
        var now = start
        for unsent in [10, 5] {
            now = now + timeout
            #expect(idle.check(at: now, waitingFor: .reader(unsentBytes: unsent)) == .wait(until: now + timeout))
        }
        #expect(idle.check(at: now + timeout, waitingFor: .reader(unsentBytes: 5)) == .idle)
        idle.responseIsUnsent()
        #expect(
            idle.check(at: now + timeout, waitingFor: .reader(unsentBytes: 5)) == .wait(until: now + timeout + timeout))
    }

    @Test func aBodyThatDoesNotArriveIsTooSlow() {
        var idle = IdleDeadline(timeout: timeout, now: start)
        idle.requestBegan(at: start + .seconds(5))
        #expect(idle.deadline == start + .seconds(65))
        #expect(idle.check(at: start + .seconds(65), waitingFor: .client) == .bodyTooSlow)
        // The measurement has ended, and the idle timeout begins again.
        #expect(idle.deadline == start + .seconds(125))
        #expect(idle.check(at: start + .seconds(125), waitingFor: .client) == .idle)
    }

    @Test func aBodyThatArrivesIsNot() {
        var idle = IdleDeadline(timeout: timeout, now: start)
        idle.requestBegan(at: start)
        idle.bodyReceived(1 << 20)
        #expect(idle.check(at: start + timeout, waitingFor: .client) == .wait(until: idle.deadline))
        #expect(idle.deadline > start + timeout)
        // No further byte.
        #expect(idle.check(at: idle.deadline, waitingFor: .client) == .bodyTooSlow)
    }

    /// A timer that was armed before the body began fires before its deadline, which changes nothing.
    @Test func anEarlyCheckDoesNotMoveTheDeadlineOfABody() {
        var idle = IdleDeadline(timeout: timeout, now: start)
        idle.requestBegan(at: start)
        idle.bodyReceived(1 << 20)
        #expect(idle.check(at: start + .seconds(10), waitingFor: .client) == .wait(until: start + timeout))
    }

    @Test func aBodyThatTheGatewayHoldsBackIsNotSlow() {
        var idle = IdleDeadline(timeout: timeout, now: start)
        idle.requestBegan(at: start)
        #expect(idle.check(at: start + timeout, waitingFor: .gateway) == .wait(until: start + timeout + timeout))
    }

    @Test func theEndOfARequestEndsTheMeasurement() {
        var idle = IdleDeadline(timeout: timeout, now: start)
        idle.requestBegan(at: start)
        idle.requestEnded(at: start + .seconds(1))
        #expect(idle.deadline == start + .seconds(61))
        #expect(idle.check(at: start + .seconds(61), waitingFor: .client) == .idle)
    }

    // MARK: Draining

    @Test func aCallGetsTheDrainTimeAndAGracePeriod() {
        var drain = DrainDeadline(duration: .seconds(30))
        #expect(!drain.isDraining && drain.deadline == nil)
        #expect(drain.drainBegan(at: start) == start + .seconds(30))
        #expect(drain.isDraining && drain.deadline == start + .seconds(30))
        #expect(drain.drainBegan(at: start + .seconds(5)) == nil, "known already")
        let now = start + .seconds(30)
        #expect(
            drain.expired(at: now, isCalling: true) == .endCall(deadline: now + DrainDeadline.callGracePeriod))
        #expect(drain.isDraining && drain.deadline == nil)
        #expect(drain.expired(at: now + .seconds(1), isCalling: true) == .close)
    }

    @Test func withoutACallNothingIsLeftToDo() {
        var drain = DrainDeadline(duration: .seconds(30))
        _ = drain.drainBegan(at: start)
        #expect(drain.expired(at: start + .seconds(30), isCalling: false) == .close)
    }

    @Test func aLateStreamSharesTheDeadlineOfItsConnection() {
        var drain = DrainDeadline(duration: .seconds(30))
        #expect(drain.drainBegan(until: start + .seconds(3)) == start + .seconds(3))
        #expect(drain.drainBegan(at: start) == nil)
        #expect(drain.deadline == start + .seconds(3))
    }

    /// The streams of a connection end before it.
    @Test func theGracePeriodOfAConnectionExceedsThatOfItsStreams() {
        #expect(DrainDeadline.connectionGracePeriod > DrainDeadline.callGracePeriod)
    }
}
