import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore

/// A refusal by the simulated engine, as an OpenAI error object.
struct EngineError: Error, HTTPResponseError {
    let status: HTTPResponse.Status
    let message: String
    let type: String
    let param: String?
    let code: String

    static func invalid(_ message: String, param: String? = nil, code: String = "invalid_request") -> Self {
        Self(status: .badRequest, message: message, type: "invalid_request_error", param: param, code: code)
    }

    static func unknownModel(_ model: String) -> Self {
        Self(
            status: .notFound, message: "The model '\(model)' does not exist on this simulated engine.",
            type: "invalid_request_error", param: "model", code: "model_not_found")
    }

    static let queueFull = Self(
        status: .serviceUnavailable, message: "All slots are busy and the queue is full.", type: "server_error",
        param: nil, code: "queue_full")

    func response(from request: Request, context: some RequestContext) -> Response {
        let error: JSONText = [
            "message": .string(message), "type": .string(type), "param": param.map { .string($0) } ?? nil,
            "code": .string(code),
        ]
        return Response(status: status, json: ["error": error])
    }
}

extension Response {
    init(status: HTTPResponse.Status = .ok, json: JSONText) {
        self.init(
            status: status, headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: json.utf8)))
    }
}
