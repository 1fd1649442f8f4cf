/// A token split into its parts but not verified (RFC 7515 §7.1): its content must not be trusted before
/// `KeySet.verify`.
struct CompactToken: Sendable {
    /// In bytes. Far above any real token (an Entra token with 200 groups has 8 KiB), far below a size that costs
    /// noticeable time.
    static let maxSize = 16 << 10

    let header: JOSEHeader
    let payload: [UInt8]
    let signature: [UInt8]
    /// The signed bytes: header and payload as received, with the dot between them.
    let signingInput: [UInt8]

    init(_ token: String) throws(TokenFault) {
        guard token.utf8.count <= Self.maxSize else { throw .tooLarge }
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
