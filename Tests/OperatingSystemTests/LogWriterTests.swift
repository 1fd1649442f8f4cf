import Foundation
import Testing

@testable import OperatingSystem

@Suite struct LogQueueTests {
    private static func append(_ line: String, to queue: inout LogQueue, isDue: Bool = true) -> LogQueue.Signal {
        var line = line
        return line.withUTF8 { queue.append(UnsafeRawBufferPointer($0), isDue: isDue) }
    }

    private static func batch(_ text: String, lines: Int, dropped: Int = 0, followsCutLine: Bool = false)
        -> LogQueue.Batch
    {
        .init(bytes: Array(text.utf8), lineCount: lines, droppedCount: dropped, followsCutLine: followsCutLine)
    }

    @Test func linesWaitInOrderUpToTheBound() {
        var queue = LogQueue(maxSize: 9)
        #expect(queue.isIdle)
        let signals = ["one", "two", "three"].map { Self.append($0, to: &queue) }
        #expect(signals == [.begin, .none, .none], "only the first one wakes the writer")
        #expect(!queue.isIdle && queue.totalDroppedCount == 1)
        #expect(queue.take() == Self.batch("one\ntwo\n", lines: 2, dropped: 1))
        #expect(!queue.isIdle, "it is being written")
        #expect(Self.append("four", to: &queue) == .none, "the writer takes it without a signal")
        #expect(queue.take() == Self.batch("four\n", lines: 1))
        #expect(queue.take() == nil)
        #expect(queue.isIdle)
        #expect(Self.append("five", to: &queue) == .begin)
    }

    @Test func aLineThatIsLargerThanTheBoundIsDropped() {
        var queue = LogQueue(maxSize: 8)
        #expect(Self.append("12345678", to: &queue) == .none)
        #expect(queue.take() == nil)
        _ = Self.append("1234567", to: &queue)
        #expect(queue.take() == Self.batch("1234567\n", lines: 1, dropped: 1))
    }

    /// A line that is due is written at once, with those that gathered before it.
    @Test func linesGatherUntilOneIsDue() {
        var queue = LogQueue(maxSize: 1000)
        #expect(Self.append("1", to: &queue, isDue: false) == .begin)
        #expect(queue.isGathering)
        #expect(Self.append("2", to: &queue, isDue: false) == .none)
        #expect(Self.append("3", to: &queue, isDue: true) == .hurry)
        #expect(!queue.isGathering)
        #expect(Self.append("4", to: &queue, isDue: true) == .none, "one signal is enough")
        #expect(queue.take() == Self.batch("1\n2\n3\n4\n", lines: 4))
        #expect(queue.take() == nil)
        // A drain hurries, too.
        #expect(queue.hurry() == .none)
        _ = Self.append("5", to: &queue, isDue: false)
        #expect(queue.hurry() == .hurry && queue.hurry() == .none)
    }

    /// Otherwise lines would be dropped while the writer lets them gather.
    @Test func linesAreDueBeforeTheBoundIsReached() {
        var queue = LogQueue(maxSize: 100)
        let line = String(repeating: "x", count: 9)
        let signals = (0..<4).map { _ in Self.append(line, to: &queue, isDue: false) }
        #expect(signals == [.begin, .none, .hurry, .none])
    }

    @Test func linesThatCouldNotBeWrittenAreReportedAsDropped() throws {
        var queue = LogQueue(maxSize: 10)
        for line in ["1", "2", "a line that is too long"] { _ = Self.append(line, to: &queue) }
        let taken = queue.take()
        let batch = try #require(taken)
        queue.wasCut(batch, after: [])
        #expect(queue.take() == nil, "no writer is left")
        _ = Self.append("3", to: &queue)
        #expect(queue.take() == Self.batch("3\n", lines: 1, dropped: 3))
        #expect(queue.totalDroppedCount == 3)
    }

