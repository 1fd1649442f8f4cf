import SimpleAICore
import TestSupport

/// Random requests and completions.
enum OllamaRandom {
    private static let words = [
        "a", "Hello ", "wörld", "😀", "\n", "\"", "\\", "\u{2028}", "\u{85}", "{", "}", " ", "/", "<b>", "\t", "null",
    ]

    static func text(_ generator: inout SeededGenerator, count: ClosedRange<Int> = 0...5) -> String {
        (0..<Int.random(in: count, using: &generator)).map { _ in words.randomElement(using: &generator) ?? "" }
            .joined()
    }

    private static func arguments(_ generator: inout SeededGenerator) -> JSONValue {
        var members: [ExactString: JSONValue] = [:]
        for index in 0..<Int.random(in: 0...3, using: &generator) {
            members[ExactString("k\(index)")] =
                generator.chance(0.5) ? .string(text(&generator)) : .array([.number(Double(index)), .null])
        }
        return .object(members)
    }

    /// A chat request whose fields all have an equivalent.
    static func chatRequest(_ generator: inout SeededGenerator) -> [ExactString: JSONValue] {
        var messages: [JSONValue] = []
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
            switch Int.random(in: 0...3, using: &generator) {
            case 0: messages.append(message("system", text(&generator)))
            case 1:
                var images: [JSONValue] = []
                if generator.chance(0.5) { images.append(.string("R0lGODlh")) }
                if generator.chance(0.3) { images.append(.string("/9j/4AAQ")) }
                messages.append(message("user", text(&generator, count: 1...4), ["images": .array(images)]))
            case 2:
                messages.append(message("assistant", text(&generator), ["thinking": .string("t" + text(&generator))]))
            default: messages += calls(&generator)
            }
        }
        var options: [ExactString: JSONValue] = [:]
        for name in ["temperature", "top_p", "min_p", "presence_penalty", "frequency_penalty", "repeat_penalty"]
            as [ExactString]
        where generator.chance(0.3) { options[name] = .number(Double(Int.random(in: -8...8, using: &generator)) / 4) }
        for name in ["top_k", "seed", "num_predict"] as [ExactString] where generator.chance(0.3) {
            options[name] = .number(Double(Int.random(in: 1...1000, using: &generator)))
        }
        if generator.chance(0.3) { options["stop"] = .array([.string("s" + text(&generator))]) }
        let formats: [JSONValue] = [.null, .string("json"), .object(["type": .string("object")])]
        let thinks: [JSONValue] = [
            .null, .bool(true), .bool(false), .string("low"), .string("medium"), .string("high"),
        ]
        return [
            "model": .string("m" + text(&generator)), "messages": .array(messages), "options": .object(options),
            "stream": .bool(generator.chance(0.5)), "format": formats.randomElement(using: &generator) ?? .null,
            "think": thinks.randomElement(using: &generator) ?? .null,
        ]
    }

    private static func message(_ role: String, _ content: String, _ more: [ExactString: JSONValue] = [:]) -> JSONValue
    {
        .object(more.merging(["role": .string(role), "content": .string(content)]) { $1 })
    }

    /// A message with tool calls, and their results in some order; each tool is called once.
    private static func calls(_ generator: inout SeededGenerator) -> [JSONValue] {
        let names = ["a", "b", "c"].prefix(Int.random(in: 1...3, using: &generator))
        let calls = names.map { name in
            JSONValue.object([
                "function": .object(["name": .string(name), "arguments": arguments(&generator)])
            ])
        }
        let results = names.shuffled(using: &generator).map { name in
            message("tool", text(&generator), ["tool_name": .string(name)])
        }
        return [message("assistant", text(&generator), ["tool_calls": .array(calls)])] + results
    }

    /// A completion as one document and as a stream.
    static func completion(
        _ generator: inout SeededGenerator, withCalls: Bool
    ) -> (document: JSONValue, chunks: [JSONValue]) {
        let (thinking, content) = (pieces(&generator), pieces(&generator))
        var deltas = [["role": .string("assistant"), "content": .string("")] as [ExactString: JSONValue]]
        deltas += thinking.map { ["reasoning_content": .string($0)] }
        deltas += content.map { ["content": .string($0)] }
        var calls: [JSONValue] = []
        for index in 0..<(withCalls ? Int.random(in: 0...3, using: &generator) : 0) {
            let arguments = (try? OllamaSamples.bytes(arguments(&generator))) ?? []
            let head: [ExactString: JSONValue] = [
                "id": .string("c\(index)"), "type": .string("function"),
                "function": .object(["name": .string("f\(index)"), "arguments": .string("")]),
            ]
            deltas.append(["tool_calls": .array([.object(head.merging(["index": .number(Double(index))]) { $1 })])])
            let text = String(decoding: arguments, as: UTF8.self)
            for character in text {
                let function: JSONValue = .object(["arguments": .string(String(character))])
                deltas.append([
                    "tool_calls": .array([.object(["index": .number(Double(index)), "function": function])])
                ])
            }
            let function: JSONValue = .object(["name": .string("f\(index)"), "arguments": .string(text)])
            calls.append(.object(head.merging(["function": function]) { $1 }))
        }
        let reason = ["stop", "length", "tool_calls"].randomElement(using: &generator) ?? "stop"
        let usage: JSONValue = .object([
            "prompt_tokens": .number(7), "completion_tokens": .number(Double(deltas.count)),
        ])
        let message: JSONValue = .object([
            "role": .string("assistant"), "content": .string(content.joined()),
            "reasoning_content": .string(thinking.joined()), "tool_calls": .array(calls),
        ])
        let choice: JSONValue = .object([
            "index": .number(0), "message": message, "finish_reason": .string(reason),
        ])
        let chunks =
            deltas.map { chunk(.object($0), .null) } + [
                chunk(.object([:]), .string(reason)), .object(["choices": .array([]), "usage": usage]),
            ]
        return (.object(["choices": .array([choice]), "usage": usage]), chunks)
    }

    private static func pieces(_ generator: inout SeededGenerator) -> [String] {
        (0..<Int.random(in: 0...6, using: &generator)).map { _ in text(&generator, count: 1...2) }
    }

    private static func chunk(_ delta: JSONValue, _ reason: JSONValue) -> JSONValue {
        .object(["choices": .array([.object(["index": .number(0), "delta": delta, "finish_reason": reason])])])
    }

    static func damage(_ bytes: inout [UInt8], _ generator: inout SeededGenerator) {
        guard let index = bytes.indices.randomElement(using: &generator) else { return }
        let tokens = [
            "\"", "{", "}", "[", "]", ",", ":", "null", "1e999", "NaN", "\\u", "\u{0}", "true", "\"\"", "[]", "{}",
        ]
        switch Int.random(in: 0...3, using: &generator) {
        case 0: bytes[index] = UInt8.random(in: 0...255, using: &generator)
        case 1: bytes.removeSubrange(index..<min(bytes.count, index + Int.random(in: 1...8, using: &generator)))
        case 2: bytes.insert(contentsOf: (tokens.randomElement(using: &generator) ?? "").utf8, at: index)
        default:
            // Replaces a value by one of another type.
            guard let colon = bytes[index...].firstIndex(of: UInt8(ascii: ":")) else { return }
            let end =
                bytes[colon...].firstIndex { $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "}") } ?? bytes.endIndex
            let value = ["null", "1", "\"x\"", "[]", "{}", "true", "[1]", "-0.5e3"].randomElement(using: &generator)
            bytes.replaceSubrange(colon + 1..<end, with: (value ?? "null").utf8)
        }
    }
}
