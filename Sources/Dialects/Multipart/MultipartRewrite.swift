public import SimpleAICore

/// Replaces the model's name, and the fields that parameters change, in a multipart body while it is sent in pieces.
public struct MultipartRewrite: Hashable, Sendable {
    /// A part of the bytes to send.
    public enum Segment: Hashable, Sendable {
        /// These bytes of the original body.
        case original(Range<Int>)
        case replacement([UInt8])
    }

    private struct Edit: Hashable, Sendable {
        let range: Range<Int>
        let bytes: [UInt8]
    }

    /// In order, not overlapping, none empty.
    private let edits: [Edit]
    /// The length of the original body.
    public let originalLength: Int
    /// The length of the body that is sent, for Content-Length.
    public let contentLength: Int

    /// Replaces nothing.
    /// - Parameter length: of the body.
    public init(length: Int) {
        (edits, originalLength, contentLength) = ([], length, length)
    }

    /// - Parameters:
    ///   - model: the engine's own name of the model, valid as a name (`NameFault`).
    ///   - parameters: changes of the other fields; nil for none.
    /// - Throws: `invalidRequest` if a value contains the boundary that the caller chose.
    public init(_ form: MultipartForm, model: String, parameters: BodyEdits? = nil) throws(GatewayError) {
        let name = Array(model.utf8)
        var edits = [Edit(range: form.modelRange, bytes: name)]
        if let range = form.modelLengthRange { edits.append(Edit(range: range, bytes: Array(String(name.count).utf8))) }
        if let parameters {
            let delimiter = form.boundary.delimiter
            guard let changes = FormEdits(form, parameters).replacements(delimiter: delimiter) else { throw .boundary }
            edits += changes.map { Edit(range: $0.range, bytes: $0.bytes) }
        }
        guard !name.contains(form.boundary.delimiter) else { throw .boundary }
        self.edits = edits.sorted { $0.range.lowerBound < $1.range.lowerBound }
        originalLength = form.length
        contentLength = form.length + edits.reduce(0) { $0 + $1.bytes.count - $1.range.count }
    }

    /// What to send for these bytes of the original body, in order. A replacement belongs to the first byte that it
    /// replaces, so any cut of the body gives the same bytes.
    public func segments(of piece: Range<Int>) -> [Segment] {
        var segments: [Segment] = []
        var position = piece.lowerBound
        for edit in edits where edit.range.upperBound > piece.lowerBound && edit.range.lowerBound < piece.upperBound {
            if position < edit.range.lowerBound { segments.append(.original(position..<edit.range.lowerBound)) }
            if edit.range.lowerBound >= piece.lowerBound { segments.append(.replacement(edit.bytes)) }
            position = min(edit.range.upperBound, piece.upperBound)
        }
        if position < piece.upperBound { segments.append(.original(position..<piece.upperBound)) }
        return segments
    }
}

extension GatewayError {
    fileprivate static let boundary = GatewayError(
        .invalidRequest,
        "A value that the gateway writes contains the boundary of the multipart body. Use another boundary.",
        param: MultipartBoundary.contentType)
}
