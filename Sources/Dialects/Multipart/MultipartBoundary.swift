public import SimpleAICore

/// The boundary of a `multipart/form-data` body (RFC 2046 §5.1.1, RFC 7578 §4.1), from its Content-Type.
public struct MultipartBoundary: Hashable, Sendable {
    /// In bytes.
    static let maxLength = 70
    static let contentType = "Content-Type"

    /// Two dashes and the boundary: the beginning of each delimiter line.
    let delimiter: [UInt8]

    /// Whether a media type is `multipart/form-data`, with any parameters.
    public static func isFormData(_ contentType: String) -> Bool {
        ArraySlice(contentType.utf8).prefix { $0 != UInt8(ascii: ";") }.trimmingBlanks.lowercased
            .elementsEqual("multipart/form-data".utf8)
    }

    /// - Parameter contentType: the field value; nil if the request has none.
    /// - Throws: `unsupportedMediaType` for another media type, `invalidRequest` for a boundary or a charset about which
    ///   servers disagree; both name `Content-Type`.
    public init(contentType: String?) throws(GatewayError) {
        guard let contentType, Self.isFormData(contentType) else {
            throw GatewayError(
                .unsupportedMediaType, "This endpoint requires a body of the type multipart/form-data.",
                param: Self.contentType)
        }
        let value: ParameterizedValue
        do throws(ParameterizedValue.Fault) {
            value = try ParameterizedValue(ArraySlice(contentType.utf8))
        } catch {
            throw .boundary
        }
        // `boundary*` and `boundary*0` are other spellings of it for some readers (RFC 2231).
        let spellings = value.parameters.filter { $0.name.starts(with: "boundary".utf8) }
        guard spellings.count == 1, let boundary = value["boundary".utf8], 1...Self.maxLength ~= boundary.count,
            boundary.allSatisfy(Self.isAllowed)
        else { throw .boundary }
        // Servers decode the names of the parts with it.
        guard value["charset".utf8].map({ isASCIICompatible($0) }) ?? true else { throw .charset }
        delimiter = [UInt8(ascii: "-"), UInt8(ascii: "-")] + boundary
    }

    /// The characters of RFC 2046 without the space, which readers trim, and without `=`, at which cpp-httplib before
    /// 2026-09 splits even a quoted boundary.
    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "'"), UInt8(ascii: "("), UInt8(ascii: ")"),
            UInt8(ascii: "+"), UInt8(ascii: "_"), UInt8(ascii: ","), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "/"), UInt8(ascii: ":"), UInt8(ascii: "?"):
            true
        default: false
        }
    }
}

/// Whether ASCII text has the same bytes in the charset as in UTF-8.
func isASCIICompatible(_ charset: [UInt8]) -> Bool {
    ["utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1"].contains { charset.lowercased.elementsEqual($0.utf8) }
}

extension GatewayError {
    fileprivate static let boundary = GatewayError(
        .invalidRequest,
        "The Content-Type must state one boundary of 1 to \(MultipartBoundary.maxLength) letters, digits and "
            + "'()+_,-./:? (in quotes if it contains more than letters, digits and '+_-.).",
        param: MultipartBoundary.contentType)
    fileprivate static let charset = GatewayError(
        .invalidRequest, "The charset of a multipart body must be utf-8, us-ascii or iso-8859-1.",
        param: MultipartBoundary.contentType)
}
