/// A JSON object of a validated document, and the changes to its members. Writing it copies the bytes of all members
/// that have not changed.
struct EditedObject {
    typealias Segment = BodyEdits.Path.Segment

    private indirect enum Content {
        case value(ArraySlice<UInt8>)
        case object(EditedObject)
        case removed
    }

    private struct Member {
        /// The key as written, from quote to quote.
        let key: ArraySlice<UInt8>
        let folded: [UInt8]
        /// The colon with the white space around it.
        let colon: ArraySlice<UInt8>
        /// The comma with the white space around it, before this member; empty before the first one.
        let separator: ArraySlice<UInt8>
        var content: Content
        /// Replaces `key`.
        var newKey: [UInt8]?

        var isRemoved: Bool { if case .removed = content { true } else { false } }
        var isNull: Bool { if case .value(let bytes) = content { JSONSlice(checked: bytes).isNull } else { false } }
    }

    /// The opening bracket with the white space after it.
    private let start: ArraySlice<UInt8>
    /// The closing bracket with the white space before it.
    private let end: ArraySlice<UInt8>
    /// In the document's order.
    private var members: [Member] = []
    /// New members, written before all others.
    private var added: [Member] = []

    /// - Parameter source: a validated value without white space around it; nil unless it is an object.
    init?(_ source: ArraySlice<UInt8>) {
        guard source.count >= 2, source.first == UInt8(ascii: "{") else { return nil }
        var spans: [(key: ArraySlice<UInt8>, value: ArraySlice<UInt8>)] = []
        JSONSlice(checked: source).forEachMember { spans.append(($0, $1.bytes)) }
        start = source[..<(spans.first?.key.startIndex ?? source.startIndex + 1)]
        end = source[(spans.last?.value.endIndex ?? source.startIndex + 1)...]
        var position = start.endIndex
        members.reserveCapacity(spans.count)
        for (key, value) in spans {
            members.append(
                Member(
                    key: key, folded: Self.folded(key), colon: source[key.endIndex..<value.startIndex],
                    separator: source[position..<key.startIndex], content: .value(value)))
            position = value.endIndex
        }
    }

    // MARK: Changes

    mutating func remove(_ path: ArraySlice<Segment>) {
        forEach(path) { member, rest in
            guard !rest.isEmpty else { return member.content = .removed }
            Self.edit(&member) { $0.remove(rest) }
        }
    }

    /// Replaces numbers above `limit`, and texts.
    mutating func limit(_ path: ArraySlice<Segment>, to limit: [UInt8], _ includesNegativeNumbers: Bool) {
        forEach(path) { member, rest in
            guard rest.isEmpty else {
                Self.edit(&member) { $0.limit(rest, to: limit, includesNegativeNumbers) }
                return
            }
            if case .value(let value) = member.content,
                Self.exceeds(value, limit) || includesNegativeNumbers && value.first == UInt8(ascii: "-")
            {
                member.content = .value(limit[...])
            }
        }
    }

    /// - Parameter onlyIfAbsent: leaves members that have a value other than null.
    mutating func set(_ path: ArraySlice<Segment>, to value: [UInt8], onlyIfAbsent: Bool) {
        guard let segment = path.first else { return }
        let rest = path.dropFirst()
        let present = members.indices.filter { members[$0].folded == segment.folded && !members[$0].isRemoved }
        let isSet = present.contains { !members[$0].isNull }
        if isSet, onlyIfAbsent {
            // Most parsers use the last one of several members.
            if !rest.isEmpty, let last = present.last {
                Self.edit(&members[last]) { $0.set(rest, to: value, onlyIfAbsent: true) }
            }
            return
        }
        // Of several members one remains, so that all parsers read the same value.
        guard let kept = present.last ?? members.firstIndex(where: { $0.folded == segment.folded }) else {
            return add(segment, rest, value, onlyIfAbsent: onlyIfAbsent)
        }
        for index in present where index != kept { members[index].content = .removed }
        Self.assign(&members[kept], segment, rest, value, onlyIfAbsent: onlyIfAbsent)
    }

