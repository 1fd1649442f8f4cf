import Foundation

extension Endpoint {
    /// The prompt that makes a stream last: a model that follows it generates at least one token per number.
    static let longCount = 2000

    /// A small request with a unique prompt, so that no cache can serve it.
    ///
    /// - Parameters:
    ///   - isLong: asks for a text of about ``longCount`` tokens.
    ///   - speech: a WAV file with spoken words, to be transcribed; nil: a tone.
    func request(
        model: String, as credential: Credential, stream: Bool = false, isLong: Bool = false, speech: [UInt8]? = nil,
        session: Session
    ) throws -> APIRequest {
        let nonce = session.nonce()
        let prompt =
            isLong
            ? "\(nonce): count from 1 to \(Self.longCount), in digits." : "\(nonce): answer with the single word ready."
        if self == .transcriptions { return upload(model: model, as: credential, nonce: nonce, speech: speech) }
        let members = members(prompt: prompt, maxTokens: isLong ? Self.longCount : 64, stream: stream)
        return try request(["model": .string(model)].merging(members) { $1 }, as: credential, stream: stream)
    }

    /// A request with any JSON object, or without a body for GET.
    func request(
        _ members: [String: JSONValue], as credential: Credential, stream: Bool = false
    ) throws -> APIRequest {
        var request = APIRequest(method: method, path: path, credential: credential, wantsStream: stream)
        if method == "POST" { request.body = try JSONEncoder.sorted.encode(JSONValue.object(members)) }
        if dialect == .anthropic { request.headers = [("anthropic-version", "2023-06-01")] }
        if dialect == .ollama, stream { request.accept = "application/x-ndjson" }
        if self == .speech { request.accept = "*/*" }
        return request
    }

    /// The same request, with the wrong type for a field that every deployment reads.
    func wronglyTypedRequest(as credential: Credential, session: Session) throws -> APIRequest {
        guard self != .transcriptions else { return upload(model: nil, as: credential, nonce: session.nonce()) }
        let members = members(prompt: "ready", maxTokens: 64, stream: false)
        return try request(["model": .number(42)].merging(members) { $1 }, as: credential)
    }

    private func members(prompt: String, maxTokens: Int, stream: Bool) -> [String: JSONValue] {
        let messages = JSONValue.array([.object(["role": .string("user"), "content": .string(prompt)])])
        let limit = JSONValue.number(Double(maxTokens))
        switch self {
        case .messages: return ["messages": messages, "max_tokens": limit, "stream": .bool(stream)]
        case .countTokens: return ["messages": messages]
        case .ollamaChat:
            return ["messages": messages, "stream": .bool(stream), "options": .object(["num_predict": limit])]
        case .ollamaGenerate:
            return ["prompt": .string(prompt), "stream": .bool(stream), "options": .object(["num_predict": limit])]
        case .responses:
            return [
                "input": .string(prompt), "max_output_tokens": limit, "stream": .bool(stream), "store": .bool(false),
            ]
        case .ollamaEmbed, .embeddings: return ["input": .string(prompt)]
        case .rerank:
            let documents = ["a ship on the sea", "a recipe for bread"].map(JSONValue.string)
            return ["query": .string("\(prompt) bread"), "documents": .array(documents), "top_n": .number(2)]
        case .speech: return ["input": .string(prompt), "voice": .string("alloy"), "response_format": .string("wav")]
        case .images: return ["prompt": .string(prompt), "n": .number(1), "size": .string("256x256")]
        case .ollamaTags, .transcriptions: return [:]
        }
    }

    /// - Parameters:
    ///   - model: nil leaves the part out.
    ///   - speech: a WAV file with spoken words; nil: a tone.
    private func upload(
        model: String?, as credential: Credential, nonce: String, speech: [UInt8]? = nil
    ) -> APIRequest {
        let boundary = "simpleai-\(nonce)"
        var form: [UInt8] = []
        if let model {
            form += "--\(boundary)\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n\(model)\r\n".utf8
        }
        form +=
            "--\(boundary)\r\nContent-Disposition: form-data; name=\"file\"; filename=\"tone.wav\"\r\nContent-Type: audio/wav\r\n\r\n"
            .utf8
        form += (speech ?? Self.tone) + Array("\r\n--\(boundary)--\r\n".utf8)
        var request = APIRequest(method: method, path: path, credential: credential, body: Data(form))
        request.contentType = "multipart/form-data; boundary=\(boundary)"
        request.containsSpeech = speech != nil
        request.curlBody = (model.map { "-F model=\($0) " } ?? "") + "-F file=@tone.wav"
        return request
    }

    /// Half a second of a 440 Hz tone: WAV, 16 kHz, mono, 16 bit.
    private static let tone: [UInt8] = {
        let samples = (0..<8000).flatMap { index -> [UInt8] in
            littleEndian(UInt16(bitPattern: Int16(8000 * sin(Double(index) * 2 * .pi * 440 / 16000))))
        }
        return Array("RIFF".utf8) + littleEndian(UInt32(36 + samples.count)) + Array("WAVEfmt ".utf8)
            + littleEndian(UInt32(16)) + littleEndian(UInt16(1)) + littleEndian(UInt16(1)) + littleEndian(UInt32(16000))
            + littleEndian(UInt32(32000)) + littleEndian(UInt16(2)) + littleEndian(UInt16(16)) + Array("data".utf8)
            + littleEndian(UInt32(samples.count)) + samples
    }()

    private static func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }
}

extension JSONEncoder {
    /// Sorted keys, so that the same seed gives the same bytes.
    fileprivate static var sorted: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }
}

extension JSONValue: Encodable {
    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        // Foundation writes 42.0 as 42.
        case .number(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let items): try container.encode(items)
        case .object(let members): try container.encode(members)
        }
    }
}
