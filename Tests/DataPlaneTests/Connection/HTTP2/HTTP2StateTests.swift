import NIOCore
import Testing

@testable import DataPlane

/// The state machines of HTTP/2 connections and streams.
@Suite struct HTTP2StateTests {
    private let start = NIODeadline.uptimeNanoseconds(0)
    private let grace = DrainDeadline.connectionGracePeriod

    // MARK: Connections

    private func connection(streams: Int = 0, isClosing: Bool = false) -> HTTP2ConnectionState {
        var state = HTTP2ConnectionState(idleTimeout: .seconds(60), drain: .seconds(30), now: start)
        for _ in 0..<streams { state.streamBegan(at: start) }
        if isClosing { _ = state.errorCaught(.unclear) }
        return state
    }

    /// Every event of an idle connection, of one in use, and of both while they close gracefully.
    @Test func everyEventInEveryState() {
        let situations = [
            connection(), connection(streams: 1), connection(isClosing: true), connection(streams: 1, isClosing: true),
        ]
        func actions(_ event: (inout HTTP2ConnectionState) -> HTTP2ConnectionState.Action) -> [HTTP2ConnectionState
            .Action]
        {
            situations.map { situation in
                var state = situation
                return event(&state)
            }
        }
        let (idle, drained) = (start + grace, start + .seconds(30) + grace)
        #expect(actions { $0.inputClosed() } == [.close, .close, .close, .close])
        #expect(
            actions { $0.drainBegan(at: start) } == [
                .closeGracefully(latest: drained), .closeGracefully(latest: drained), .closeLatest(at: drained),
                .closeLatest(at: drained),
            ])
        #expect(
            actions { $0.evicted(at: start) } == [
                .closeGracefully(latest: idle), .keepOpen, .closeLatest(at: idle), .keepOpen,
            ])
        #expect(actions { $0.errorCaught(.stream) } == [.none, .none, .none, .none])
        #expect(
            actions { $0.errorCaught(.unclear) } == [
                .closeGracefully(latest: nil), .closeGracefully(latest: nil), .none, .none,
            ])
        #expect(actions { $0.errorCaught(.connection) } == [.close, .close, .close, .close])
        let late = start + .seconds(60)
        #expect(
            actions { $0.idleTimerFired(at: late) } == [
                .closeGracefully(latest: late + grace), .wait(until: late + .seconds(60)),
                .closeLatest(at: late + grace),
                .wait(until: late + .seconds(60)),
            ])
    }

    @Test func drainingBeginsOnce() {
        var state = connection()
        #expect(state.drainDeadline == nil)
        _ = state.drainBegan(at: start)
        #expect(state.drainDeadline == start + .seconds(30))
        #expect(state.drainBegan(at: start + .seconds(9)) == .none)
        #expect(state.drainDeadline == start + .seconds(30))
    }

    @Test func streamsAreActivity() {
        var state = connection()
        #expect(state.nextStreamIsFirst)
        state.streamBegan(at: start + .seconds(1))
        #expect(!state.nextStreamIsFirst && state.idleDeadline == start + .seconds(61))
        state.streamBegan(at: start + .seconds(2))
        #expect(state.streamEnded(at: start + .seconds(3)) == false)
        #expect(state.streamEnded(at: start + .seconds(4)) == true)
        #expect(state.nextStreamIsFirst && state.idleDeadline == start + .seconds(64))
    }

    // MARK: Deadlines of streams

    private func stream(head: Bool = true, end: Bool = true) -> StreamState {
        var state = StreamState(idleTimeout: .seconds(60), drain: .seconds(30), now: start)
        if head { state.headReceived(at: start) }
        if end { state.endReceived(at: start) }
        return state
    }

    @Test func idlenessOfStreams() {
        let late = start + .seconds(60)
        let wait = StreamState.TimerAction.wait(until: late + .seconds(60))
        for (head, end, holdsReads, isWritable, expected) in [
            (false, false, false, true, .abort), (false, false, true, true, wait),
            (true, false, false, true, .refuseBody),
            (true, false, true, true, wait), (true, true, false, true, wait), (true, true, true, false, .abort),
        ] as [(Bool, Bool, Bool, Bool, StreamState.TimerAction)] {
            var state = stream(head: head, end: end)
            #expect(state.idleDeadline == late)
            #expect(state.idleTimerFired(at: late, holdsReads: holdsReads, isWritable: isWritable) == expected)
        }
    }

    @Test func progressOfStreams() {
        var state = stream(end: false)
        state.bodyReceived(1 << 20)
        let late = start + .seconds(60)
        #expect(state.idleTimerFired(at: late, holdsReads: false, isWritable: true) == .wait(until: state.idleDeadline))
        state = stream()
        state.responseSent(at: start + .seconds(10))
        #expect(
            state.idleTimerFired(at: late, holdsReads: false, isWritable: false) == .wait(until: start + .seconds(70)))
    }

    @Test func drainingOfStreams() {
        var state = stream()
        #expect(state.drainBegan(at: start) == start + .seconds(30))
        #expect(state.drainBegan(at: start) == nil)
        #expect(state.drainExpired(at: start, isCalling: true) == .endCall(deadline: start + .seconds(1)))
        #expect(state.drainExpired(at: start, isCalling: true) == .close)
        state = stream()
        #expect(state.drainBegan(at: start, until: start + .seconds(3)) == start + .seconds(3))
    }

    // MARK: Frames of streams

    @Test func headersOfStreams() {
        var state = StreamRulesState(isAdmitted: true)
        #expect(state.headersReceived(endStream: false) == .checkHead)
        #expect(state.headersReceived(endStream: true) == .checkTrailers)
        state.refused()
        #expect(state.headersReceived(endStream: true) == .drop && !state.isPassing)
        #expect(state.dataReceived(endStream: true) == false)
        var refused = StreamRulesState(isAdmitted: false)
        #expect(refused.isPassing && refused.headersReceived(endStream: false) == .refuseStream)
        #expect(refused.headersReceived(endStream: true) == .drop && !refused.isPassing)
    }

    /// A response that is complete before its request stops the request, once it is sent and a handler closes the stream.
    @Test(arguments: [false, true]) func theEndOfStreams(closesBeforeSent: Bool) {
        for endsRequest in [false, true] {
            var state = StreamRulesState(isAdmitted: true)
            _ = state.headersReceived(endStream: false)
            #expect(state.dataReceived(endStream: endsRequest) == true)
            #expect(state.closeRequested() == .reset, "the response is incomplete")
            state.responseCompleted()
            let expected: StreamRulesState.CloseAction = endsRequest ? .none : .stopRequest
            if closesBeforeSent {
                #expect(state.closeRequested() == .none)
                #expect(state.responseSent() == expected)
            } else {
                #expect(state.responseSent() == .none)
                #expect(state.closeRequested() == expected)
            }
            #expect(state.responseSent() == .none, "once")
        }
        var complete = StreamRulesState(isAdmitted: true)
        _ = complete.headersReceived(endStream: true)
        complete.responseCompleted()
        _ = complete.closeRequested()
        #expect(complete.responseSent() == .none)
    }

    // MARK: Writes of streams

    @Test func longPiecesAreSplitAndObserved() throws {
        var writes = StreamWrites()
        let size = StreamWrites.maxWriteSize
        writes.hold(ByteBuffer(repeating: 1, count: 2 * size + 5), nil)
        let lengths = sequence(state: writes) { $0.next() }.map { ($0.bytes.readableBytes, $0.isObserved) }
        #expect(lengths.map(\.0) == [size, size, 5] && lengths.map(\.1) == [true, true, false])
    }

    @Test func shortPiecesAreObservedNowAndThen() throws {
        var writes = StreamWrites()
        let observed = (0..<8).map { _ in
            writes.hold(ByteBuffer(repeating: 1, count: StreamWrites.maxWriteSize / 4), nil)
            let write = writes.next()
            return write?.isObserved ?? false && writes.next() == nil
        }
        #expect(observed == [false, false, false, true, false, false, false, true])
    }
}
