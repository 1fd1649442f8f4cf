import Dispatch
import Foundation

/// SIGINT and SIGTERM as something to await.
enum InterruptSignals {
    /// From now on the two signals do not end the process: the first of them comes out of the stream, which ends then.
    ///
    /// From that signal on the process lives for 0.9 seconds at most, whatever else hangs.
    static func listen() -> AsyncStream<Int32> {
        let (signals, continuation) = AsyncStream.makeStream(of: Int32.self)
        let queue = DispatchQueue(label: "interrupt")
        for number in [SIGINT, SIGTERM] {
            // The dispatch source sees the signal only when its default action, ending the process, is off.
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler {
                // Named here, so that the source lives as long as its handler: until the process ends.
                _ = source
                continuation.yield(number)
                continuation.finish()
                queue.asyncAfter(deadline: .now() + .milliseconds(900)) { _exit(130) }
            }
            source.resume()
        }
        return signals
    }
}