    private mutating func add(
        _ segment: Segment, _ rest: ArraySlice<Segment>, _ value: [UInt8], onlyIfAbsent: Bool
    ) {
        if let index = added.firstIndex(where: { $0.folded == segment.folded }) {
            if onlyIfAbsent, rest.isEmpty { return }
            return Self.assign(&added[index], segment, rest, value, onlyIfAbsent: onlyIfAbsent)
        }
        added.append(
            Member(
                key: Self.token(segment)[...], folded: segment.folded, colon: [UInt8(ascii: ":")], separator: [],
                content: .value(Self.nested(rest, value)[...])))
    }

    private static func assign(
        _ member: inout Member, _ segment: Segment, _ rest: ArraySlice<Segment>, _ value: [UInt8], onlyIfAbsent: Bool
    ) {
        if !rest.isEmpty, edit(&member, { $0.set(rest, to: value, onlyIfAbsent: onlyIfAbsent) }) {
            // The rest of the object remains.
        } else {
            member.content = .value(nested(rest, value)[...])
        }
        if !JSONSlice.isKey(member.key, segment.name.rawValue) { member.newKey = token(segment) }
    }

    /// Calls `change` with every member that the path's first segment addresses, and the rest of the path.
    private mutating func forEach(
        _ path: ArraySlice<Segment>, _ change: (inout Member, ArraySlice<Segment>) -> Void
    ) {
        guard let segment = path.first else { return }
        for index in members.indices where members[index].folded == segment.folded && !members[index].isRemoved {
            change(&members[index], path.dropFirst())
        }
        for index in added.indices where added[index].folded == segment.folded && !added[index].isRemoved {
            change(&added[index], path.dropFirst())
        }
    }

    /// - Returns: false unless the member's value is an object.
    @discardableResult
    private static func edit(_ member: inout Member, _ change: (inout EditedObject) -> Void) -> Bool {
        let object: EditedObject? =
            switch member.content {
            case .value(let bytes): EditedObject(bytes)
            case .object(let object): object
            case .removed: nil
            }
        guard var object else { return false }
        change(&object)
        member.content = .object(object)
        return true
    }

    // MARK: Values

    private static func exceeds(_ value: ArraySlice<UInt8>, _ limit: [UInt8]) -> Bool {
        guard let first = value.first else { return false }
        switch first {
        case UInt8(ascii: "\""): return true
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): break
        default: return false
        }
        let (value, limit) = (String(decoding: value, as: UTF8.self), String(decoding: limit, as: UTF8.self))
        if let value = Int(value), let limit = Int(limit) { return value > limit }
        return (Double(value) ?? .infinity) > (Double(limit) ?? .infinity)
    }

    /// The value inside new objects, one for each key.
    private static func nested(_ keys: ArraySlice<Segment>, _ value: [UInt8]) -> [UInt8] {
        keys.reversed().reduce(value) {
            [UInt8(ascii: "{")] + token($1) + [UInt8(ascii: ":")] + $0 + [UInt8(ascii: "}")]
        }
    }

    private static func token(_ segment: Segment) -> [UInt8] { Array(JSONString.encode(segment.name.rawValue).utf8) }

    /// The folded key. Unpaired surrogates, which decode to U+FFFD, are ignored.
    private static func folded(_ key: ArraySlice<UInt8>) -> [UInt8] {
        guard key.contains(UInt8(ascii: "\\")) else { return FoldedKey.bytes(of: Array(key.dropFirst().dropLast())) }
        let text = JSONString.decode(key).unicodeScalars.filter { $0 != "\u{FFFD}" }
        return FoldedKey.bytes(of: Array(String(String.UnicodeScalarView(text)).utf8))
    }

    // MARK: Writing

    func write(to bytes: inout [UInt8]) {
        bytes += start
        var isFirst = true
        for member in added where !member.isRemoved {
            if !isFirst { bytes.append(UInt8(ascii: ",")) }
            isFirst = false
            Self.write(member, to: &bytes)
        }
        for member in members where !member.isRemoved {
            // The text before the first member is part of `start`.
            if !isFirst {
                if member.separator.isEmpty { bytes.append(UInt8(ascii: ",")) } else { bytes += member.separator }
            }
            isFirst = false
            Self.write(member, to: &bytes)
        }
        bytes += end
    }

    private static func write(_ member: Member, to bytes: inout [UInt8]) {
        if let key = member.newKey { bytes += key } else { bytes += member.key }
        bytes += member.colon
        switch member.content {
        case .value(let value): bytes += value
        case .object(let object): object.write(to: &bytes)
        case .removed: break
        }
    }
}
