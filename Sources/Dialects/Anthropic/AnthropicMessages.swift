public import SimpleAICore

/// The Messages API (https://platform.claude.com/docs/en/api/messages): requests, documents, streams, token counts and
/// model lists. Everything here is pure: bytes in, bytes out.
public enum AnthropicMessages {
    /// A request for an engine's chat completions endpoint.
    public struct Translated: Hashable, Sendable {
        /// The body of the chat completion request.
        public let body: [UInt8]
        /// Paths of the fields and blocks that chat completions cannot express, without indices, each once, bounded.
        public let droppedFields: [String]
    }

    /// The id of the response to a call: `msg_` and the call's id.
    public static func messageID(for call: CallID) -> String {
        let id = call.rawValue.utf8
        let prefix = "req-".utf8
        return "msg_"
            + (id.starts(with: prefix) ? String(decoding: id.dropFirst(prefix.count), as: UTF8.self) : call.rawValue)
    }

    /// The event that keeps a connection alive. Clients accept it at any time, also before `message_start`.
    public static let keepalive = Array("event: ping\ndata: {\"type\":\"ping\"}\n\n".utf8)
}
