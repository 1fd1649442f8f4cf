import NIOCore
import SimpleAICore
import Synchronization

/// The encoded bodies of one event loop that are not decoded yet.
///
/// A few bytes may decode to a body as large as `server.max_body` allows, which takes as long as hundreds of requests. So
/// each turn decodes one slice of one body, and the loop serves its connections between two turns.
/// Turns rotate among callers, so that a caller with many such bodies delays another caller's by one slice. Belongs to
/// its event loop.
final class DecodingTurns {
    /// In bytes of decoded body, of one turn: less than a millisecond's work.
    static let slice = 128 << 10
    /// The pause between two turns. An event loop runs all due tasks before it polls its sockets, so the next turn has to
    /// be due later.
    static let pause: TimeAmount = .microseconds(50)

    /// Decodes one slice.
    /// - Returns: whether there is more to decode.
    typealias Work = () -> Bool

    private let eventLoop: any EventLoop
    private var rotation = DecodingRotation<CallerID, Work>()
    private var isScheduled = false

    init(on eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    func add(_ work: @escaping Work, of caller: CallerID) {
        rotation.add(work, of: caller)
        schedule()
    }

    private func schedule() {
        guard !isScheduled, !rotation.isEmpty else { return }
        isScheduled = true
        eventLoop.assumeIsolated().scheduleTask(in: Self.pause) { [self] in
            isScheduled = false
            grantSlot()
            schedule()
        }
    }

    private func grantSlot() {
        guard let (caller, work) = rotation.next() else { return }
        if work() { rotation.add(work, of: caller) }
    }
}

/// One `DecodingTurns` for each event loop.
final class DecodingLoops: Sendable {
    private let loops = Mutex<[ObjectIdentifier: NIOLoopBound<DecodingTurns>]>([:])
    private let slices = Atomic(0)

    /// Slices that were decoded in turns of their own, on all loops.
    var sliceCount: Int { slices.load(ordering: .relaxed) }

    /// Decodes in turns until `work` returns false. Called on `eventLoop`.
    func decode(for caller: CallerID, on eventLoop: any EventLoop, _ work: @escaping DecodingTurns.Work) {
        turns(on: eventLoop).add(
            { [self] in
                slices.add(1, ordering: .relaxed)
                return work()
            }, of: caller)
    }

    private func turns(on eventLoop: any EventLoop) -> DecodingTurns {
        eventLoop.preconditionInEventLoop()
        return loops.withLock { loops in
            if let turns = loops[ObjectIdentifier(eventLoop)] { return turns }
            let turns = NIOLoopBound(DecodingTurns(on: eventLoop), eventLoop: eventLoop)
            loops[ObjectIdentifier(eventLoop)] = turns
            return turns
        }.value
    }
}