    /// A full disk takes a part of a batch: whole lines are in the log, the cut one counts as dropped, and the next line
    /// does not continue it.
    @Test(arguments: [("1\n2\n", 1, false), ("1\n2", 2, true), ("1\n", 2, false), ("", 3, false)])
    func onlyMissingLinesOfACutBatchAreDropped(_ written: String, _ dropped: Int, _ isCut: Bool) throws {
        var queue = LogQueue(maxSize: 100)
        for line in ["1", "22", "3"] { _ = Self.append(line, to: &queue) }
        let taken = queue.take()
        let batch = try #require(taken)
        let text = written.replacing("2\n", with: "22\n")
        queue.wasCut(batch, after: Array(text.utf8)[...])
        _ = Self.append("4", to: &queue)
        #expect(queue.take() == Self.batch("4\n", lines: 1, dropped: dropped, followsCutLine: isCut))
    }

    /// The line break after a cut line is no line of the batch.
    @Test func aCutBatchAfterACutLineCountsItsOwnLines() throws {
        var queue = LogQueue(maxSize: 100)
        for line in ["1", "2"] { _ = Self.append(line, to: &queue) }
        var taken = queue.take()
        var batch = try #require(taken)
        queue.wasCut(batch, after: Array("1".utf8)[...])
        for line in ["3", "4"] { _ = Self.append(line, to: &queue) }
        taken = queue.take()
        batch = try #require(taken)
        #expect(batch.followsCutLine && batch.droppedCount == 2)
        queue.wasCut(batch, after: Array("\n3\n".utf8)[...])
        _ = Self.append("5", to: &queue)
        #expect(queue.take() == Self.batch("5\n", lines: 1, dropped: 3))
    }
}

/// Real descriptors: readers that read, stall and close, and a full disk.
@Suite(.timeLimit(.minutes(5))) struct LogWriterTests {
    private static let report = "Log lines dropped: count="

    /// The lines up to and including `last`.
    private func lines(from descriptor: Int32, until last: String) throws -> [String] {
        var text: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        while !text.suffix(last.utf8.count + 1).elementsEqual((last + "\n").utf8) {
            let count = read(descriptor, &piece, piece.count)
            guard count > 0 else { throw SystemError.last }
            text += piece[..<count]
        }
        return String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    private func makePipe() throws -> (reader: Int32, writer: Int32) {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw SystemError.last }
        return (ends[0], ends[1])
    }

    @Test func linesGoOutInOrder() throws {
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
        // No line has been read until here. Lines are refused until the reader has made room.
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

    /// Lines that gather keep their order among lines that do not.
    /// People and tests read the log right after a call.
    @Test func linesGatherLongerOnlyUnderLoad() {
        #expect([0, 9].allSatisfy { LogWriter.gatherTime(after: $0) == .milliseconds(1) })
        #expect(LogWriter.gatherTime(after: 10) == .milliseconds(10))
    }

    @Test func linesThatGatherGoOutInOrder() throws {
        let (reader, descriptor) = try makePipe()
        let writer = LogWriter(descriptor: descriptor)
        for number in 0..<1_000 {
            if number % 3 == 0 {
                writer.write("line \(number)")
            } else {
                Array("line \(number)".utf8).withUnsafeBytes { writer.write(gathering: $0) }
            }
        }
        Array("last".utf8).withUnsafeBytes { writer.write(gathering: $0) }
        writer.drain(within: .seconds(60))
        #expect(try lines(from: reader, until: "last") == (0..<1_000).map { "line \($0)" } + ["last"])
        close(reader)
    }

    @Test func theReportOfDroppedLinesHasTheFormatOfTheLog() throws {
        let (reader, descriptor) = try makePipe()
        let writer = LogWriter(descriptor: descriptor, maxSize: 8)
        writer.reportDroppedLines { "{\"count\":\($0)}" }
        writer.write("a line that is too long")
        #expect(writer.droppedLineCount == 1)
        writer.write("last")
        #expect(try lines(from: reader, until: "{\"count\":1}") == ["last", "{\"count\":1}"])
        close(reader)
    }

    @Test func aReaderThatIsGoneEndsNothing() throws {
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
    func aFullDiskEndsNothing() throws {
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
