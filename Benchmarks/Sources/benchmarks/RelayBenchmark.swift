import NIOCore
import Relay
import SimpleAICore

/// Relaying an event of a stream, from the bytes that arrived to the bytes that are sent; compared with one scan of
/// its JSON.
enum RelayBenchmark {
    private static let events = 200
    private static let json =
        #"{"id":"chatcmpl-0123456789abcdef","object":"chat.completion.chunk","created":1760000000,"model":"llama3:8b","#
        + #""system_fingerprint":"fp_1","choices":[{"index":0,"delta":{"content":"word "},"logprobs":null,"#
        + #""finish_reason":null}]}"#

    static var benchmark: Benchmark {
        let event = ByteBuffer(string: "data: \(json)\n\n")
        let bytes = Array(json.utf8)
        return Benchmark(
            name: "event relay, one event", referenceName: "one scan of it",
            work: (
                events,
                {
                    var relay = EventStreamRelay(
                        endpoint: .chatCompletions, model: "llama3:8b", hidesUsageChunk: false)
                    for _ in 0..<events {
                        do {
                            try relay.receive(event) { keep($0.readableBytes) }
                        } catch {
                            preconditionFailure("an event of this length passes: \(error)")
                        }
                    }
                }
            ),
            reference: (
                events,
                {
                    for _ in 0..<events {
                        var scanner = JSONScanner(watching: [])
                        do {
                            try scanner.scan(bytes[...])
                            try scanner.finish()
                        } catch {
                            preconditionFailure("the event is valid: \(error)")
                        }
                        keep(scanner.isObject)
                    }
                }
            ),
            maxTimesReference: 8)
    }
}
