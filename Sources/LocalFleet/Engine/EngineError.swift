import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import SimpleAICore

/// A refusal by the simulated engine, in the form of the API that was called.
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

    static let damagedModel = Self(
        status: .internalServerError, message: "the model file is damaged", type: "server_error", param: nil,
        code: "model_damaged")

    func response(from request: Request, context: some RequestContext) -> Response {
        let message = JSONText.string(message)
        switch Endpoint(rawValue: request.uri.path)?.dialect {
        case .anthropic:
            return Response(
                status: status, json: ["type": "error", "error": ["type": anthropicType, "message": message]])
        case .ollama: return Response(status: status, json: ["error": message])
        case .openAI, nil: break
        }
        let error: JSONText = [
            "message": message, "type": .string(type), "param": param.map { .string($0) } ?? nil,
            "code": .string(code),
        ]
        return Response(status: status, json: ["error": error])
    }

    private var anthropicType: JSONText {
        switch status {
        case .notFound: "not_found_error"
        case .serviceUnavailable: "overloaded_error"
        case .badRequest: "invalid_request_error"
        default: "api_error"
        }
    }
}

extension HTTPField.Name {
    /// Marks a response as simulated, also one without text.
    static let simulated: Self = {
        guard let name = Self("X-Simulated") else { preconditionFailure("the name of a header field is valid") }
        return name
    }()
}

extension Response {
    init(status: HTTPResponse.Status = .ok, json: JSONText) {
        self.init(status: status, bytes: json.utf8, mediaType: "application/json")
    }

    init(text: String, mediaType: String) {
        self.init(status: .ok, bytes: Array(text.utf8), mediaType: mediaType)
    }

    private init(status: HTTPResponse.Status, bytes: [UInt8], mediaType: String) {
        self.init(
            status: status, headers: [.contentType: mediaType, .simulated: "true"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}
