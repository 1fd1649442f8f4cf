import Dispatch
import Foundation

/// SIGINT and SIGTERM as something to await.
enum InterruptSignals {
    /// Waits for the first of the two signals; false when the task was cancelled before one came.
    ///
    /// From that signal on the process lives for 0.9 seconds at most, whatever else hangs.
    static func next() async -> Bool {
        let (signals, continuation) = AsyncStream.makeStream(of: Int32.self)
        let queue = DispatchQueue(label: "interrupt")
        let sources = [SIGINT, SIGTERM].map { number in
            // The dispatch source sees the signal only when its default action, ending the process, is off.
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler {
                continuation.yield(number)
                continuation.finish()
                queue.asyncAfter(deadline: .now() + .milliseconds(900)) { _exit(130) }
            }
            source.resume()
            return source
        }
        defer {
            for source in sources { source.cancel() }
        }
        return await signals.first { _ in true } != nil
    }
}
