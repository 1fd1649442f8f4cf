public import NIOCore
public import SimpleAICore

/// Rewrites a complete JSON response for the caller: restores the public model id, and reads the usage.
public enum ModelRewriter {
    public struct Response {
        public let body: ByteBuffer
        public let usage: TokenUsage?
        /// The engine's id of the response, if requested.
        public var id: String?
        /// The error that the response states instead of a result; nil for a result.
        public var error: EngineError?
    }

    /// Restores the public model id in the top-level `model`; bytes that need no change are forwarded unchanged.
    /// - Parameter readsID: whether to read the response's id.
    /// - Returns: nil if the body is not a JSON object.
    public static func restore(_ body: ByteBuffer, model: ModelID, readsID: Bool = false) -> Response? {
        var scanner = JSONScanner(watching: readsID ? keysWithID : keys, grammar: .lenient)
        let problem: JSONError? = body.withUnsafeReadableBytes { bytes in
            do throws(JSONError) {
                try scanner.scan(bytes)
                try scanner.finish()
                return nil
            } catch {
                return error
            }
        }
        if case .duplicateKey = problem?.reason {
            return restoreWithDuplicateKeys(body, model: model, readsID)
        }
        guard problem == nil, scanner.isObject else { return nil }
        let usage = scanner.member("usage").flatMap { member in
            TokenUsage(JSONSlice(checked: Array(view(of: body, member.range))[...]))
        }
        let id = scanner.member("id").flatMap { member in
            member.kind == .string ? JSONString.decode(view(of: body, member.range)) : nil
        }
        let error = error(in: body, readsID) { key in
            scanner.member(key).map { JSONSlice(checked: Array(view(of: body, $0.range))[...]) }
        }
        guard let name = scanner.member("model"), name.kind == .string,
            !isLiteral(view(of: body, name.range), model.rawValue),
            !JSONString.decode(view(of: body, name.range)).isExactly(model.rawValue)
        else { return Response(body: body, usage: usage, id: id, error: error) }
        return Response(body: replacing(name.range, in: body, with: model), usage: usage, id: id, error: error)
    }

    /// Results of `/v1/responses`, failed ones included, have an id.
    private static let resultKeysWithID = Endpoint.resultKeys + ["id"]
    private static let keys = JSONScanner.Keys(["model", "usage", "error", "object"] + Endpoint.resultKeys)
    private static let keysWithID = JSONScanner.Keys(["model", "usage", "error", "object"] + resultKeysWithID)

    /// The error of a document that is an error object without a result.
    /// - Parameter member: returns the top-level value of a key; called only with watched keys.
    private static func error(
        in body: ByteBuffer, _ readsID: Bool, _ member: (String) -> JSONSlice?
    ) -> EngineError? {
        guard EngineError.isStated(error: member("error"), object: member("object")) else { return nil }
        let keys = readsID ? resultKeysWithID : Endpoint.resultKeys
        guard !keys.contains(where: { member($0).map { !$0.isEmpty } ?? false }) else { return nil }
        return EngineError(Array(body.readableBytesView)[...])
    }

    /// Handles a response with a duplicate key: clients use the last value, and so does the gateway.
    private static func restoreWithDuplicateKeys(_ body: ByteBuffer, model: ModelID, _ readsID: Bool) -> Response? {
        let bytes = Array(body.readableBytesView)
        guard let document = JSONSlice(document: bytes[...], grammar: .lenient), document.isObject else { return nil }
        let usage = document["usage"].flatMap { TokenUsage($0) }
        let id = document["id"]?.string
        let error = error(in: body, readsID) { document[$0] }
        guard let token = document["model"], let name = token.string, !name.isExactly(model.rawValue) else {
            return Response(body: body, usage: usage, id: id, error: error)
        }
        return Response(
            body: replacing(token.bytes.startIndex..<token.bytes.endIndex, in: body, with: model), usage: usage, id: id,
            error: error)
    }

    /// Whether a string token is this text without escapes. That is almost always so, and saves decoding.
    private static func isLiteral(_ token: ByteBufferView, _ text: String) -> Bool {
        token.count == text.utf8.count + 2 && token.dropFirst().dropLast().elementsEqual(text.utf8)
    }

    private static func view(of body: ByteBuffer, _ range: Range<Int>) -> ByteBufferView {
        let start = body.readerIndex
        return body.readableBytesView[start + range.lowerBound..<start + range.upperBound]
    }

    private static func replacing(_ range: Range<Int>, in body: ByteBuffer, with model: ModelID) -> ByteBuffer {
        var changed = ByteBuffer()
        changed.reserveCapacity(body.readableBytes + model.rawValue.utf8.count + 2)
        changed.writeBytes(view(of: body, 0..<range.lowerBound))
        changed.writeString(JSONString.encode(model.rawValue))
        changed.writeBytes(view(of: body, range.upperBound..<body.readableBytes))
        return changed
    }
}
