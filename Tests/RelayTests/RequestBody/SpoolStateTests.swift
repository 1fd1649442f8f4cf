import TestSupport
import Testing

@testable import Relay

@Suite struct SpoolStateTests {
    private static let limits = SpoolState.Limits(maxInMemory: 10, maxPending: 8)

    enum Event: Sendable {
        case piece(Int), end, written, failed, refused, released
    }

    private static func apply(_ event: Event, to state: inout SpoolState) -> String {
        let actions =
            switch event {
            case .piece(let count): state.pieceReceived(count)
            case .end: state.bodyReceived()
            case .written: state.writeSucceeded()
            case .failed: state.writeFailed()
            case .refused: state.spaceRefused()
            case .released: state.released()
            }
        return (actions.map { "\($0)" } + (state.wantsMore ? [] : ["-"])).joined(separator: "+")
    }

    /// - Parameter expected: the actions of each event, with `-` if the client must wait after it.
    @Test(
        arguments: [
            // In memory
            (nil, [.piece(6), .piece(4), .end, .released], "keep keep complete+- close+-"),
            (nil, [.end], "complete+-"),
            (10, [.piece(10), .end], "keep complete+-"),
            // In a file, from the piece that exceeds the memory, or from the first one
            (
                nil, [.piece(10), .piece(1), .written, .end, .released],
                "keep moveToQueue+enqueue+write+- resume complete+- close+-"
            ),
            (11, [.piece(3), .written, .end], "enqueue+write  complete+-"),
            (nil, [.piece(11), .end, .written], "moveToQueue+enqueue+write+- - complete+-"),
            // One write at a time, and the client waits while too many bytes are pending
            (
                99, [.piece(3), .piece(3), .piece(3), .written, .written, .end],
                "enqueue+write enqueue enqueue+- write+- resume complete+-"
            ),
            (99, [.piece(4), .piece(4), .written, .written], "enqueue+write enqueue+- write+resume "),
            (99, [.piece(3), .piece(3), .end, .written, .written], "enqueue+write enqueue - write+- complete+-"),
            // Failures
            (99, [.piece(3), .failed, .piece(3), .end, .released], "enqueue+write close+fail+- - - -"),
            (99, [.piece(3), .end, .failed], "enqueue+write - close+fail+-"),
            (99, [.piece(3), .refused, .written, .released], "enqueue+write close+- - -"),
            (nil, [.piece(3), .refused, .end], "keep close+- -"),
            // The caller has left
            (99, [.piece(3), .piece(3), .released, .written, .piece(1)], "enqueue+write enqueue close+- - -"),
            (99, [.piece(3), .released, .failed, .released], "enqueue+write close+- - -"),
            (99, [.piece(3), .end, .released, .written], "enqueue+write - close+- -"),
        ] as [(Int?, [Event], String)])
    func events(expectedLength: Int?, events: [Event], expected: String) {
        var state = SpoolState(limits: Self.limits, expectedLength: expectedLength)
        #expect(events.map { Self.apply($0, to: &state) }.joined(separator: " ") == expected)
    }

    @Test func spaceIsReservedForTheWholeBody() {
        var state = SpoolState(limits: Self.limits)
        #expect(state.bytesForFile(10) == 0 && state.bytesForFile(11) == 11)
        _ = state.pieceReceived(10)
        #expect(state.bytesForFile(1) == 11)
        _ = state.pieceReceived(1)
        #expect(state.bytesForFile(5) == 5)
        #expect(SpoolState(limits: Self.limits, expectedLength: 11).bytesForFile(1) == 1)
        _ = state.released()
        #expect(state.bytesForFile(5) == 0)
    }

    /// Every byte is stored once, in order; a client that waits is resumed; the end is reported once.
    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func everyByteIsStored(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<500 {
            let expected = random.chance(0.5) ? Int.random(in: 0...30, using: &random) : nil
            var state = SpoolState(limits: Self.limits, expectedLength: expected)
            var (memory, queue, writing, stored, sent) = (0, 0, 0, 0, 0)
            var (isPaused, isEnded, completions, piece) = (false, false, 0, 0)
            func perform(_ actions: [SpoolState.Action]) {
                for action in actions {
                    switch action {
                    case .keep: memory += piece
                    case .moveToQueue: (queue, memory) = (queue + memory, 0)
                    case .enqueue: queue += piece
                    case .write:
                        #expect(writing == 0)
                        (writing, queue) = (queue, 0)
                        #expect(state.bytesBeingWritten == writing)
                    case .resume: isPaused = false
                    case .complete: completions += 1
                    case .fail, .close: Issue.record("\(action)")
                    }
                }
            }
            for _ in 0..<60 {
                if random.chance(0.5), writing > 0 {
                    (stored, writing) = (stored + writing, 0)
                    perform(state.writeSucceeded())
                } else if !isPaused, !isEnded {
                    if random.chance(0.1) {
                        isEnded = true
                        perform(state.bodyReceived())
                    } else {
                        piece = Int.random(in: 1...5, using: &random)
                        sent += piece
                        perform(state.pieceReceived(piece))
                        isPaused = !state.wantsMore
                    }
                }
            }
            while writing > 0 {
                (stored, writing) = (stored + writing, 0)
                perform(state.writeSucceeded())
            }
            #expect(memory + stored == sent && queue == 0 && !isPaused)
            #expect(memory == 0 || (stored == 0 && sent <= 10))
            #expect(completions == (isEnded ? 1 : 0))
        }
    }
}
