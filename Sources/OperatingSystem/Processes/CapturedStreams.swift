#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Reads the output of a child process while it runs.
struct CapturedStreams {
    private(set) var output: CapturedOutput
    private(set) var errors: CapturedOutput
    private let outputReader: Descriptor?
    private let errorReader: Descriptor?
    private var isOutputOpen: Bool
    private var areErrorsOpen: Bool
    private var buffer = [UInt8](repeating: 0, count: 4_096)

    init(_ child: SpawnedChild, _ process: ChildProcess) {
        output = CapturedOutput(process.output)
        errors = CapturedOutput(if: process.errors)
        outputReader = child.output
        errorReader = child.errors
        isOutputOpen = outputReader != nil
        areErrorsOpen = errorReader != nil
    }

    /// Returns when the child has written output or ended, the wake descriptor becomes readable, or `limit` has passed.
    mutating func wait(wakeDescriptor: Descriptor, exit: Descriptor?, atMost limit: Duration?) {
        // `poll` ignores negative numbers, which stand for missing descriptors.
        let numbers = [
            wakeDescriptor.number, exit?.number ?? -1, isOutputOpen ? outputReader?.number ?? -1 : -1,
            areErrorsOpen ? errorReader?.number ?? -1 : -1,
        ]
        var entries = numbers.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        let count = poll(&entries, nfds_t(entries.count), limit.map(Self.milliseconds) ?? -1)
        guard count > 0 else { return }
        if entries[0].revents != 0 { _ = read(wakeDescriptor.number, &buffer, buffer.count) }
        if entries[2].revents != 0, let outputReader { isOutputOpen = readChunk(outputReader, to: \.output) > 0 }
        if entries[3].revents != 0, let errorReader { areErrorsOpen = readChunk(errorReader, to: \.errors) > 0 }
    }

    /// Reads what the pipes contain, without waiting for more.
    mutating func readRemainder(atMost limit: Int) {
        if isOutputOpen, let outputReader { readRemainder(outputReader, to: \.output, atMost: limit) }
        if areErrorsOpen, let errorReader { readRemainder(errorReader, to: \.errors, atMost: limit) }
        (isOutputOpen, areErrorsOpen) = (false, false)
    }

    private mutating func readRemainder(
        _ reader: Descriptor, to stream: WritableKeyPath<Self, CapturedOutput>, atMost limit: Int
    ) {
        _ = fcntl(reader.number, F_SETFL, O_NONBLOCK)
        var total = 0
        while total < limit {
            let count = readChunk(reader, to: stream)
            guard count > 0 else { return }
            total += count
        }
    }

    /// - Returns: number of bytes read; 0 at the end of the stream, or if none are available without waiting.
    private mutating func readChunk(_ reader: Descriptor, to stream: WritableKeyPath<Self, CapturedOutput>) -> Int {
        while true {
            let count = read(reader.number, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return 0 }
            self[keyPath: stream].append(buffer[..<count])
            return count
        }
    }

    /// Rounded up, so that a deadline has passed when the wait is over.
    private static func milliseconds(_ duration: Duration) -> Int32 {
        let (seconds, attoseconds) = duration.components
        guard seconds < 1_000_000 else { return 1_000_000_000 }
        return Int32(seconds * 1_000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}

extension CapturedOutput {
    fileprivate init(if errors: ChildProcess.ErrorOutput) {
        switch errors {
        case .captured(let capture): self.init(capture)
        case .joinsOutput: self.init(.discarded)
        }
    }
}
