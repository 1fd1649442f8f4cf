import ContentCodings
import HTTPTypes
import Hummingbird
import NIOCore
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

    /// A body that is small enough to be held without being counted.
    /// - Throws: `requestTooLarge`, and what `intake` throws.
    func smallBody(of request: Request, limit: ByteCount) async throws -> ByteBuffer {
        var intake = try intake(for: request, limit: limit)
        var body = ByteBuffer()
        for try await chunk in request.body {
            try intake.receive(chunk) { piece throws(GatewayError) in body.writeImmutableBuffer(piece) }
        }
        try intake.finish()
        return body
    }
}
