/// A token taken apart but not verified (RFC 7515 §7.1): nothing in it may be believed before `KeySet.verify`.
struct CompactToken: Sendable {
    /// Far above any real token (an Entra token with 200 groups has 8 KiB), far below what could be a burden.
    static let maximumSize = 16 << 10

    let header: JOSEHeader
    let payload: [UInt8]
    let signature: [UInt8]
    /// The bytes that were signed: header and payload as they came, with the dot between them.
    let signingInput: [UInt8]

    init(_ token: String) throws(TokenFault) {
        guard token.utf8.count <= Self.maximumSize else { throw .tooLarge }
        let bytes = Array(token.utf8)
        let segments = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard segments.count == 3 else { throw segments.count == 5 ? .encrypted : .notCompact }
        guard let header = Base64URL.decode(segments[0]),
            let payload = Base64URL.decode(segments[1]),
            let signature = Base64URL.decode(segments[2])
        else { throw .malformedEncoding }
        self.header = try JOSEHeader(json: header)
        self.payload = payload
        self.signature = signature
        signingInput = Array(bytes[..<segments[1].endIndex])
    }
}
