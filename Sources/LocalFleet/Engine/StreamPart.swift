/// A part of a streamed response, as the bytes that are written to the connection.
struct StreamPart: Sendable {
    let bytes: [UInt8]

    init(bytes: [UInt8]) { self.bytes = bytes }

    /// A server-sent event.
    init(name: String? = nil, _ data: JSONText) { self.init(name: name, data: data.utf8) }

    /// A line of NDJSON.
    init(line: JSONText) { bytes = line.utf8 + [UInt8(ascii: "\n")] }

    private init(name: String? = nil, data: [UInt8]) {
        let head = name.map { "event: \($0)\n" } ?? ""
        bytes = Array(head.utf8) + "data: ".utf8 + data + "\n\n".utf8
    }

    /// The event that ends a stream of completions.
    static let done = StreamPart(data: Array("[DONE]".utf8))
}
