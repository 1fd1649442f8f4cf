import NIOCore
import NIOHTTP1
import Relay
import SimpleAICore

/// A response of the agent itself, not of an engine.
struct ControlResponse {
    var status: HTTPResponseStatus = .ok
    var body: String
    var fields: [(name: String, value: String)] = []
    /// The error code of a refusal; its header field marks the response as the agent's own.
    var code: GatewayError.Code?

    init(body: String) { self.body = body }

    init(_ refusal: CallRefusal) {
        (status, body, fields, code) = (refusal.status, refusal.body.json, refusal.fields, refusal.code)
    }

    /// The models that a call can name, as a list of OpenAI's API.
    init(models: [String]) {
        let entries = models.map {
            "{\"id\":\(JSONString.encode($0)),\"object\":\"model\",\"created\":0,\"owned_by\":\"runner\"}"
        }
        body = "{\"object\":\"list\",\"data\":[\(entries.joined(separator: ","))]}"
    }

    var head: HTTPResponseHead {
        var headers: HTTPHeaders = ["Content-Type": "application/json", "Content-Length": String(body.utf8.count)]
        for (name, value) in fields { headers.add(name: name, value: value) }
        if let code { headers.add(name: AgentError.header, value: code.rawValue) }
        return HTTPResponseHead(version: .http1_1, status: status, headers: headers)
    }
}
