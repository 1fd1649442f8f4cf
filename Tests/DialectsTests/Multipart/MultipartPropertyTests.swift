import SimpleAICore
import TestSupport
import Testing

@testable import Dialects

/// Properties over random and over cut bodies.
@Suite struct MultipartPropertyTests {
    private static let samples: [[UInt8]] = [
        FormText.body([FormText.file, FormText.field("model", "whisper-1"), FormText.field("stream", "true")]),
        FormText.body([("Content-Disposition: form-data; name=\"model\"\r\nContent-Length: 3", "m--"), FormText.file]),
        Array("\r\n".utf8) + FormText.body([FormText.field("model", "\r"), FormText.file]),
        FormText.body([FormText.field("language", "x\n--B\n"), FormText.field("model", "m")]),
        FormText.body([FormText.file, FormText.field("model", "a"), FormText.field("model", "b")]),
        Array("--B\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--".utf8),
    ]

    @Test(arguments: samples)
    func everyCutGivesTheSameResult(body: [UInt8]) throws {
        let whole = FormText.scan(body)
        for size in 1...body.count { #expect(FormText.scan(body, size: size) == whole, "pieces of \(size)") }
        for cut in 1..<body.count {
            var scanner = MultipartScanner(try MultipartBoundary(contentType: FormText.contentType))
            let result = Result { () throws(GatewayError) in
                try scanner.scan(body[..<cut])
                try scanner.scan([])
                try scanner.scan(body[cut...])
                return try scanner.finish()
            }
            #expect(result == whole, "cut at \(cut)")
        }
    }

    /// Boundaries that begin again within themselves.
    @Test(arguments: ["B", "-", "---", "a-a", "--a--a", "abababc", "0123456789012345678901234567890123456789"])
    func aDelimiterIsFoundWhereverItStands(boundary: String) {
        let delimiter = Array("--\(boundary)".utf8)
        let alphabet = Array(Set(delimiter)).sorted() + [0x0D, 0x0A, 0x78]
        var generator = SeededGenerator(seed: 11)
        for _ in 0..<400 {
            var bytes = (0..<Int.random(in: 0...60, using: &generator)).map { _ in
                alphabet.randomElement(using: &generator) ?? 0
            }
            if generator.chance(0.7) {
                bytes += delimiter + (0..<9).map { _ in alphabet.randomElement(using: &generator) ?? 0 }
            }
            let expected = bytes.indices.first { bytes[$0...].starts(with: delimiter) }
            let followsLineEnd = expected.map { $0 >= 2 && bytes[($0 - 2)..<$0] == [0x0D, 0x0A] }
            var search = DelimiterSearch(for: delimiter)
            var (found, start): (Int?, Int) = (nil, 0)
            while start < bytes.count, found == nil {
                let piece = bytes[start..<min(bytes.count, start + Int.random(in: 1...20, using: &generator))]
                found = piece.withUnsafeBytes { search.next(in: $0, from: 0) }.map { start + $0 - delimiter.count }
                start = piece.endIndex
            }
            #expect(found == expected)
            if found != nil { #expect(search.followsLineEnd == followsLineEnd) }
        }
    }

    @Test func randomBytesAreReadOrRefused() {
        var generator = SeededGenerator(seed: 17)
        let words: [[UInt8]] =
            [
                "--B", "\r\n", "--", "\n", "\r", "Content-Disposition: form-data; name=", "\"model\"", "\"file\"",
                "; filename=\"",
                "\"", "\\", ":", "Content-Length: ", "3", "Content-Type: text/plain", "\r\n\r\n", " ", ";", "m",
                "--B\r\n", "--B--",
            ].map { Array($0.utf8) } + [[0], [0xFF], [0xC3, 0xA9]]
        var readCount = 0
        for _ in 0..<20_000 {
            var body =
                generator.chance(0.8)
                ? Array("--B\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm".utf8) : []
            for _ in 0..<Int.random(in: 0...14, using: &generator) {
                body += words.randomElement(using: &generator) ?? []
            }
            if generator.chance(0.5) { body += Array("\r\n--B--\r\n".utf8) }
            let whole = FormText.scan(body)
            if case .success(let form) = whole {
                readCount += 1
                #expect(body[form.modelRange].elementsEqual(form.model.utf8))
            }
            #expect(FormText.scan(body, size: Int.random(in: 1...9, using: &generator)) == whole)
        }
        #expect(readCount > 500)
    }
}
