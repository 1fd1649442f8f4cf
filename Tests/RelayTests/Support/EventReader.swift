/// An event stream parsed as by a browser: the rules of WHATWG HTML §9.2.5 and §9.2.6, word for word, and independent
/// of the relay.
struct EventReader {
    struct Message: Hashable, CustomStringConvertible {
        var type = "message"
        var data: String
        var lastEventID = ""

        var description: String { "\(type) \(data.debugDescription) id=\(lastEventID.debugDescription)" }
    }

    private var data = ""
    private var type = ""
    private var lastEventID = ""
    private var messages: [Message] = []

    static func messages(in bytes: some Sequence<UInt8>) -> [Message] {
        var bytes = Array(bytes)
        // "strip one leading U+FEFF BYTE ORDER MARK, if any"
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
        var reader = EventReader()
        var line: [UInt8] = []
        var index = 0
        while index < bytes.count {
            defer { index += 1 }
            guard bytes[index] == 0x0D || bytes[index] == 0x0A else {
                line.append(bytes[index])
                continue
            }
            if bytes[index] == 0x0D, index + 1 < bytes.count, bytes[index + 1] == 0x0A { index += 1 }
            reader.read(String(decoding: line, as: UTF8.self))
            line = []
        }
        // "Once the end of the file is reached, any pending data must be discarded."
        return reader.messages
    }

    private mutating func read(_ line: String) {
        if line.isEmpty { return dispatch() }
        let scalars = line.unicodeScalars
        guard let colon = scalars.firstIndex(of: ":") else { return set(line, "") }
        if colon == scalars.startIndex { return }
        var value = scalars[scalars.index(after: colon)...]
        if value.first == " " { value = value.dropFirst() }
        set(String(scalars[..<colon]), String(value))
    }

    private mutating func set(_ field: String, _ value: String) {
        switch field {
        case "event": type = value
        case "data": data += value + "\n"
        case "id": if !value.unicodeScalars.contains("\0") { lastEventID = value }
        default: break  // "retry" concerns reconnecting; all other fields are ignored
        }
    }

    private mutating func dispatch() {
        defer { (data, type) = ("", "") }
        guard !data.isEmpty else { return }
        data.unicodeScalars.removeLast()
        messages.append(Message(type: type.isEmpty ? "message" : type, data: data, lastEventID: lastEventID))
    }
}
