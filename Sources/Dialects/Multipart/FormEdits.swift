import SimpleAICore

/// One part of a multipart body. All ranges are bytes of the whole body.
struct MultipartPart: Hashable, Sendable {
    let name: [UInt8]
    let isFile: Bool
    /// From its delimiter to the next one.
    let range: Range<Int>
    let valueRange: Range<Int>
    /// The digits of its Content-Length; nil if it has none.
    let lengthRange: Range<Int>?
    /// Nil for a file, and for a value longer than `MultipartScanner.maxValueLength`.
    let value: [UInt8]?
}

/// The changes of `models.parameters` to a form: the same as in a JSON body, for the fields of the form itself.
///
/// A field has no type, so texts, numbers and Booleans are written as text; edits with other values, or of members inside an
/// object, have no equivalent, and neither have changes of files.
struct FormEdits {
    private enum Change: Hashable { case none, removed, value([UInt8]) }

    private struct Field {
        let part: MultipartPart
        let folded: [UInt8]
        var change = Change.none
    }

    private struct Addition {
        let name: String
        let folded: [UInt8]
        let value: [UInt8]
    }

    private var fields: [Field]
    private var additions: [Addition] = []
    /// Where fields are added: before the part `model`, which stays.
    private let position: Int

    init(_ form: MultipartForm, _ edits: BodyEdits) {
        let isModel = { (part: MultipartPart) in part.valueRange == form.modelRange }
        position = form.parts.first(where: isModel)?.range.lowerBound ?? 0
        fields = form.parts.filter { !$0.isFile && !isModel($0) }
            .map { Field(part: $0, folded: BodyEdits.Path.folded($0.name)) }
        for path in edits.removed { if let key = path.onlyKey { remove(key.folded) } }
        for edit in edits.defaults { set(edit, onlyIfAbsent: true) }
        for edit in edits.forced { set(edit, onlyIfAbsent: false) }
        for edit in edits.maxima { limit(edit) }
    }

    // MARK: Edits

    private func present(_ folded: [UInt8]) -> [Int] {
        fields.indices.filter { fields[$0].folded == folded && fields[$0].change != .removed }
    }

    private mutating func remove(_ folded: [UInt8]) {
        for index in present(folded) { fields[index].change = .removed }
    }

    private mutating func set(_ edit: BodyEdits.Assignment, onlyIfAbsent: Bool) {
        guard let key = edit.path.onlyKey, let value = Self.text(of: edit.value) else { return }
        let present = present(key.folded)
        if onlyIfAbsent, !present.isEmpty || additions.contains(where: { $0.folded == key.folded }) { return }
        // One field remains, under the name as the settings state it, so that all readers read the same value.
        let kept = present.last { fields[$0].part.name.elementsEqual(key.name.utf8) }
        for index in present where index != kept { fields[index].change = .removed }
        if let kept {
            fields[kept].change = .value(value)
        } else if Self.isName(key.name) {
            additions.removeAll { $0.folded == key.folded }
            additions.append(Addition(name: key.name, folded: key.folded, value: value))
        }
    }

    private mutating func limit(_ edit: BodyEdits.Assignment) {
        guard let key = edit.path.onlyKey, let limit = Self.text(of: edit.value) else { return }
        for index in present(key.folded) {
            var value = fields[index].part.value
            if case .value(let set) = fields[index].change { value = set }
            if Self.exceeds(value, limit) { fields[index].change = .value(limit) }
        }
        for index in additions.indices where additions[index].folded == key.folded {
            guard Self.exceeds(additions[index].value, limit) else { continue }
            additions[index] = Addition(name: additions[index].name, folded: key.folded, value: limit)
        }
    }

    /// Whether a value is a larger number, or no number that every reader reads as the same one.
    private static func exceeds(_ value: [UInt8]?, _ limit: [UInt8]) -> Bool {
        guard let value, let number = Double(String(decoding: value, as: UTF8.self)) else { return true }
        return !(number <= Double(String(decoding: limit, as: UTF8.self)) ?? -.infinity)
    }

    /// The text of a JSON value; nil for null, objects and arrays.
    private static func text(of json: [UInt8]) -> [UInt8]? {
        guard let value = JSONSlice(document: json[...]), !value.isNull, !value.isObject, !value.isArray else {
            return nil
        }
        return value.string.map { Array($0.utf8) } ?? Array(value.bytes)
    }

    // MARK: Bytes

    /// The changes of the body, in any order.
    /// - Parameter delimiter: of the body.
    /// - Returns: nil if a value contains the delimiter.
    func replacements(delimiter: [UInt8]) -> [(range: Range<Int>, bytes: [UInt8])]? {
        var replacements: [(range: Range<Int>, bytes: [UInt8])] = []
        for field in fields {
            switch field.change {
            case .none: break
            case .removed: replacements.append((field.part.range, []))
            case .value(let value):
                guard !value.contains(delimiter) else { return nil }
                replacements.append(Self.replacement(of: field.part.valueRange, by: value))
                if let range = field.part.lengthRange {
                    replacements.append((range, Array(String(value.count).utf8)))
                }
            }
        }
        var added: [UInt8] = []
        for addition in additions {
            guard !addition.value.contains(delimiter) else { return nil }
            added += delimiter + "\r\nContent-Disposition: form-data; name=\"\(addition.name)\"\r\n\r\n".utf8
            added += addition.value + [Byte.carriageReturn, Byte.lineFeed]
        }
        // Replaces the first byte of the delimiter that follows, which is a dash.
        if !added.isEmpty { replacements.append((position..<position + 1, added + [UInt8(ascii: "-")])) }
        return replacements
    }

    /// An empty value is replaced together with the carriage return behind it, because a replacement needs a byte that it
    /// replaces.
    private static func replacement(of range: Range<Int>, by value: [UInt8]) -> (range: Range<Int>, bytes: [UInt8]) {
        range.isEmpty
            ? (range.lowerBound..<range.lowerBound + 1, value + [Byte.carriageReturn]) : (range, value)
    }

    /// Whether a name needs no quoting.
    private static func isName(_ name: String) -> Bool {
        name.utf8.allSatisfy {
            $0 > Byte.space && $0 < Byte.delete && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\")
        }
    }
}
