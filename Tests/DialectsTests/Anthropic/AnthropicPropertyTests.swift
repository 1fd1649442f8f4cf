import SimpleAICore
import TestSupport
import Testing

@testable import Dialects

/// Reads a message stream as a client does, and checks the order of its events.
struct StreamedMessage: Equatable {
    struct Block: Equatable {
        var type: String
        var id: String?
        var name: String?
        var text = ""
    }

    var blocks: [Block] = []
    var stopReason: String?

    /// Nil if the events are out of order, or a block is not stopped.
    init?(_ events: [JSONValue]) {
        var isOpen = false
        for (position, event) in events.enumerated() {
            guard let event = event.object, let type = event["type"]?.string else { return nil }
            let index = event["index"]?.number.map { Int($0) }
            switch type {
            case "message_start":
                guard position == 0 else { return nil }
            case "content_block_start":
                guard !isOpen, stopReason == nil, index == blocks.count, let block = event["content_block"]?.object,
                    let kind = block["type"]?.string
                else { return nil }
                isOpen = true
                blocks.append(Block(type: kind, id: block["id"]?.string, name: block["name"]?.string))
            case "content_block_delta":
                guard isOpen, index == blocks.count - 1, let delta = event["delta"]?.object else { return nil }
                let keys: [ExactString] = ["text", "thinking", "partial_json"]
                guard let piece = keys.lazy.compactMap({ delta[$0]?.string }).first ?? delta["signature"]?.string else {
                    return nil
                }
                blocks[blocks.count - 1].text += piece
            case "content_block_stop":
                guard isOpen, index == blocks.count - 1 else { return nil }
                isOpen = false
            case "message_delta":
                guard !isOpen, stopReason == nil else { return nil }
                stopReason = event["delta"]?.object?["stop_reason"]?.string
            case "message_stop":
                guard stopReason != nil, position == events.count - 1 else { return nil }
            default: return nil
            }
        }
        guard events.last?.object?["type"]?.string == "message_stop" else { return nil }
    }
}

@Suite struct AnthropicPropertyTests {
    private func translate(_ chunks: [String]) throws -> StreamedMessage {
        var translation = MessagesStreamTranslation(model: "m", messageID: "msg_1")
        var output: [UInt8] = []
        for chunk in chunks { output += translation.receive(Array(chunk.utf8)[...]) }
        output += translation.end()
        let events = try events(output)
        return try #require(StreamedMessage(events), "\(chunks)")
    }

    private static let alphabet = [
        "a", " ", "\n", "\"", "\\", "é", "漢", "😀", "{", "}", ":", "1", "</think>", "\t", "\u{7F}",
    ]

    private func text(_ generator: inout SeededGenerator, _ length: ClosedRange<Int> = 1...12) -> String {
        (0..<Int.random(in: length, using: &generator)).map { _ in Self.alphabet.randomElement(using: &generator) ?? ""
        }
        .joined()
    }

    private func input(_ generator: inout SeededGenerator) -> String {
        let members = (0..<Int.random(in: 0...3, using: &generator)).map { index in
            "\"k\(index)\":" + (generator.chance(0.5) ? JSONString.encode(text(&generator)) : "[1,{\"x\":null}]")
        }
        return "{\(members.joined(separator: ","))}"
    }

    /// The text in pieces of whole characters.
    private func cut(_ text: String, _ generator: inout SeededGenerator) -> [String] {
        var pieces: [String] = []
        var rest = Substring(text)
        while !rest.isEmpty {
            let piece = rest.prefix(Int.random(in: 1...5, using: &generator))
            pieces.append(String(piece))
            rest = rest.dropFirst(piece.count)
        }
        return pieces
    }

