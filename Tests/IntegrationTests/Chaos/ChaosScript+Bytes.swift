import TestSupport

/// The bytes of a script.
extension ChaosScript {
    /// What the engine sends, in the pieces in which it arrives.
    var pieces: [[UInt8]] {
        var random = SeededGenerator(seed: seed ^ 0x5EED)
        var bytes = String(repeating: "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", count: interim).utf8.map { $0 }
        bytes += head.utf8
        let content = framed(payload)
        bytes += content
        if ending == .cut { bytes.removeLast(cutLength(content.count)) }
        var pieces: [[UInt8]] = []
        var rest = bytes[...]
        // Occasionally byte by byte, usually in a few pieces.
        let most =
            Int.random(in: 0..<6, using: &random) == 0 ? 1 : max(1, bytes.count / Int.random(in: 1...8, using: &random))
        while !rest.isEmpty {
            let count = Int.random(in: 1...most, using: &random)
            pieces.append(Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        return pieces
    }

    /// The number of bytes that a cut removes: the last chunk (`0`, CR LF CR LF) of a chunked body, or the last byte
    /// of a body with a stated length. Chunks with data stay complete.
    private func cutLength(_ length: Int) -> Int {
        switch framing {
        case .chunked, .chunkPerByte: min(length, 5)
        case .length: min(length, 1)
        case .untilClosed: 0
        }
    }

    private var head: String {
        var lines = ["HTTP/1.1 \(status) X"]
        if let mediaType { lines.append("Content-Type: \(mediaType)") }
        switch framing {
        case .chunked, .chunkPerByte: lines.append("Transfer-Encoding: chunked")
        case .length: lines.append("Content-Length: \(payload.count)")
        case .untilClosed: break
        }
        return lines.joined(separator: "\r\n") + "\r\n\r\n"
    }

    private var status: Int { if case .error(let status, _, _) = body { status } else { 200 } }

    private func framed(_ payload: [UInt8]) -> [UInt8] {
        switch framing {
        case .length, .untilClosed: return payload
        case .chunkPerByte:
            let chunks = payload.flatMap { Array("1\r\n".utf8) + [$0] + Array("\r\n".utf8) }
            return chunks + (ending == .open ? [] : Array("0\r\n\r\n".utf8))
        case .chunked:
            let chunk =
                payload.isEmpty ? [] : Array("\(String(payload.count, radix: 16))\r\n".utf8) + payload + [13, 10]
            return chunk + (ending == .open ? [] : Array("0\r\n\r\n".utf8))
        }
    }

    private var payload: [UInt8] {
        let mark: [UInt8] = hasMark ? [0xEF, 0xBB, 0xBF] : []
        switch body {
        case .stream(let items): return mark + items.map(event).joined().utf8
        case .result(let text):
            return mark
                + Array(
                    ("{\"id\":\"c\",\"model\":\"\(model)\",\"choices\":[{\"index\":0,\"logprob\":-Infinity,\"message\":"
                        + "{\"role\":\"assistant\",\"content\":\"\(text)\"},\"finish_reason\":\"stop\"}]}").utf8)
        case .error(_, let shape, let words): return mark + Array(Self.error(shape, words).utf8)
        }
    }

    private func event(_ item: Item) -> String {
        let end = lineEnd.rawValue
        func chunk(_ delta: String, _ reason: Reason) -> String {
            let finish = reason == .missing ? "" : ",\"finish_reason\":\(reason.rawValue)"
            return "data: {\"id\":\"c\",\"model\":\"\(model)\",\"choices\":[{\"index\":0,\"delta\":\(delta)\(finish)}]}"
        }
        let line =
            switch item {
            case .piece(let text, let reason): chunk("{\"content\":\"\(text)\"}", reason)
            case .finish(let reason): chunk("{}", reason)
            case .usage(let more):
                "data: {\"id\":\"c\",\"model\":\"\(model)\",\"choices\":[],\"usage\":{\"prompt_tokens\":3,"
                    + "\"completion_tokens\":4}\(more ? ",\"timings\":{\"n\":4}" : "")}"
            case .done: "data: [DONE]"
            case .comment: ": ping"
            case .notANumber: chunk("{\"content\":\"\",\"logprob\":NaN}", .null)
            case .error(.object, let words) where seed % 3 == 0: "error: {\"code\":500,\"message\":\"\(words)\"}"
            case .error(let shape, let words): "data: " + Self.error(shape, words)
            }
        return line + end + end
    }

    private static func error(_ shape: ErrorShape, _ words: String) -> String {
        switch shape {
        case .openAI: "{\"error\":{\"message\":\"\(words)\",\"type\":\"t\",\"param\":null,\"code\":\"c\"}}"
        case .short: "{\"error\":{\"message\":\"\(words)\"}}"
        case .string: "{\"error\":\"\(words)\"}"
        case .object: "{\"object\":\"error\",\"message\":\"\(words)\",\"code\":null}"
        case .detail: "{\"detail\":\"\(words)\"}"
        case .list: "{\"detail\":[{\"loc\":[\"body\",\"x\"],\"msg\":\"\(words)\"}]}"
        case .message: "{\"message\":\"\(words)\"}"
        case .text: words
        case .page: "<html><body><h1>\(words)</h1></body></html>"
        }
    }
}
