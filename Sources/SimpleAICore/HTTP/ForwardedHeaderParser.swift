/// Parses the header field `Forwarded` (RFC 7239 §4), strictly.
package struct ForwardedHeaderParser {
    /// The values that one proxy states.
    package struct Element: Hashable {
        /// The node that sent the request to the proxy: the parameter `for`.
        package var node: String?
    }

    private var rest: ArraySlice<UInt8>

    package init(_ value: String) {
        rest = Array(value.utf8)[...]
    }

    /// Nil if the header is malformed.
    package mutating func elements() -> [Element]? {
        var elements: [Element] = []
        while true {
            guard let element = element() else { return nil }
            elements.append(element)
            if rest.isEmpty { return elements }
            guard take(UInt8(ascii: ",")) else { return nil }
        }
    }

    /// Parses pairs separated by semicolons.
    private mutating func element() -> Element? {
        var element = Element()
        while true {
            skipSpace()
            if let name = token() {
                guard take(UInt8(ascii: "=")), let value = value() else { return nil }
                if name.lowercased() == "for" {
                    guard element.node == nil else { return nil }
                    element.node = value
                }
            }
            skipSpace()
            if !take(UInt8(ascii: ";")) { return element }
        }
    }

    private mutating func value() -> String? {
        guard take(Self.quote) else { return token() }
        var text: [UInt8] = []
        while let byte = rest.popFirst() {
            switch byte {
            case Self.quote: return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard let escaped = rest.popFirst() else { return nil }
                text.append(escaped)
            default: text.append(byte)
            }
        }
        return nil
    }

    private static let quote = UInt8(ascii: "\"")

    private mutating func token() -> String? {
        let token = rest.prefix(while: Byte.isToken)
        rest = rest[token.endIndex...]
        return token.isEmpty ? nil : String(decoding: token, as: UTF8.self)
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard rest.first == byte else { return false }
        rest.removeFirst()
        return true
    }

    private mutating func skipSpace() {
        rest = rest.drop(while: Byte.isBlank)
    }
}
