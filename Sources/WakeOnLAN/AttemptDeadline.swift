import NIOCore
import NetworkErrors

/// The deadline of an attempt to reach a machine's relay or web hook. It covers the whole attempt: name resolution, connecting
/// and the exchange on the connection.
struct AttemptDeadline: Sendable {
    struct Exceeded: Error {
        let limit: TimeAmount
    }

    let limit: TimeAmount

    /// Starts an attempt on one connection, which is closed when the attempt ends, also if it is established only later.
    /// - Parameter connect: connects, and adds handlers that complete the promise with the result of the attempt. A failure
    ///   to connect, the end of the connection and the deadline fail the promise.
    func attempt<Result: Sendable>(
        on eventLoop: any EventLoop, _ connect: (EventLoopPromise<Result>) -> EventLoopFuture<any Channel>
    ) -> EventLoopFuture<Result> {
        let result = eventLoop.makePromise(of: Result.self)
        let timer = eventLoop.scheduleTask(in: limit) { [limit] in result.fail(Exceeded(limit: limit)) }
        result.futureResult.whenComplete { _ in timer.cancel() }
        let connection = connect(result)
        connection.cascadeFailure(to: result)
        connection.whenSuccess { channel in
            channel.closeFuture.whenComplete { _ in result.fail(ChannelError.eof) }
            result.futureResult.whenComplete { _ in channel.close(promise: nil) }
        }
        return result.futureResult
    }

    /// The reason of a failed attempt, for operators.
    static func reason(_ error: any Error) -> String {
        guard let exceeded = error as? Exceeded else { return NetworkErrorText.of(error) }
        return "no response within \(Duration.nanoseconds(exceeded.limit.nanoseconds))"
    }
}
