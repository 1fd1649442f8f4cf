import ContentCodings
import HTTPTypes
import Hummingbird
import NIOCore
import Relay
import SimpleAICore

extension ControlHandlers {
    private static let contentEncoding = HTTPField.Name("content-encoding")

    /// Creates the reader of a request's body.
    /// - Throws: `unsupportedMediaType` for an unsupported content coding, `requestTooLarge` if `Content-Length`
    ///   exceeds the limit.
    func bodyReader(for request: Request, limit: ByteCount) throws(GatewayError) -> RequestBodyReader {
        if let error = RequestBodyReader.refusal(ofLength: request.headers[.contentLength], limit: limit) {
            throw error
        }
        switch ContentCoding.reading(Self.contentEncoding.map { request.headers[values: $0] } ?? []) {
        case .identity: return RequestBodyReader(nil, limit: limit)
        case .coded(let coding): return RequestBodyReader(coding, limit: limit)
        case .unsupported: throw .unsupportedCoding
        }
    }

    /// Reads a body on behalf of a caller. Until `use` has returned, the request counts against the limits of the
    /// caller and of its address, and the received bytes against their shares of memory.
    /// - Parameters:
    ///   - limit: the maximum length of the body, encoded and decoded.
    ///   - append: called with each decoded piece; an error ends the read.
    ///   - use: called when the body is complete.
    /// - Throws: `GatewayError`, and the errors of `use`.
    func withBody<Value>(
        of request: Request, _ context: ControlContext, by caller: Caller, counting: CallLimiter.Counting,
        upTo limit: ByteCount, _ append: (ByteBuffer) throws(GatewayError) -> Void, then use: () throws -> Value
    ) async throws -> Value {
        var reader = try bodyReader(for: request, limit: limit)
        let rules = services.rules
        let client = client(of: request, context)
        var admission: CallLimiter.Admission?
        switch services.limiter.begin(caller, from: client, under: rules.access.limits, counting: counting) {
        case nil: break
        case .admitted(let admitted, _): admission = admitted
        case .refused(let error, _): throw error
        }
        defer { if let admission { services.limiter.end(admission, tokens: 0) } }
        let memory = services.budget.share(for: caller.id, from: rules.access.shareHolder(of: client))
        var reserved = 0
        defer { memory.release(reserved) }
        func reserve(_ bytes: Int) throws(GatewayError) {
            if let error = memory.reserve(bytes).memoryRefusal(for: "request bodies") {
                services.admissions.shareWasRefused(.memory)
                throw error
            }
            reserved += bytes
        }
        try reserve(reader.decoderMemory)
        for try await part in request.body {
            try reader.append(part)
            // Other tasks may run between two slices.
            while try reader.take(
                atMost: DecodingQueue.slice,
                { piece throws(GatewayError) in
                    try reserve(piece.readableBytes)
                    try append(piece)
                })
            {
                await Task.yield()
            }
        }
        try reader.finish()
        return try use()
    }
}
