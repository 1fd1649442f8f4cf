package import ContentCodings
package import NIOCore
package import SimpleAICore

/// Reads a request body as it arrives: removes the content coding, and limits the received and the decoded length.
package struct RequestBodyReader {
    private let limit: ByteCount
    private let decoder: ContentDecoder?
    private var encodedBytes = 0
    private var decodedBytes = 0
    /// The received bytes of a body without a coding.
    private var plain: ByteBuffer?

    /// - Parameters:
    ///   - coding: nil for none.
    ///   - limit: the maximum length of the body, encoded and decoded.
    package init(_ coding: ContentCoding?, limit: ByteCount) {
        self.limit = limit
        decoder = coding.map(ContentDecoder.init)
    }

    /// Memory of the decoder in bytes, in addition to the body's.
    /// - Parameter length: the value of Content-Length; nil or no number for none.
    /// - Returns: the error for a head that states a longer body than the limit.
    package static func refusal(ofLength length: String?, limit: ByteCount) -> GatewayError? {
        guard let length = length.flatMap({ Int($0) }), length > limit.bytes else { return nil }
        return .tooLarge(limit)
    }

    package var decoderMemory: Int { decoder == nil ? 0 : ContentDecoder.memory }

    /// Appends the next received bytes of the body.
    /// - Throws: `requestTooLarge`.
    package mutating func append(_ bytes: ByteBuffer) throws(GatewayError) {
        encodedBytes += bytes.readableBytes
        guard encodedBytes <= limit.bytes else { throw .tooLarge(limit) }
        if let decoder { decoder.append(bytes.readableBytesView) } else { plain.setOrWriteImmutableBuffer(bytes) }
    }

    /// Decodes the received bytes: all of them without a coding, at most one slice of an encoded body.
    /// - Parameters:
    ///   - size: of the slice, in decoded bytes; its last piece may exceed it.
    ///   - use: called with each decoded piece; an error ends the read.
    /// - Returns: whether more can be decoded without further input.
    /// - Throws: `requestTooLarge`, `invalidRequest`, and the errors of `use`.
    package mutating func take(
        atMost size: Int, _ use: (ByteBuffer) throws(GatewayError) -> Void
    ) throws(GatewayError) -> Bool {
        guard let decoder else {
            guard let bytes = plain.take() else { return false }
            try use(bytes)
            return false
        }
        var taken = 0
        while taken < size {
            guard let piece = try next(decoder) else { return false }
            taken += piece.count
            decodedBytes += piece.count
            guard decodedBytes <= limit.bytes else { throw .tooLarge(limit) }
            try use(ByteBuffer(bytes: piece))
        }
        return true
    }

    /// Checks that the body is complete.
    package func finish() throws(GatewayError) {
        guard let decoder else { return }
        do throws(ContentDecoder.Fault) {
            try decoder.finish()
        } catch {
            throw GatewayError(error)
        }
    }

    private func next(_ decoder: ContentDecoder) throws(GatewayError) -> ArraySlice<UInt8>? {
        do throws(ContentDecoder.Fault) {
            return try decoder.next()
        } catch {
            throw GatewayError(error)
        }
    }
}

extension GatewayError {
    package static func tooLarge(_ limit: ByteCount) -> GatewayError {
        GatewayError(.requestTooLarge, "The request body exceeds the limit of \(limit).")
    }

    /// The response states the supported codings in `Accept-Encoding` (RFC 7694).
    package static let unsupportedCoding = GatewayError(
        .unsupportedMediaType,
        "Unsupported Content-Encoding. Use identity, gzip or deflate, once.",
        param: contentEncoding)

    package init(_ fault: ContentDecoder.Fault) {
        switch fault {
        case .malformed:
            self.init(
                .invalidRequest, "The request body does not match its Content-Encoding.",
                param: Self.contentEncoding)
        case .truncated:
            self.init(
                .invalidRequest, "The encoded request body is truncated.",
                param: Self.contentEncoding)
        case .noMemory:
            self.init(
                .queueFull, "The gateway has no memory left to decode the request body. Retry later.",
                retry: .after(.seconds(5)))
        }
    }
}
