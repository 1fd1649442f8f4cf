/// A tar archive of small files in memory (POSIX.1-1988 ustar), for backups that any system can open. Pure.
public struct TarArchive: Hashable, Sendable {
    public struct Entry: Hashable, Sendable {
        /// Relative, without `..`.
        public var name: String
        public var mode: UInt16
        public var content: [UInt8]

        public init(name: String, mode: UInt16, content: [UInt8]) {
            self.name = name
            self.mode = mode
            self.content = content
        }
    }

    public enum Fault: Error, Hashable, Sendable, CustomStringConvertible {
        case notAnArchive
        case truncated
        case unsafeName(String)
        case unsupported(String)

        public var description: String {
            switch self {
            case .notAnArchive: "it is not a tar archive, or is damaged"
            case .truncated: "it is incomplete"
            case .unsafeName(let name): "it contains a file with the name \(name), which leads out of a folder"
            case .unsupported(let name): "\(name) is not a regular file"
            }
        }
    }

    static let blockSize = 512

    public var entries: [Entry]

    public init(entries: [Entry]) { self.entries = entries }

    /// The same entries give the same bytes.
    /// - Parameter time: of all files, in seconds since 1970.
    public func encoded(time: Int64) -> [UInt8] {
        var bytes: [UInt8] = []
        for entry in entries {
            bytes += Self.header(of: entry, time: time)
            bytes += entry.content
            let rest = entry.content.count % Self.blockSize
            if rest > 0 { bytes += [UInt8](repeating: 0, count: Self.blockSize - rest) }
        }
        return bytes + [UInt8](repeating: 0, count: 2 * Self.blockSize)
    }

    private static func header(of entry: Entry, time: Int64) -> [UInt8] {
        var header = [UInt8](repeating: 0, count: blockSize)
        func put(_ text: String, at offset: Int) {
            header.replaceSubrange(offset..<(offset + text.utf8.count), with: text.utf8)
        }
        func octal(_ value: Int64, digits: Int) -> String {
            let text = String(max(0, value), radix: 8)
            return String(repeating: "0", count: max(0, digits - text.count)) + text
        }
        put(String(decoding: entry.name.utf8.prefix(100), as: UTF8.self), at: 0)
        put(octal(Int64(entry.mode & 0o777), digits: 7), at: 100)
        put(octal(0, digits: 7), at: 108)
        put(octal(0, digits: 7), at: 116)
        put(octal(Int64(entry.content.count), digits: 11), at: 124)
        put(octal(time, digits: 11), at: 136)
        put("        ", at: 148)
        put("0", at: 156)
        put("ustar", at: 257)
        put("00", at: 263)
        let sum = header.reduce(0) { $0 + Int64($1) }
        put(octal(sum, digits: 6) + "\0 ", at: 148)
        return header
    }

    /// Reads regular files; anything else is a fault, because it comes from elsewhere.
    public init(decoding bytes: [UInt8]) throws(Fault) {
        entries = []
        var offset = 0
        while true {
            guard offset + Self.blockSize <= bytes.count else { throw bytes.isEmpty ? .notAnArchive : .truncated }
            let header = Array(bytes[offset..<(offset + Self.blockSize)])
            if header.allSatisfy({ $0 == 0 }) { return }
            offset += Self.blockSize
            let entry = try Self.entry(from: header)
            guard entry.size <= bytes.count - offset else { throw .truncated }
            entries.append(
                Entry(name: entry.name, mode: entry.mode, content: Array(bytes[offset..<(offset + entry.size)])))
            offset += (entry.size + Self.blockSize - 1) / Self.blockSize * Self.blockSize
        }
    }

    private static func entry(from header: [UInt8]) throws(Fault) -> (name: String, mode: UInt16, size: Int) {
        var unsigned = header
        unsigned.replaceSubrange(148..<156, with: [UInt8](repeating: UInt8(ascii: " "), count: 8))
        let sum = unsigned.reduce(0) { $0 + Int($1) }
        guard octal(header[148..<156]) == sum, header[257..<262].elementsEqual("ustar".utf8),
            let mode = octal(header[100..<108]), let size = octal(header[124..<136])
        else { throw .notAnArchive }
        let name = String(decoding: header[..<100].prefix { $0 != 0 }, as: UTF8.self)
        guard header[156] == UInt8(ascii: "0") || header[156] == 0 else { throw .unsupported(name) }
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        guard !name.isEmpty, !name.hasPrefix("/"), !parts.contains(where: { $0 == ".." || $0.isEmpty }) else {
            throw .unsafeName(name)
        }
        return (name, UInt16(mode & 0o777), size)
    }

    private static func octal(_ field: ArraySlice<UInt8>) -> Int? {
        let digits = field.drop { $0 == UInt8(ascii: " ") }.prefix { $0 != 0 && $0 != UInt8(ascii: " ") }
        guard !digits.isEmpty, digits.count <= 11 else { return nil }
        return Int(String(decoding: digits, as: UTF8.self), radix: 8).flatMap { $0 >= 0 ? $0 : nil }
    }
}
