import SimpleAICore

/// The fields of a multipart body that the gateway reads; a body may contain each of them once.
public enum MultipartField: String, CaseIterable, Sendable {
    case model, stream, language, n, size, user
    case responseFormat = "response_format"
}

/// What the gateway needs to know of a complete `multipart/form-data` body. All ranges are bytes of the whole body.
public struct MultipartForm: Hashable, Sendable {
    /// The value of the field `model`: 1 to `MultipartScanner.maxValueLength` bytes of UTF-8 without control characters.
    public let model: String
    /// Where it stands.
    public let modelRange: Range<Int>
    /// The digits of the Content-Length of the part `model`, which old clients send (OkHttp 4); nil if it has none.
    public let modelLengthRange: Range<Int>?
    /// Whether the caller wants a stream; false if the field is absent.
    public let streams: Bool
    /// The length of the whole body.
    public let length: Int
    /// Number of parts.
    public let partCount: Int
    /// Number of parts that are files.
    public let fileCount: Int
    /// In bytes, of all files together.
    public let fileLength: Int
    let boundary: MultipartBoundary
    let values: [MultipartField: String]
    /// All parts, in order.
    let parts: [MultipartPart]

    /// A field's value; nil if the field is absent.
    public subscript(field: MultipartField) -> String? { values[field] }
}

extension MultipartForm {
    init(
        _ fields: [MultipartField: MultipartScanner.FoundField], _ parts: [MultipartPart],
        boundary: MultipartBoundary, length: Int, totals: MultipartScanner.PartTotals
    ) throws(GatewayError) {
        guard let model = fields[.model] else { throw .missing(.model) }
        var values: [MultipartField: String] = [:]
        for (field, found) in fields { values[field] = found.value }
        self.init(
            model: model.value, modelRange: model.range, modelLengthRange: model.lengthRange,
            streams: try Self.boolean(values[.stream]), length: length, partCount: totals.count,
            fileCount: totals.fileCount, fileLength: totals.fileLength, boundary: boundary, values: values,
            parts: parts)
    }

    /// Clients write Booleans as `true`, `True` or `1`.
    private static func boolean(_ value: String?) throws(GatewayError) -> Bool {
        guard let value else { return false }
        let text = value.utf8.lowercased
        if text.elementsEqual("true".utf8) || text.elementsEqual("1".utf8) { return true }
        if text.elementsEqual("false".utf8) || text.elementsEqual("0".utf8) || text.isEmpty { return false }
        throw .multipart("The field \"stream\" must be true or false.", MultipartField.stream.rawValue)
    }
}

extension GatewayError {
    fileprivate static func missing(_ field: MultipartField) -> GatewayError {
        .multipart("The field \"\(field.rawValue)\" is missing.", field.rawValue)
    }
}
