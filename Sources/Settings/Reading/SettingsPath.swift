/// The position of a value in the tree of keys: `runners[0].wake.mac`.
struct SettingsPath: Hashable, Sendable, CustomStringConvertible {
    enum Component: Hashable, Sendable {
        case key(String)
        case index(Int)
        /// Any key of a table whose keys are names that the operator chose, written as the placeholder. Occurs in
        /// declarations only.
        case anyKey(String)
        /// Any element of a list. Occurs in declarations only.
        case anyIndex
    }

    static let root = SettingsPath(components: [])

    var components: [Component]

    subscript(key: String) -> SettingsPath { appending(.key(key)) }
    subscript(index: Int) -> SettingsPath { appending(.index(index)) }

    func appending(_ component: Component) -> SettingsPath {
        SettingsPath(components: components + [component])
    }

    var description: String {
        components.reduce(into: "") { text, component in
            switch component {
            case .index(let index): text += "[\(index)]"
            case .anyIndex: text += "[]"
            case .key(let key): text += (text.isEmpty ? "" : ".") + Self.quotedIfNeeded(key)
            case .anyKey(let placeholder): text += (text.isEmpty ? "" : ".") + placeholder
            }
        }
    }

    private static func quotedIfNeeded(_ key: String) -> String {
        let isPlain = key.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        return isPlain && !key.isEmpty ? key : "\"\(key)\""
    }
}
