import Foundation
import Testing

@testable import OperatingSystem

@Suite struct LogQueueTests {
    @Test func queuesLinesInOrderUpToTheMaximum() {
        var queue = LogQueue(maxSize: 8)
        #expect(queue.isIdle)
        let first = queue.append("one")
        let second = queue.append("two")
        let third = queue.append("three")
        #expect(first && !second && !third, "only the first one wakes the writer")
        #expect(!queue.isIdle)
        let batch = queue.take()
        #expect(batch == .init(lines: ["one", "two"], droppedCount: 1))
        #expect(batch?.text == "one\ntwo\nLog lines dropped: count=1\n")
        #expect(!queue.isIdle, "it is being written")
        let next = queue.append("four")
        #expect(next, "the bound is about what waits")
        #expect(queue.take() == .init(lines: ["four"], droppedCount: 0))
        #expect(queue.take() == nil)
        #expect(queue.isIdle)
    }

    @Test func dropsALineLargerThanTheMaximum() {
        var queue = LogQueue(maxSize: 8)
        let large = queue.append("12345678")
        let nothing = queue.take()
        #expect(!large && nothing == nil)
        _ = queue.append("1234567")
        #expect(queue.take() == .init(lines: ["1234567"], droppedCount: 1))
    }

    @Test func linesThatCouldNotBeWrittenAreReportedAsDropped() throws {
        var queue = LogQueue(maxSize: 10)
        for line in ["1", "2", "a line that is too long"] { _ = queue.append(line) }
        let batch = queue.take()
        queue.writeFailed(try #require(batch))
        #expect(queue.take() == nil, "no writer is left")
        _ = queue.append("3")
        #expect(queue.take() == .init(lines: ["3"], droppedCount: 3))
    }
}

/// Real descriptors: readers that read, stall and close, and a full disk.
@Suite(.timeLimit(.minutes(5))) struct LogWriterTests {
    private static let report = "Log lines dropped: count="

    /// The lines up to and including `last`.
    private func lines(from descriptor: Int32, until last: String) throws -> [String] {
        var text: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while !text.suffix(last.utf8.count + 1).elementsEqual((last + "\n").utf8) {
            let count = read(descriptor, &chunk, chunk.count)
            guard count > 0 else { throw SystemError.last }
            text += chunk[..<count]
        }
        return String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    private func makePipe() throws -> (reader: Int32, writer: Int32) {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw SystemError.last }
        return (ends[0], ends[1])
    }

    @Test func writesLinesInOrder() throws {
        let (reader, descriptor) = try makePipe()
        let writer = LogWriter(descriptor: descriptor)
        for number in 0..<1_000 { writer.write("line \(number)") }
        writer.write("last")
        #expect(try lines(from: reader, until: "last") == (0..<1_000).map { "line \($0)" } + ["last"])
        close(reader)
    }

    /// `write` returns although the reader stalls; every line that is not delivered is counted.
    @Test func aStalledReaderDelaysNoWriter() throws {
        let (reader, descriptor) = try makePipe()
        let writer = LogWriter(descriptor: descriptor, maxSize: 100_000)
        let padding = String(repeating: "x", count: 1_000)
        for number in 0..<5_000 { writer.write("\(number) \(padding)") }
        writer.drain(within: .milliseconds(1))
        // No line has been read yet. Lines are refused until the reader has read some.
        let done = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            writer.drain(within: .seconds(60))
            writer.write("last")
            done.signal()
        }
        let lines = try lines(from: reader, until: "last")
        done.wait()
        let reports = lines.filter { $0.hasPrefix(Self.report) }
        let dropped = reports.compactMap { Int($0.dropFirst(Self.report.count)) }.reduce(0, +)
        let numbers = lines.compactMap { Int($0.prefix { $0 != " " }) }
        #expect(numbers == numbers.sorted() && numbers.first == 0)
        #expect(dropped > 4_000, "more waited than was allowed")
        #expect(numbers.count + dropped == 5_000)
        close(reader)
    }

    @Test func survivesAClosedPipe() throws {
        let (reader, descriptor) = try makePipe()
        let writer = LogWriter(descriptor: descriptor)
        close(reader)
        for number in 0..<100 { writer.write("line \(number)") }
        writer.drain(within: .seconds(60))
        // A reader is present again.
        let (secondReader, second) = try makePipe()
        #expect(dup2(second, descriptor) == descriptor)
        writer.write("last")
        #expect(try lines(from: secondReader, until: Self.report + "100") == ["last", Self.report + "100"])
        close(secondReader)
    }

    @Test(.enabled(if: FileManager.default.fileExists(atPath: "/dev/full"), "there is no /dev/full"))
    func survivesAFullDisk() throws {
        let descriptor = open("/dev/full", O_WRONLY | O_CLOEXEC)
        try #require(descriptor >= 0)
        let writer = LogWriter(descriptor: descriptor)
        for number in 0..<3 {
            writer.write("line \(number)")
            writer.drain(within: .seconds(60))
        }
        let (reader, roomy) = try makePipe()
        #expect(dup2(roomy, descriptor) == descriptor)
        writer.write("last")
        #expect(try lines(from: reader, until: Self.report + "3") == ["last", Self.report + "3"])
        close(reader)
    }
}
