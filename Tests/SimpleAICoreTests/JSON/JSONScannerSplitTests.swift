import SimpleAICore
import TestSupport
import Testing

/// A document has the same meaning however the network segments it.
@Suite struct JSONScannerSplitTests {
    static let documents: [String] = [
        #"{"model":"llama3:8b","stream":true,"messages":[{"role":"user","content":"é漢😀 \"\u00e9\ud83d\ude00\\"}],"n":-1.5e+10}"#,
        #"  {"\u006dodel" : null , "stream_options":{"include_usage":false},"stream": false,"z":[[],{},0,1e5,-0.0]}  "#,
        #"{"model":"a","\u006d\u006fdel":"b"}"#, #"{"model":1,"stream":0,"stream":1}"#, "123", "-0.5e-10 ", "true",
        "nul",
        "\"\\u12", "[1,2", "{\"a\":tru}", "{\"a\":01}", "[\"\\x\"]", "{\"model\":\"x\"}}", "{\"model\"", "[[[[]]]]]",
        "",
    ]

    @Test(arguments: documents)
    func everySegmentationGivesTheSameResult(_ document: String) {
        let bytes = Array(document.utf8)
        let whole = Scanned(bytes)
        for cut in 0...bytes.count { #expect(Scanned([bytes[..<cut], bytes[cut...]]) == whole) }
        #expect(Scanned(bytes.indices.map { bytes[$0...$0] }) == whole)
    }

    @Test(
        arguments: [
            [0x22, 0xE0, 0x9F, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22], [0x22, 0xF4, 0x8F, 0xBF, 0xBF, 0x22],
            [0x22, 0xF0, 0x90, 0x80], [0xEF, 0xBB, 0xBF, 0x7B, 0x7D],
        ] as [[UInt8]])
    func everySegmentationOfRawBytesGivesTheSameResult(_ bytes: [UInt8]) {
        let whole = Scanned(bytes)
        for cut in 0...bytes.count { #expect(Scanned([bytes[..<cut], bytes[cut...]]) == whole) }
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func randomSegmentationsGiveTheSameResult(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<1500 {
            var bytes = Array(Tree.random(depth: 5, using: &random).document(using: &random).utf8)
            if .random(using: &random) { bytes = mutated(bytes, using: &random) }
            var pieces: [ArraySlice<UInt8>] = []
            var start = 0
            while start < bytes.count {
                let end = min(bytes.count, start + Int.random(in: 1...9, using: &random))
                pieces.append(bytes[start..<end])
                start = end
            }
            let (cut, whole) = (Scanned(pieces), Scanned(bytes))
            #expect(cut == whole, "seed \(seed): \(String(decoding: bytes, as: UTF8.self))")
        }
    }
}
