import Dispatch
import Foundation

/// SIGINT and SIGTERM as something to await.
enum InterruptSignals {
    /// From now on the two signals do not end the process: the first of them comes out of the stream, which ends then.
    ///
    /// From that signal on the process lives for 0.9 seconds at most, whatever else hangs. Where no pipe can be had, the
    /// signals go on ending the process, and the stream stays silent.
    static func listen() -> AsyncStream<Int32> {
        let (signals, continuation) = AsyncStream.makeStream(of: Int32.self)
        guard let mailbox else { return signals }
        let queue = DispatchQueue(label: "interrupt")
        let source = DispatchSource.makeReadSource(fileDescriptor: mailbox.reader, queue: queue)
        source.setEventHandler {
            // Named here, so that the source lives as long as its handler: until the process ends.
            _ = source
            var number: UInt8 = 0
            guard read(mailbox.reader, &number, 1) == 1 else { return }
            continuation.yield(Int32(number))
            continuation.finish()
            queue.asyncAfter(deadline: .now() + .milliseconds(900)) { _exit(130) }
        }
        source.resume()
        // Not a source for signals: those that come before it is in place, which takes a while, are lost.
        for number in [SIGINT, SIGTERM] { signal(number, note) }
        return signals
    }

    private static let mailbox: (reader: Int32, writer: Int32)? = {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return nil }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        return (ends[0], ends[1])
    }()

    /// Leaves the signal's number in the mailbox; a signal handler may do little more than that.
    private static let note: @convention(c) (Int32) -> Void = { number in
        let before = errno
        var byte = UInt8(truncatingIfNeeded: number)
        if let mailbox { _ = write(mailbox.writer, &byte, 1) }
        errno = before
    }
}
