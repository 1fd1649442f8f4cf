import Dispatch
import Foundation

/// SIGINT and SIGTERM as an asynchronous stream.
enum InterruptSignals {
    /// Replaces the default action of both signals: the stream yields the first of them and ends.
    ///
    /// After this signal the process exits within 0.9 seconds, even if its shutdown hangs. If no pipe can be created,
    /// the signals still end the process, and the stream yields nothing.
    static func listen() -> AsyncStream<Int32> {
        let (signals, continuation) = AsyncStream.makeStream(of: Int32.self)
        guard let signalPipe else { return signals }
        let queue = DispatchQueue(label: "interrupt")
        let source = DispatchSource.makeReadSource(fileDescriptor: signalPipe.reader, queue: queue)
        source.setEventHandler {
            // This reference keeps the source alive until the process ends.
            _ = source
            var number: UInt8 = 0
            guard read(signalPipe.reader, &number, 1) == 1 else { return }
            continuation.yield(Int32(number))
            continuation.finish()
            queue.asyncAfter(deadline: .now() + .milliseconds(900)) { _exit(130) }
        }
        source.resume()
        // Not a dispatch source for signals: it would lose signals that arrive before it is in place.
        for number in [SIGINT, SIGTERM] { signal(number, recordSignal) }
        return signals
    }

    private static let signalPipe: (reader: Int32, writer: Int32)? = {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return nil }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        return (ends[0], ends[1])
    }()

    /// Writes the signal's number to the pipe; little more is allowed in a signal handler.
    private static let recordSignal: @convention(c) (Int32) -> Void = { number in
        let before = errno
        var byte = UInt8(truncatingIfNeeded: number)
        if let signalPipe { _ = write(signalPipe.writer, &byte, 1) }
        errno = before
    }
}
