import SimpleAICore

/// Values of request bodies, which the settings contain as YAML.
extension SettingsNode {
    /// The value in JSON. Plain scalars that are JSON numbers or booleans are such values; quoted ones are texts.
    var json: String {
        switch content {
        case .nothing, .broken: return "null"
        case .scalar(let text):
            if isQuoted { return JSONString.encode(text) }
            switch text {
            case "true", "True", "TRUE": return "true"
            case "false", "False", "FALSE": return "false"
            default: return Self.isJSONNumber(text) ? text : JSONString.encode(text)
            }
        case .list(let elements): return "[\(elements.map(\.json).joined(separator: ","))]"
        case .table(let entries):
            let members = entries.map { "\(JSONString.encode($0.key)):\($0.value.json)" }
            return "{\(members.joined(separator: ","))}"
        }
    }

    static func isJSONNumber(_ text: String) -> Bool {
        guard let first = text.utf8.first, let last = text.utf8.last,
            first == UInt8(ascii: "-") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first),
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(last)
        else { return false }
        return JSONSlice(document: Array(text.utf8)[...]) != nil
    }
}
