/// Rules for the paths of files. A path is compared by its bytes, as the system does. Pure.
public enum FilePath {
    /// The same maximum number of links as the system's.
    private static let maxLinks = 40
    /// In bytes, with the ending zero.
    private static let maxLength = 4096

    /// An absolute path without `.`, `..` and empty components.
    /// - Parameter folder: the absolute path to which a relative one belongs.
    public static func absolute(_ path: String, in folder: String) -> String {
        let text = path.utf8.first == separator ? path : folder + "/" + path
        var parts: [String] = []
        for part in components(of: text) where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return join("/", parts)
    }

    /// The folder of an absolute path.
    public static func parent(of path: String) -> String { join("/", components(of: path).dropLast()) }

    /// Why a path cannot be that of a file in a backup; nil if it can. Every file has one spelling, and no path leads to another
    /// place than it shows.
    public static func fault(of path: String) -> String? {
        guard path.utf8.first == separator else { return "it is not absolute" }
        guard path.utf8.count < maxLength else { return "it is longer than \(maxLength - 1) bytes" }
        guard !path.unicodeScalars.contains(where: isControl) else { return "it contains control characters" }
        let parts = path.utf8.dropFirst().split(separator: separator, omittingEmptySubsequences: false)
        guard !parts.contains(where: { $0.isEmpty || $0.elementsEqual(".".utf8) || $0.elementsEqual("..".utf8) })
        else { return "it has an empty, . or .. component" }
        guard let first = parts.first, !["dev", "proc", "sys"].contains(where: { first.elementsEqual($0.utf8) }) else {
            return "it is in /dev, /proc or /sys, which contain no files of a gateway"
        }
        return nil
    }

    /// The path below `root` that an absolute path means to a process whose root folder is `root`: links lead nowhere else.
    /// - Parameter link: the target of a symbolic link; nil for anything else, and for what does not exist.
    /// - Returns: nil if there are too many links.
    public static func resolve(_ path: String, below root: String, link: (String) -> String?) -> String? {
        var pending = Array(components(of: path).reversed())
        var resolved: [String] = []
        var links = 0
        while let part = pending.popLast() {
            if part == "." { continue }
            if part == ".." {
                _ = resolved.popLast()
                continue
            }
            guard let target = link(join(root, resolved + [part])) else {
                resolved.append(part)
                continue
            }
            links += 1
            guard links <= maxLinks else { return nil }
            if target.utf8.first == separator { resolved = [] }
            pending += components(of: target).reversed()
        }
        return join(root, resolved)
    }

    private static let separator = UInt8(ascii: "/")

    private static func components(of path: String) -> [String] {
        path.utf8.split(separator: separator).map { String(decoding: $0, as: UTF8.self) }
    }

    private static func join(_ root: String, _ parts: some Sequence<String>) -> String {
        let rest = parts.joined(separator: "/")
        if root.utf8.last == separator { return root + rest }
        return rest.isEmpty ? root : root + "/" + rest
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }
}
