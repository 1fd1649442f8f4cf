import SimpleAICore

/// Scanning a chat body as it arrives; compared with the standard library's UTF-8 validation of the same bytes.
enum ScannerBenchmark {
    private static let keys: JSONScanner.Keys = ["model", "stream", "stream_options", "messages", "prompt", "input"]

    static var benchmark: Benchmark {
        let body = Self.body
        return Benchmark(
            name: "body scanner, 64 KiB", referenceName: "UTF-8 check",
            work: (
                20,
                {
                    for _ in 0..<20 {
                        var scanner = JSONScanner(watching: keys)
                        do {
                            try scanner.scan(body[...])
                            try scanner.finish()
                        } catch {
                            preconditionFailure("the body is valid: \(error)")
                        }
                        keep(scanner.isObject)
                    }
                }
            ),
            reference: (20, { for _ in 0..<20 { keep(String(validating: body, as: UTF8.self)?.utf8.count) } }),
            maxTimesReference: 30)
    }

    private static var body: [UInt8] {
        let message = #"{"role":"user","content":"\#(String(repeating: "words and more words, ", count: 40))\n"}"#
        let messages = Array(repeating: message, count: 70).joined(separator: ",")
        return Array(#"{"model":"class:fast","stream":true,"temperature":0.7,"messages":[\#(messages)]}"#.utf8)
    }
}
