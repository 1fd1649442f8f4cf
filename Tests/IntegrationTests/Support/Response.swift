import Foundation

@testable import LocalFleet

/// A response as it arrived over the wire.
struct Response: Sendable {
    var status = 0
    var fields: [(name: String, value: String)] = []
    /// Without the chunk sizes.
    var body: [UInt8] = []
    var chunks = 0
    /// Whether the message stated its end, and reached it.
    var endedCleanly = false

    var text: String { String(decoding: body, as: UTF8.self) }
    /// The events of a stream, each with its empty line.
    var events: [String] { text.components(separatedBy: "\n\n").dropLast().map { $0 + "\n\n" } }

    subscript(_ name: String) -> String? {
        fields.first { $0.name.lowercased() == name.lowercased() }?.value
    }

    func all(_ name: String) -> [String] {
        fields.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
    }

    /// The error object; throws if one of its four keys is missing.
    func error() throws -> Failure { try JSONDecoder().decode(Wrapper.self, from: Data(body)).error }

    func json() throws -> [String: Any] {
        try JSONSerialization.jsonObject(with: Data(body)) as? [String: Any] ?? [:]
    }

    struct Failure: Decodable, Equatable {
        let message: String
        let type: String
        let param: String?
        let code: String

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Keys.self)
            message = try container.decode(String.self, forKey: .message)
            type = try container.decode(String.self, forKey: .type)
            guard container.contains(.param) else {
                throw DecodingError.keyNotFound(Keys.param, .init(codingPath: [], debugDescription: "param"))
            }
            param = try container.decode(String?.self, forKey: .param)
            code = try container.decode(String.self, forKey: .code)
        }

        private enum Keys: CodingKey { case message, type, param, code }
    }

    private struct Wrapper: Decodable { let error: Failure }

    // MARK: Reading

    /// The first final response in `bytes` and its length in bytes; nil until it is complete. A response that the end
    /// of the connection cut off is returned with `endedCleanly` false.
    static func parse(_ bytes: [UInt8], isEnd: Bool) -> (Response, Int)? {
        var start = 0
        while let (head, bodyStart) = head(in: bytes, from: start) {
            if (100..<200).contains(head.status) {
                start = bodyStart
                continue
            }
            return head.reading(bytes, from: bodyStart, isEnd: isEnd)
        }
        return nil
    }

    private static func head(in bytes: [UInt8], from start: Int) -> (Response, Int)? {
        guard let end = firstIndex(of: Array("\r\n\r\n".utf8), in: bytes, from: start) else { return nil }
        let lines = String(decoding: bytes[start..<end], as: UTF8.self).components(separatedBy: "\r\n")
        var response = Response()
        response.status = lines.first?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { continue }
            response.fields.append((String(parts[0]), parts[1].trimmingCharacters(in: .whitespaces)))
        }
        return (response, end + 4)
    }

    private func reading(_ bytes: [UInt8], from start: Int, isEnd: Bool) -> (Response, Int)? {
        var response = self
        if status == 204 || status == 304 {
            response.endedCleanly = true
            return (response, start)
        }
        if response["transfer-encoding"]?.lowercased() == "chunked" {
            let (end, isWhole) = response.readChunks(bytes, from: start)
            guard isWhole || isEnd else { return nil }
            response.endedCleanly = isWhole
            return (response, end)
        }
        if let length = response["content-length"].flatMap({ Int($0) }) {
            guard bytes.count >= start + length || isEnd else { return nil }
            let end = min(bytes.count, start + length)
            response.body = Array(bytes[start..<end])
            response.endedCleanly = end == start + length
            return (response, end)
        }
        guard isEnd else { return nil }
        response.body = Array(bytes[start...])
        return (response, bytes.count)
    }

    /// Reads the chunks of a stream that have arrived so far.
    mutating func readChunks(_ bytes: [UInt8], from start: Int) -> (end: Int, isWhole: Bool) {
        var position = start
        while let lineEnd = Self.firstIndex(of: [0x0D, 0x0A], in: bytes, from: position) {
            guard let size = Int(String(decoding: bytes[position..<lineEnd], as: UTF8.self), radix: 16) else { break }
            let next = lineEnd + 2 + size + 2
            guard next <= bytes.count else { break }
            if size == 0 { return (next, true) }
            body += bytes[lineEnd + 2..<lineEnd + 2 + size]
            chunks += 1
            position = next
        }
        return (bytes.count, false)
    }

    private static func firstIndex(of pattern: [UInt8], in bytes: [UInt8], from start: Int) -> Int? {
        guard bytes.count >= pattern.count, start <= bytes.count - pattern.count else { return nil }
        return (start...bytes.count - pattern.count).first { bytes[$0..<$0 + pattern.count].elementsEqual(pattern) }
    }
}

extension Wire {
    /// The next response, up to its end.
    func response() async throws -> Response {
        try await take { Response.parse($0, isEnd: $1) }
    }

    /// The head of the next response and the part of its body that has arrived, as soon as `isEnough`; leaves both in
    /// the buffer.
    func peek(until isEnough: @escaping @Sendable (Response) -> Bool) async throws -> Response {
        let found = try await state.value { state in
            state.hasEnded || Response.parse(state.received, isEnd: true).map { isEnough($0.0) } ?? false
        }
        return Response.parse(found.received, isEnd: true)?.0 ?? Response()
    }
}
