public import NIOCore
public import SimpleAICore

/// A whole JSON answer on its way to the caller: says what it used, under the public name of the model.
public enum ModelRewriter {
    public struct Answer {
        public let body: ByteBuffer
        public let usage: TokenUsage?
    }

    /// Restores the public model id (in `/v1/responses`, as everywhere, the top-level `model`); bytes that need no
    /// change pass untouched.
    /// - Returns: nil when the body is no JSON object.
    public static func restore(_ body: ByteBuffer, model: ModelID) -> Answer? {
        let bytes = Array(body.readableBytesView)
        guard let document = JSONSlice(document: bytes[...]), document.isObject else { return nil }
        let usage = document["usage"].flatMap { TokenUsage($0) }
        guard let token = document["model"], let name = token.string, name != model.rawValue else {
            return Answer(body: body, usage: usage)
        }
        var changed = ByteBuffer()
        changed.reserveCapacity(bytes.count + 32)
        changed.writeBytes(bytes[..<token.bytes.startIndex])
        changed.writeString(JSONString.encode(model.rawValue))
        changed.writeBytes(bytes[token.bytes.endIndex...])
        return Answer(body: changed, usage: usage)
    }

    /// Whether a body is an error object that a caller's SDK understands.
    public static func isErrorObject(_ body: ByteBuffer) -> Bool {
        guard let document = JSONSlice(document: Array(body.readableBytesView)[...]) else { return false }
        return document["error"]?["message"]?.string != nil
    }
}