    private func chunk(_ delta: String, _ generator: inout SeededGenerator, finish: String? = nil) -> String {
        // Different members and white space, so that some chunks match the previous template and some do not.
        let id = generator.chance(0.8) ? "c" : "c\(Int.random(in: 0...9, using: &generator))"
        let space = generator.chance(0.2) ? " " : ""
        return "{\"id\":\"\(id)\",\(space)\"choices\":[{\"index\":0,\"delta\":\(delta),\"finish_reason\":"
            + "\(finish.map { "\"\($0)\"" } ?? "null")}]}"
    }

    private struct Message {
        var blocks: [StreamedMessage.Block] = []
        var calls: Int { blocks.count { $0.type == "tool_use" } }
    }

    /// Reasoning, text and calls in the order in which a completion has them.
    private func message(_ generator: inout SeededGenerator) -> Message {
        var message = Message()
        if generator.chance(0.5) { message.blocks.append(.init(type: "thinking", text: text(&generator))) }
        if generator.chance(0.7) { message.blocks.append(.init(type: "text", text: text(&generator))) }
        for index in 0..<Int.random(in: 0...4, using: &generator) {
            message.blocks.append(
                .init(type: "tool_use", id: "call_\(index)", name: "f\(index)", text: input(&generator)))
        }
        return message
    }

    private func chunks(of message: Message, _ generator: inout SeededGenerator, interleaved: Bool) -> [String] {
        var chunks: [String] = []
        var queues: [[String]] = []
        var number = 0
        for block in message.blocks {
            let pieces = cut(block.text, &generator).map { JSONString.encode($0) }
            switch block.type {
            case "thinking":
                for piece in pieces { chunks.append(chunk("{\"reasoning_content\":\(piece)}", &generator)) }
            case "text": for piece in pieces { chunks.append(chunk("{\"content\":\(piece)}", &generator)) }
            default:
                let head = "\"index\":\(number),\"id\":\"\(block.id ?? "")\",\"type\":\"function\""
                var queue = ["{\(head),\"function\":{\"name\":\"\(block.name ?? "")\",\"arguments\":\"\"}}"]
                queue += pieces.map { "{\"index\":\(number),\"function\":{\"arguments\":\($0)}}" }
                queues.append(queue)
                number += 1
            }
        }
        if interleaved {
            // The calls begin in order; their pieces mix.
            for index in queues.indices {
                chunks.append(chunk("{\"tool_calls\":[\(queues[index].removeFirst())]}", &generator))
            }
            while let index = queues.indices.filter({ !queues[$0].isEmpty }).randomElement(using: &generator) {
                chunks.append(chunk("{\"tool_calls\":[\(queues[index].removeFirst())]}", &generator))
            }
        } else {
            for call in queues.joined() { chunks.append(chunk("{\"tool_calls\":[\(call)]}", &generator)) }
        }
        chunks.append(chunk("{}", &generator, finish: message.calls > 0 ? "tool_calls" : "stop"))
        return chunks
    }

    /// A message that becomes a chat completion stream, in any cut and with interleaved calls, is the same message after
    /// the translation.
    @Test(arguments: [false, true])
    func anyCutGivesTheSameMessage(_ interleaved: Bool) throws {
        var generator = SeededGenerator(seed: interleaved ? 17 : 18)
        for _ in 0..<60 {
            let message = message(&generator)
            for _ in 0..<3 {
                let translated = try translate(chunks(of: message, &generator, interleaved: interleaved))
                #expect(translated.blocks == message.blocks)
                #expect(translated.stopReason == (message.calls > 0 ? "tool_use" : "end_turn"))
            }
        }
    }

    /// The same message as a document.
    @Test func documentsKeepTheMessage() throws {
        var generator = SeededGenerator(seed: 19)
        for _ in 0..<60 {
            let message = message(&generator)
            var members = ["\"role\":\"assistant\",\"content\":null"]
            for block in message.blocks where block.type == "thinking" {
                members.append("\"reasoning_content\":\(JSONString.encode(block.text))")
            }
            for block in message.blocks where block.type == "text" {
                members[0] = "\"role\":\"assistant\",\"content\":\(JSONString.encode(block.text))"
            }
            let calls = message.blocks.filter { $0.type == "tool_use" }.map {
                "{\"id\":\"\($0.id ?? "")\",\"function\":{\"name\":\"\($0.name ?? "")\",\"arguments\":\(JSONString.encode($0.text))}}"
            }
            members.append("\"tool_calls\":[\(calls.joined(separator: ","))]")
            let completion =
                "{\"choices\":[{\"message\":{\(members.joined(separator: ","))},\"finish_reason\":\"stop\"}]}"
            let document = try #require(
                AnthropicMessages.response(fromCompletion: Array(completion.utf8)[...], model: "m", messageID: "msg_1"))
            let blocks = try value(document).object?["content"]?.array ?? []
            #expect(blocks.count == message.blocks.count)
            for (found, block) in zip(blocks.compactMap(\.object), message.blocks) {
                #expect(found["type"]?.string == block.type)
                #expect(found["id"]?.string == block.id && found["name"]?.string == block.name)
                let content = found["text"] ?? found["thinking"] ?? found["input"]
                #expect(try content == (block.type == "tool_use" ? value(block.text.utf8) : .string(block.text)))
            }
        }
    }

    /// A conversation keeps its texts, calls and results on the way to chat completions.
    @Test func conversationsKeepTheirMeaning() throws {
        var generator = SeededGenerator(seed: 20)
        for _ in 0..<120 {
            var turns: [String] = []
            var expected: [[ExactString: JSONValue]] = []
            for turn in 0..<Int.random(in: 1...4, using: &generator) {
                let question = text(&generator)
                turns.append("{\"role\":\"user\",\"content\":\(JSONString.encode(question))}")
                expected.append(["role": .string("user"), "content": .string(question)])
                let answer = message(&generator)
                var blocks: [String] = []
                var assistant: [ExactString: JSONValue] = ["role": .string("assistant")]
                assistant["content"] = answer.calls > 0 ? .null : .string("")
                var calls: [JSONValue] = []
                var results: [(id: String, text: String)] = []
                for block in answer.blocks {
                    switch block.type {
                    case "thinking":
                        blocks.append(
                            "{\"type\":\"thinking\",\"thinking\":\(JSONString.encode(block.text)),\"signature\":\"\"}")
                        assistant["reasoning_content"] = .string(block.text)
                    case "text":
                        blocks.append("{\"type\":\"text\",\"text\":\(JSONString.encode(block.text))}")
                        assistant["content"] = .string(block.text)
                    default:
                        let id = "\(block.id ?? "")_\(turn)"
                        blocks.append(
                            "{\"type\":\"tool_use\",\"id\":\"\(id)\",\"name\":\"\(block.name ?? "")\",\"input\":\(block.text)}"
                        )
                        calls.append(
                            .object([
                                "id": .string(id), "type": .string("function"),
                                "function": .object([
                                    "name": .string(block.name ?? ""), "arguments": .string(block.text),
                                ]),
                            ]))
                        results.append((id, text(&generator)))
                    }
                }
                if !calls.isEmpty { assistant["tool_calls"] = .array(calls) }
                turns.append("{\"role\":\"assistant\",\"content\":[\(blocks.joined(separator: ","))]}")
                expected.append(assistant)
                if !results.isEmpty {
                    let content = results.map {
                        "{\"type\":\"tool_result\",\"tool_use_id\":\"\($0.id)\",\"content\":\(JSONString.encode($0.text))}"
                    }
                    turns.append("{\"role\":\"user\",\"content\":[\(content.joined(separator: ","))]}")
                    for result in results {
                        expected.append([
                            "role": .string("tool"), "tool_call_id": .string(result.id),
                            "content": .string(result.text),
                        ])
                    }
                    let answer = text(&generator)
                    turns.append("{\"role\":\"assistant\",\"content\":\(JSONString.encode(answer))}")
                    expected.append(["role": .string("assistant"), "content": .string(answer)])
                }
            }
            let body = "{\"model\":\"m\",\"messages\":[\(turns.joined(separator: ","))]}"
            let translated = try AnthropicMessages.chatRequest(from: Array(body.utf8)[...])
            let messages = try value(translated.body).object?["messages"]
            #expect(messages == .array(expected.map { .object($0) }))
            #expect(translated.droppedFields.isEmpty)
        }
    }

    // MARK: Hostile engines and clients

    /// Chunks in any order, repeated, cut and damaged give balanced events and never a crash.
    @Test func anyOrderOfChunksIsBalanced() throws {
        let chunks = Pair.all("streams").flatMap { $0.json["chunks"]?.elements ?? [] }.map { Array($0.bytes) }
        #expect(chunks.count > 100)
        var generator = SeededGenerator(seed: 21)
        for _ in 0..<600 {
            var translation = MessagesStreamTranslation(
                model: "m", messageID: "msg_1", includesThinking: generator.chance(0.7))
            var output: [UInt8] = []
            for _ in 0..<Int.random(in: 0...25, using: &generator) {
                var chunk = chunks.randomElement(using: &generator) ?? []
                if generator.chance(0.1), !chunk.isEmpty {
                    chunk[Int.random(in: 0..<chunk.count, using: &generator)] = UInt8.random(
                        in: 0...255, using: &generator)
                }
                if generator.chance(0.05) {
                    chunk = Array(chunk.prefix(Int.random(in: 0...chunk.count, using: &generator)))
                }
                output += translation.receive(chunk[...])
            }
            output += translation.end()
            #expect(StreamedMessage(try events(output)) != nil, "\(String(decoding: output, as: UTF8.self))")
        }
    }

    /// Random bytes and damaged documents never crash, and what is written is JSON.
    @Test func damagedDocumentsNeverCrash() throws {
        let requests = Pair.all("requests").map { Array($0.bytes("request")) }
        let completions = Pair.all("responses").map { Array($0.bytes("completion")) }
        var generator = SeededGenerator(seed: 22)
        for _ in 0..<1_000 {
            for (isRequest, documents) in [(true, requests), (false, completions)] {
                var bytes = documents.randomElement(using: &generator) ?? []
                for _ in 0..<Int.random(in: 0...3, using: &generator) where !bytes.isEmpty {
                    let index = Int.random(in: 0..<bytes.count, using: &generator)
                    switch Int.random(in: 0...3, using: &generator) {
                    case 0: bytes[index] = UInt8.random(in: 0...255, using: &generator)
                    case 1: bytes.remove(at: index)
                    case 2: bytes.insert(Array("\"{}[],:0n\\".utf8).randomElement(using: &generator) ?? 0, at: index)
                    default: bytes.removeSubrange(index...)
                    }
                }
                if isRequest {
                    guard let request = try? MessagesRequest(bytes[...]) else { continue }
                    if let translated = try? AnthropicMessages.chatRequest(from: request) {
                        #expect(JSONSlice(document: translated.body[...]) != nil)
                        #expect(AnthropicMessages.estimatedTokens(of: request) > 0)
                        #expect(throws: Never.self) { try AnthropicMessages.check(request) }
                    } else {
                        #expect(throws: GatewayError.self) { try AnthropicMessages.check(request) }
                    }
                } else {
                    if let message = AnthropicMessages.response(
                        fromCompletion: bytes[...], model: "m", messageID: "msg_1")
                    {
                        #expect(JSONSlice(document: message[...]) != nil)
                    }
                    _ = AnthropicMessages.usage(ofDocument: bytes[...])
                    var reader = MessagesStreamReader()
                    _ = reader.receive(bytes[...])
                }
            }
        }
    }

    /// What an engine writes outside RFC 8259 does not reach the client: a character cut by a token limit, raw controls.
    @Test func sendsOnlyValidJSON() throws {
        var translation = MessagesStreamTranslation(model: "m", messageID: "msg_1")
        var output: [UInt8] = []
        for piece: [UInt8] in [[0xE6], [0xE6, 0xBC], [0x0A], [0x09, 0x61], [0xFF], Array("ok".utf8), [0xC3]] {
            let chunk = Array("{\"choices\":[{\"delta\":{\"content\":\"".utf8) + piece + Array("\"}}]}".utf8)
            output += translation.receive(chunk[...])
        }
        output += translation.end()
        let message = try #require(StreamedMessage(try events(output)))
        #expect(message.blocks.first?.text == "\u{FFFD}\u{FFFD}\n\ta\u{FFFD}ok\u{FFFD}")
    }
}
