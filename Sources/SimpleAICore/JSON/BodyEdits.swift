/// Changes to the members of a request body, from `models.parameters`: in this order, members are removed, set if they
/// are absent, set in any case, and limited.
///
/// The changes are spliced into the bytes: every member that no change addresses keeps its bytes. A member counts as
/// addressed in every spelling that some parser may read as its key (`FoldedKey`), and each time it occurs, so that no
/// caller can avoid a change by `"Temperature"` or by a duplicate key.
public struct BodyEdits: Hashable, Sendable {
    /// A member, or a member of an object inside the body: `chat_template_kwargs.enable_thinking`.
    public struct Path: Hashable, Sendable, CustomStringConvertible {
        /// Maximum number of keys of a path.
        public static let maxDepth = 8

        struct Segment: Hashable, Sendable {
            let name: ExactString
            let folded: [UInt8]
        }

        let segments: [Segment]

        /// - Parameter text: keys separated by dots; nil if one is empty, or if there are too many.
        public init?(_ text: String) {
            let names = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
            guard names.count <= Self.maxDepth, names.allSatisfy({ !$0.isEmpty }) else { return nil }
            segments = names.map {
                Segment(
                    name: ExactString(String(decoding: $0, as: UTF8.self)), folded: FoldedKey.bytes(of: Array($0)))
            }
        }

        /// The key, as written and as tolerant parsers compare it; nil for a member of an object inside the body.
        package var onlyKey: (name: String, folded: [UInt8])? {
            segments.count == 1 ? (segments[0].name.rawValue, segments[0].folded) : nil
        }

        /// A name of a form's field in the form in which keys are compared.
        package static func folded(_ name: [UInt8]) -> [UInt8] { FoldedKey.bytes(of: name) }

        public var description: String { segments.map(\.name.rawValue).joined(separator: ".") }

        /// Whether both address the same member, or one a member of the other's value.
        public func overlaps(_ other: Path) -> Bool {
            zip(segments, other.segments).allSatisfy { $0.folded == $1.folded }
        }
    }

    /// A member and its value.
    public struct Assignment: Hashable, Sendable {
        public let path: Path
        /// A JSON value; for a limit, a number.
        public let value: [UInt8]
        /// Whether a limit replaces negative numbers, too, because the engine reads them as no limit.
        var limitsNegativeNumbers = false

        public init(_ path: Path, _ value: [UInt8]) {
            self.path = path
            self.value = value
        }

        var text: String { "\(path)=\(String(decoding: value, as: UTF8.self))" }
    }

    public var removed: [Path]
    /// Set if the member is absent or null.
    public var defaults: [Assignment]
    public var forced: [Assignment]
    /// Limits of numbers. A larger number becomes the limit; so does a text, which some engines read as a number.
    public var maxima: [Assignment]

    public init(
        removed: [Path] = [], defaults: [Assignment] = [], forced: [Assignment] = [], maxima: [Assignment] = []
    ) {
        self.removed = removed
        self.defaults = defaults
        self.forced = forced
        self.maxima = maxima
    }

    /// All edits together; the first ones take precedence.
    public init(merging edits: [BodyEdits]) {
        self.init(
            removed: edits.flatMap(\.removed), defaults: edits.flatMap(\.defaults),
            forced: edits.reversed().flatMap(\.forced), maxima: edits.flatMap(\.maxima))
    }

    public var isEmpty: Bool { removed.isEmpty && defaults.isEmpty && forced.isEmpty && maxima.isEmpty }

    /// The paths of all edits, in their order.
    public var paths: [Path] { removed + (defaults + forced + maxima).map(\.path) }

    /// The edited document.
    /// - Parameter document: a JSON object; anything else is returned unchanged.
    public func applied(to document: ArraySlice<UInt8>) -> [UInt8] {
        guard let value = JSONSlice(document: document), var object = EditedObject(value.bytes) else {
            return Array(document)
        }
        for path in removed { object.remove(path.segments[...]) }
        for edit in defaults { object.set(edit.path.segments[...], to: edit.value, onlyIfAbsent: true) }
        for edit in forced { object.set(edit.path.segments[...], to: edit.value, onlyIfAbsent: false) }
        for edit in maxima { object.limit(edit.path.segments[...], to: edit.value, edit.limitsNegativeNumbers) }
        var result: [UInt8] = []
        result.reserveCapacity(document.count + 64 * (defaults.count + forced.count))
        result += document[..<value.bytes.startIndex]
        object.write(to: &result)
        result += document[value.bytes.endIndex...]
        return result
    }
}

extension BodyEdits: CustomStringConvertible {
    /// `remove a; default b=1; force c=true; max d=10`.
    public var description: String {
        [
            ("remove", removed.map(\.description)), ("default", defaults.map(\.text)), ("force", forced.map(\.text)),
            ("max", maxima.map(\.text)),
        ]
        .filter { !$0.1.isEmpty }.map { "\($0.0) \($0.1.joined(separator: ", "))" }.joined(separator: "; ")
    }

    /// For `POST /v1/route`: each operation with its members.
    public var json: String {
        func object(_ edits: [Assignment]) -> String {
            let members = edits.map {
                "\(JSONString.encode($0.path.description)):\(String(decoding: $0.value, as: UTF8.self))"
            }
            return "{\(members.joined(separator: ","))}"
        }
        let removed = removed.map { JSONString.encode($0.description) }.joined(separator: ",")
        return "{\"remove\":[\(removed)],\"default\":\(object(defaults)),\"force\":\(object(forced)),"
            + "\"max\":\(object(maxima))}"
    }
}
