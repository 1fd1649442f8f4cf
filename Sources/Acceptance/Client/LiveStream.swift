import NIOCore
import Synchronization

/// A response that is examined while it arrives; its connection can be closed at any time.
final class LiveStream: Sendable {
    private struct State {
        var body: [UInt8] = []
        var outcome: Result<Exchange, any Error>?
    }

    let started = ContinuousClock.now
    private let promise: EventLoopPromise<Exchange>
    private let state = Mutex(State())

    /// - Parameter promise: completed with the response; the connection is closed when it is.
    init(_ promise: EventLoopPromise<Exchange>) {
        self.promise = promise
        promise.futureResult.whenComplete { [self] result in state.withLock { $0.outcome = result } }
    }

    @Sendable func receive(_ bytes: [UInt8]) { state.withLock { $0.body += bytes } }

    /// The body so far.
    var body: [UInt8] { state.withLock { $0.body } }
    /// The response, or why there is none; nil while it arrives.
    var outcome: Result<Exchange, any Error>? { state.withLock { $0.outcome } }

    /// Closes the connection immediately.
    func close() { promise.fail(CancellationError()) }
}
