import SimpleAICore

/// One tool call of a stream, whose arguments come in pieces.
///
/// Two kinds of arguments are held back until their meaning is certain. `{}` may stand for arguments that follow: engines
/// in front of Anthropic's API repeat the empty `input` with which its blocks begin. A string may contain the arguments:
/// some engines encode them twice.
struct ToolCallDelta {
    private enum Held { case nothing, emptyObject, string }

    /// The engine's index; nil if it stated none.
    let index: Int?
    var id: JSONSlice?
    var name: JSONSlice?
    private(set) var hasArguments = false
    private var held = Held.nothing
    private var heldText: [UInt8] = []
    private var scanner = JSONScanner(watching: [])
    private var isMalformed = false

    init(index: Int?) { self.index = index }

    /// Whether the arguments so far are `{}`.
    var hasOnlyEmptyObject: Bool { held == .emptyObject }
    var heldBytes: Int { heldText.count }
    var keptBytes: Int { heldText.count + (id?.bytes.count ?? 0) + (name?.bytes.count ?? 0) }

    /// Adds a piece of the arguments.
    /// - Parameters:
    ///   - text: decoded.
    ///   - content: the same as the content of a string token.
    /// - Returns: the content to be sent now.
    mutating func append(_ text: [UInt8], content: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        switch held {
        case .string:
            heldText += text
            scan(text)
            return []
        case .emptyObject:
            guard text.contains(where: { $0 > 0x20 }) else { return [] }
            (held, scanner, isMalformed) = (.nothing, JSONScanner(watching: []), false)
        case .nothing where hasArguments:
            scan(text)
            return content
        case .nothing: break
        }
        hasArguments = true
        scan(text)
        let visible = text.drop { $0 <= 0x20 }
        if visible.first == UInt8(ascii: "\"") {
            (held, heldText) = (.string, text)
        } else if visible.starts(with: "{}".utf8), visible.dropFirst(2).allSatisfy({ $0 <= 0x20 }) {
            held = .emptyObject
        } else {
            return content
        }
        return []
    }

    /// Takes what is held back, at the end of the call: the content of a string token.
    mutating func takeHeld() -> [UInt8] {
        defer { (held, heldText) = (.nothing, []) }
        switch held {
        case .nothing: return []
        case .emptyObject: return Array("{}".utf8)
        case .string: return MessageBytes.escaped(ToolArguments.object(heldText[...]) ?? heldText[...])
        }
    }

    /// Whether nothing can follow the arguments so far. Malformed arguments count as complete, because nothing can repair
    /// them.
    var isComplete: Bool {
        guard hasArguments, !isMalformed else { return hasArguments }
        var copy = scanner
        do throws(JSONError) {
            try copy.finish()
            return true
        } catch {
            return false
        }
    }

    private mutating func scan(_ text: [UInt8]) {
        guard !isMalformed else { return }
        do throws(JSONError) {
            try scanner.scan(text[...])
        } catch {
            isMalformed = true
        }
    }
}
