import Dialects
import TestSupport
import Testing

@Suite struct LineSplitterTests {
    /// The lines of a stream that arrives in these parts, and whether a line was too long.
    private func lines(_ parts: [[UInt8]], maxLine: Int = 1 << 20) -> (lines: [String], isTooLong: Bool) {
        var splitter = LineSplitter(maxLine: maxLine)
        var lines: [String] = []
        do throws(LineSplitter.TooLong) {
            for part in parts {
                splitter.append(part)
                while let line = try splitter.next() { lines.append(String(decoding: line, as: UTF8.self)) }
            }
        } catch {
            return (lines, true)
        }
        if let rest = splitter.takeRest() { lines.append(String(decoding: rest, as: UTF8.self)) }
        return (lines, false)
    }

    @Test(
        arguments: [
            ("", []), ("a", ["a"]), ("a\n", ["a"]), ("a\nb\n", ["a", "b"]), ("a\r\nb\r\n", ["a", "b"]),
            ("\n\n a\n \r\n\t\n", [" a"]),
            ("a\r", ["a"]), ("a\rb\n", ["a\rb"]), ("a\u{2028}b\n", ["a\u{2028}b"]),
        ] as [(String, [String])])
    func splitsAtLineFeeds(_ stream: String, _ expected: [String]) {
        #expect(lines([Array(stream.utf8)]).lines == expected)
    }

    @Test func givesTheSameLinesForEveryCut() {
        var generator = SeededGenerator(seed: 17)
        for _ in 0..<300 {
            let alphabet = Array("ab\n\n\r {}".utf8)
            let stream = (0..<Int.random(in: 0...80, using: &generator)).map { _ in
                alphabet.randomElement(using: &generator) ?? 0x61
            }
            let maxLine = Int.random(in: 1...20, using: &generator)
            let whole = lines([stream], maxLine: maxLine)
            let bytewise = lines(stream.map { [$0] }, maxLine: maxLine)
            #expect(whole.lines == bytewise.lines)
            #expect(whole.isTooLong == bytewise.isTooLong)
            let cut = Int.random(in: 0...stream.count, using: &generator)
            let halves = lines([Array(stream[..<cut]), Array(stream[cut...])], maxLine: maxLine)
            #expect(whole.lines == halves.lines)
            #expect(whole.isTooLong == halves.isTooLong)
        }
    }

    @Test func limitsALine() {
        #expect(lines([Array("1234\n".utf8)], maxLine: 4).isTooLong == false)
        #expect(lines([Array("ok\n12345\n".utf8)], maxLine: 4) == (["ok"], true))
        #expect(lines([Array("12345".utf8)], maxLine: 4).isTooLong)
        #expect(lines([Array("1234\r\n".utf8)], maxLine: 4) == (["1234"], false))
        #expect(lines([Array("1234\r".utf8), [0x0A]], maxLine: 4) == (["1234"], false))
    }

    @Test func keepsOnlyTheUnfinishedLine() throws {
        var splitter = LineSplitter()
        for _ in 0..<1000 {
            splitter.append(Array("0123456789\n01".utf8))
            while try splitter.next() != nil {}
            #expect(splitter.pendingBytes == 2)
            splitter.append([0x0A])
            while try splitter.next() != nil {}
        }
        #expect(splitter.pendingBytes == 0)
    }
}
