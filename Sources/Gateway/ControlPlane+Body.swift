import ContentCodings
import HTTPTypes
import Hummingbird
import NIOCore
import Relay
import SimpleAICore

extension ControlPlane {
    private static let contentEncoding = HTTPField.Name("content-encoding")

    /// How a request's body comes in: what every route with a body reads it through.
    /// - Throws: `unsupportedMediaType` for a content coding that is not supported, `requestTooLarge` if the head says so.
    func intake(for request: Request, limit: ByteCount) throws(GatewayError) -> BodyIntake {
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limit.bytes {
            throw .tooLarge(limit)
        }
        switch ContentCoding.reading(Self.contentEncoding.map { request.headers[values: $0] } ?? []) {
        case .identity: return BodyIntake(nil, limit: limit)
        case .coded(let coding): return BodyIntake(coding, limit: limit)
        case .unsupported: throw .unsupportedCoding
        }
    }

    /// Reads a body on behalf of a caller. Until `use` has returned, the request counts against the limits of the caller
    /// and of its address, and what has been read against their shares of memory.
    /// - Parameters:
    ///   - limit: of the body.
    ///   - append: gets each piece as it comes; what it throws ends the reading.
    ///   - use: what is done with the body.
    /// - Throws: `GatewayError`, and what `use` throws.
    func withBody<Value>(
        of request: Request, _ context: ControlContext, by caller: Caller, counting: CallLimiter.Counting,
        upTo limit: ByteCount, _ append: (ByteBuffer) throws(GatewayError) -> Void, then use: () throws -> Value
    ) async throws -> Value {
        var intake = try intake(for: request, limit: limit)
        let rules = gateway.rules
        let client = client(of: request, context)
        var admission: CallLimiter.Admission?
        switch gateway.limiter.begin(caller, from: client, under: rules.limits, counting: counting) {
        case nil: break
        case .admitted(let admitted, _): admission = admitted
        case .refused(let error, _): throw error
        }
        defer { if let admission { gateway.limiter.end(admission, tokens: 0) } }
        let memory = gateway.budget.share(for: caller.id, from: rules.shareHolder(of: client))
        var reserved = 0
        defer { memory.giveBack(reserved) }
        func reserve(_ bytes: Int) throws(GatewayError) {
            if let error = memory.reserve(bytes).memoryRefusal(for: "request bodies") {
                gateway.metrics.shareWasRefused(.memory)
                throw error
            }
            reserved += bytes
        }
        try reserve(intake.ownMemory)
        for try await chunk in request.body {
            try intake.append(chunk)
            // Between two slices others may have this thread.
            while try intake.take(
                atMost: DecodingTurns.slice,
                { piece throws(GatewayError) in
                    try reserve(piece.readableBytes)
                    try append(piece)
                })
            {
                await Task.yield()
            }
        }
        try intake.finish()
        return try use()
    }
}
