import SimpleAICore

/// The header of one part, as far as it decides about the meaning of the part.
///
/// Refuses everything by which an engine could read another name or another end of the part than the gateway does.
struct PartHeader {
    static let maxNameLength = 128

    /// The field's name; empty before `Content-Disposition` was read.
    private(set) var name: [UInt8] = []
    /// The field's name if the gateway reads the field.
    private(set) var field: MultipartField?
    private(set) var isFile = false
    /// The part's own Content-Length, and where its digits stand in the body.
    private(set) var length: (value: Int, range: Range<Int>)?
    private var mediaType: ArraySlice<UInt8>?
    private var hasTransferEncoding = false

    /// The name for error messages; nil before it was read.
    var param: String? { name.isEmpty ? nil : String(decoding: name, as: UTF8.self) }

    /// Reads one line.
    /// - Parameters:
    ///   - line: without its line end, not empty.
    ///   - offset: of the line in the body.
    mutating func read(_ line: ArraySlice<UInt8>, at offset: Int) throws(GatewayError) {
        let name = line.prefix(while: Byte.isToken)
        let rest = line.dropFirst(name.count)
        // A line that begins with a space continues the previous one for some readers.
        guard !name.isEmpty, rest.first == UInt8(ascii: ":"), rest.allSatisfy(Byte.isInFieldValue) else {
            throw .multipart("A header line of a part is malformed.", param)
        }
        let value = rest.dropFirst().trimmingBlanks
        let key = name.lowercased
        if key.elementsEqual("content-disposition".utf8) {
            try readDisposition(value)
        } else if key.elementsEqual("content-type".utf8) {
            guard mediaType == nil else { throw .multipart("A part has two Content-Type headers.", param) }
            mediaType = value
        } else if key.elementsEqual("content-length".utf8) {
            let start = offset + (value.startIndex - line.startIndex)
            guard length == nil, 1...18 ~= value.count, value.allSatisfy({ 0x30...0x39 ~= $0 }),
                let number = Int(String(decoding: value, as: UTF8.self))
            else { throw .multipart("The Content-Length of a part is malformed.", param) }
            length = (number, start..<start + value.count)
        } else if key.elementsEqual("content-transfer-encoding".utf8) {
            // RFC 7578 §4.7: deprecated; some engines decode base64 and quoted-printable, others do not.
            guard !hasTransferEncoding,
                ["binary", "8bit", "7bit"].contains(where: { value.lowercased.elementsEqual($0.utf8) })
            else {
                throw .multipart("The Content-Transfer-Encoding of a part must be binary, or absent.", param)
            }
            hasTransferEncoding = true
        }
    }

    private mutating func readDisposition(_ value: ArraySlice<UInt8>) throws(GatewayError) {
        guard name.isEmpty else { throw .multipart("A part has two Content-Disposition headers.", param) }
        let parsed: ParameterizedValue
        do throws(ParameterizedValue.Fault) {
            parsed = try ParameterizedValue(value)
        } catch {
            throw .multipart("A Content-Disposition header is malformed or ambiguous.", nil)
        }
        guard parsed.type.elementsEqual("form-data".utf8) else {
            throw .multipart("The Content-Disposition of each part must be form-data.", nil)
        }
        // `name*` and `name*0` are other spellings of the name for some readers (RFC 2231); others match prefixes.
        for parameter in parsed.parameters
        where !["name", "filename", "filename*"].contains(where: { parameter.name.elementsEqual($0.utf8) }) {
            throw .multipart(
                "A Content-Disposition header has a parameter other than name, filename and filename*.", nil)
        }
        guard let name = parsed["name".utf8], 1...Self.maxNameLength ~= name.count, name.allSatisfy(Self.isInName)
        else {
            throw .multipart(
                "Each part must have a name of 1 to \(Self.maxNameLength) letters, digits and _-.[].", nil)
        }
        self.name = name
        isFile = parsed["filename".utf8] != nil || parsed["filename*".utf8] != nil
        field = MultipartField.allCases.first { name.elementsEqual($0.rawValue.utf8) }
        try refuseOtherSpellings()
    }

    /// Names that all readers take for the same: percent signs, backslashes, slashes, spaces and quotes are decoded,
    /// removed or kept, depending on the reader.
    private static func isInName(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "["), UInt8(ascii: "]"):
            true
        default: false
        }
    }

    /// `Model` and `model[]` are the field `model` for some readers. `_charset_` changes the charset of all fields for
    /// readers that follow RFC 7578 §4.6.
    private func refuseOtherSpellings() throws(GatewayError) {
        if name.elementsEqual("_charset_".utf8) {
            throw .multipart("The field \"_charset_\" is not supported. Send all fields in UTF-8.", param)
        }
        guard field == nil else { return }
        let base = name.prefix { $0 != UInt8(ascii: "[") }.lowercased
        if let field = MultipartField.allCases.first(where: { base.elementsEqual($0.rawValue.utf8) }) {
            throw .multipart("The name of a part must be spelled \"\(field.rawValue)\".", field.rawValue)
        }
    }

    /// Checks the header when it is complete.
    func finish() throws(GatewayError) {
        guard !name.isEmpty else { throw .multipart("A part has no Content-Disposition header.", nil) }
        let type = mediaType ?? []
        guard !type.prefix(10).lowercased.elementsEqual("multipart/".utf8) else {
            throw .multipart("A part must not be a multipart body itself.", param)
        }
        guard let field else { return }
        guard !isFile else { throw .multipart("The field \"\(field.rawValue)\" must not be a file.", param) }
        guard !type.isEmpty else { return }
        // A part of another type is a file for some readers, even without a file name.
        let parsed = try? ParameterizedValue(type)
        guard let parsed, parsed.type.elementsEqual("text/plain".utf8),
            parsed["charset".utf8].map({ isASCIICompatible($0) }) ?? true
        else {
            throw .multipart(
                "The Content-Type of the field \"\(field.rawValue)\" must be text/plain in UTF-8, or absent.", param)
        }
    }
}

extension GatewayError {
    static func multipart(_ message: String, _ param: String?) -> GatewayError {
        GatewayError(.invalidRequest, message, param: param)
    }
}
