import SimpleAICore
public import NIOHTTP1

extension HTTPHeaders {
    /// The same fields, safe for any writer: a control character in a value becomes a space (RFC 9110 §5.5), and a
    /// field whose name could end its line is removed. Names and values are checked on entry; this is the second line
    /// of defence.
    public var neutralized: HTTPHeaders {
        if allSatisfy({ Self.isSound($0.name) && Self.isSound($0.value) }) { return self }
        return HTTPHeaders(
            compactMap { name, value in Self.isSound(name) ? (name, Self.neutralized(value)) : nil })
    }

    fileprivate static func isSound(_ text: String) -> Bool {
        text.utf8.withContiguousStorageIfAvailable { Byte.areFieldValue(UnsafeRawBufferPointer($0)) }
            ?? text.utf8.allSatisfy(Byte.isInFieldValue)
    }

    fileprivate static func neutralized(_ value: String) -> String {
        isSound(value)
            ? value
            : String(decoding: value.utf8.map { Byte.isInFieldValue($0) ? $0 : Byte.space }, as: UTF8.self)
    }
}

extension HTTPResponseHead {
    /// The same head, safe for any writer: nothing in it can end one of its lines.
    public var neutralized: HTTPResponseHead {
        var head = self
        head.headers = headers.neutralized
        let phrase = HTTPHeaders.neutralized(status.reasonPhrase)
        if !phrase.utf8.elementsEqual(status.reasonPhrase.utf8) {
            head.status = .custom(code: status.code, reasonPhrase: phrase)
        }
        return head
    }
}
