import TestSupport
import Testing

@testable import ContentCodings

@Suite struct ContentDecoderTests {
    /// The decoded content of all pieces.
    private func decoded(
        _ pieces: [ArraySlice<UInt8>], _ coding: ContentCoding
    ) throws(ContentDecoder.Fault) -> [UInt8] {
        let decoder = ContentDecoder(coding)
        var result: [UInt8] = []
        for piece in pieces {
            decoder.append(piece)
            while let piece = try decoder.next() { result += piece }
        }
        try decoder.finish()
        return result
    }

    private func fault(_ bytes: [UInt8], _ coding: ContentCoding) -> ContentDecoder.Fault? {
        do throws(ContentDecoder.Fault) {
            _ = try decoded([bytes[...]], coding)
            return nil
        } catch {
            return error
        }
    }

    private static let text = Array("The quick brown fox jumps over the lazy dog. ".utf8)
    private static let formats: [(Compressed.Format, ContentCoding)] = [
        (.gzip, .gzip), (.zlib, .deflate), (.raw, .deflate),
    ]

    @Test(arguments: formats)
    func decodesWhatWasEncoded(_ format: Compressed.Format, _ coding: ContentCoding) throws {
        for content in [[], Self.text, Array(repeating: Self.text, count: 5000).flatMap(\.self)] {
            #expect(try decoded([Compressed.bytes(content, format)[...]], coding) == content)
        }
    }

    @Test(arguments: formats)
    func decodesInAnyPieces(_ format: Compressed.Format, _ coding: ContentCoding) throws {
        let bytes = Compressed.bytes(Self.text, format)
        for cut in bytes.indices { #expect(try decoded([bytes[..<cut], bytes[cut...]], coding) == Self.text) }
        #expect(try decoded(bytes.indices.map { bytes[$0...$0] }, coding) == Self.text)
    }

    @Test(arguments: formats)
    func refusesTruncatedBodies(_ format: Compressed.Format, _ coding: ContentCoding) {
        let bytes = Compressed.bytes(Self.text, format)
        for end in bytes.indices { #expect(fault(Array(bytes[..<end]), coding) == .truncated, "\(end)") }
    }

    @Test(arguments: formats)
    func refusesBytesAfterTheEnd(_ format: Compressed.Format, _ coding: ContentCoding) {
        let bytes = Compressed.bytes(Self.text, format)
        for rest in [[0], Array("{}".utf8), [0x1F], [UInt8](repeating: 0, count: 512)] as [[UInt8]] {
            #expect(fault(bytes + rest, coding) != nil, "\(rest)")
        }
    }

    @Test func joinsGzipMembers() throws {
        let members = ["{\"a\":", "", "1}"].flatMap { Compressed.bytes($0, .gzip) }
        #expect(try decoded([members[...]], .gzip) == Array("{\"a\":1}".utf8))
        #expect(try decoded(members.indices.map { members[$0...$0] }, .gzip) == Array("{\"a\":1}".utf8))
    }

    /// Only gzip has members.
    @Test(arguments: [Compressed.Format.zlib, .raw])
    func otherFormatsHaveOneMember(format: Compressed.Format) {
        #expect(fault(Compressed.bytes("a", format) + Compressed.bytes("b", format), .deflate) == .malformed)
    }

    @Test func limitsTheNumberOfMembers() {
        let member = Compressed.bytes("", .gzip)
        #expect(fault(Array(repeating: member, count: 4096).flatMap(\.self), .gzip) == nil)
        #expect(fault(Array(repeating: member, count: 4097).flatMap(\.self), .gzip) == .malformed)
    }

    @Test func refusesAWrongChecksumOrLength() {
        let bytes = Compressed.bytes(Self.text, .gzip)
        for index in bytes.count - 8..<bytes.count {
            var damaged = bytes
            damaged[index] ^= 1
            #expect(fault(damaged, .gzip) == .malformed)
        }
        var adler = Compressed.bytes(Self.text, .zlib)
        adler[adler.count - 1] ^= 1
        #expect(fault(adler, .deflate) == .malformed)
    }

    @Test func refusesAnotherCoding() {
        #expect(fault(Compressed.bytes(Self.text, .zlib), .gzip) == .malformed)
        #expect(fault(Compressed.bytes(Self.text, .gzip), .deflate) == .malformed)
        #expect(fault(Array("{\"messages\":[]}".utf8), .gzip) == .malformed)
        #expect(fault(Array("{\"messages\":[]}".utf8), .deflate) == .malformed)
        // A preset dictionary (RFC 1950 §2.2), which the gateway does not have.
        #expect(fault([0x78, 0xBB, 0, 0, 0, 1, 3, 0], .deflate) == .malformed)
    }

    @Test func decodesABombInSmallPieces() throws {
        let decoder = ContentDecoder(.gzip)
        decoder.append(Compressed.bytes([UInt8](repeating: 0x41, count: 8 << 20), .gzip))
        var total = 0
        while let piece = try decoder.next() {
            #expect(piece.count <= 16 << 10)
            total += piece.count
        }
        #expect(total == 8 << 20)
        try decoder.finish()
    }

    /// Any input is either refused or decoded.
    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func refusesOrDecodesDamagedBodies(seed: UInt64) {
        var state = seed
        func next() -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33)
        }
        for (format, coding) in Self.formats {
            let bytes = Compressed.bytes(Self.text + Self.text, format)
            for _ in 0..<500 {
                var damaged = bytes
                for _ in 0...next() % 3 { damaged[next() % damaged.count] = UInt8(truncatingIfNeeded: next()) }
                if let result = try? decoded([damaged[...]], coding), format != .raw {
                    #expect(result == Self.text + Self.text, "what a checksum covers cannot change unseen")
                }
            }
        }
    }
}

@Suite struct ContentCodingTests {
    @Test(
        arguments: [
            ([], .identity), ([""], .identity), (["identity"], .identity), (["Identity", " , "], .identity),
            (["gzip"], .coded(.gzip)), (["GZIP"], .coded(.gzip)), (["x-gzip"], .coded(.gzip)),
            (["deflate"], .coded(.deflate)), (["identity, gzip"], .coded(.gzip)),
            (["identity", "\tdeflate"], .coded(.deflate)),
            (["br"], .unsupported), (["zstd"], .unsupported), (["exi"], .unsupported), (["gzip, exi"], .unsupported),
            (["gzip, gzip"], .unsupported), (["gzip", "gzip"], .unsupported), (["gzip", "deflate"], .unsupported),
            (["gzip;q=1"], .unsupported), (["chunked"], .unsupported), (["g\u{17F}ip"], .unsupported),
            (["gzip\u{0}"], .unsupported), (["*"], .unsupported),
        ] as [([String], ContentCoding.Reading)])
    func readsTheFieldsAsOneList(_ fields: [String], _ expected: ContentCoding.Reading) {
        #expect(ContentCoding.reading(fields) == expected)
    }
}
