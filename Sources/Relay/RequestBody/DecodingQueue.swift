package import NIOCore
package import SimpleAICore
import Synchronization

/// The queue of encoded request bodies that one event loop has to decode. Must be used on its event loop.
///
/// A few bytes may decode to a body as large as `server.max_body`, which takes as long as hundreds of requests. So the
/// queue decodes one slice of one body at a time, and the event loop serves its connections between two slices. Callers
/// are served round robin, so a caller with many such bodies delays another caller's body by one slice.
package final class DecodingQueue {
    /// Size of a slice in bytes of decoded body: less than a millisecond's work.
    package static let slice = 128 << 10
    /// The pause between two slices. An event loop runs all due tasks before it polls its sockets, so the next slice must
    /// be due later.
    package static let pause: TimeAmount = .microseconds(50)

    /// Decodes one slice.
    /// - Returns: whether there is more to decode.
    package typealias Work = () -> Bool

    private let eventLoop: any EventLoop
    private var rotation = DecodingRotation<CallerID, Work>()
    private var isScheduled = false

    package init(on eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    package func add(_ work: @escaping Work, of caller: CallerID) {
        rotation.add(work, of: caller)
        schedule()
    }

    private func schedule() {
        guard !isScheduled, !rotation.isEmpty else { return }
        isScheduled = true
        eventLoop.assumeIsolated().scheduleTask(in: Self.pause) { [self] in
            isScheduled = false
            decodeSlice()
            schedule()
        }
    }

    private func decodeSlice() {
        guard let (caller, work) = rotation.next() else { return }
        if work() { rotation.add(work, of: caller) }
    }
}

/// One `DecodingQueue` for each event loop.
package final class DecodingQueues: Sendable {
    private let loops = Mutex<[ObjectIdentifier: NIOLoopBound<DecodingQueue>]>([:])
    private let slices = Atomic(0)

    package init() {}

    /// Number of slices that the queues of all event loops have decoded.
    package var sliceCount: Int { slices.load(ordering: .relaxed) }

    /// Calls `work` for one slice after another until it returns false. Must be called on `eventLoop`.
    package func decode(for caller: CallerID, on eventLoop: any EventLoop, _ work: @escaping DecodingQueue.Work) {
        queue(on: eventLoop).add(
            { [self] in
                slices.add(1, ordering: .relaxed)
                return work()
            }, of: caller)
    }

    private func queue(on eventLoop: any EventLoop) -> DecodingQueue {
        eventLoop.preconditionInEventLoop()
        return loops.withLock { loops in
            if let queue = loops[ObjectIdentifier(eventLoop)] { return queue }
            let queue = NIOLoopBound(DecodingQueue(on: eventLoop), eventLoop: eventLoop)
            loops[ObjectIdentifier(eventLoop)] = queue
            return queue
        }.value
    }
}
