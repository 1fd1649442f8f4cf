import Foundation
import Logging

/// The one line by which a long-running command tells a script that it has begun.
struct ReadyLine {
    /// On standard output.
    let json: Bool
    /// Instead of it.
    let descriptor: Int32?

    func write(_ line: String, _ logger: Logger) {
        let bytes = Data((line + "\n").utf8)
        do {
            if let descriptor {
                try FileHandle(fileDescriptor: descriptor, closeOnDealloc: false).write(contentsOf: bytes)
            } else if json {
                try FileHandle.standardOutput.write(contentsOf: bytes)
            }
        } catch {
            logger.error("Nobody could be told that calls are accepted", metadata: ["cause": "\(error)"])
        }
    }
}
