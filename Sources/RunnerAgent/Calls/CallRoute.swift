import ContentCodings
import NIOHTTP1
import Relay
import SimpleAICore

/// What the agent does with a request, by its head.
enum CallRoute {
    case respond(ControlResponse)
    case call(Endpoint)

    private static let readMethods = "GET, HEAD"

    init(_ head: HTTPRequestHead, _ services: CallServices) {
        do throws(CallRefusal) {
            self = try Self.route(head, services)
        } catch {
            self = .respond(ControlResponse(error))
        }
    }

    private static func route(_ head: HTTPRequestHead, _ services: CallServices) throws(CallRefusal) -> CallRoute {
        var single = SingleFields()
        for (name, _) in head.headers {
            if let name = single.repeated(name.utf8) { throw .repeatedField(name) }
        }
        let path = RequestTarget(head.uri).path
        let reads = head.method == .GET || head.method == .HEAD
        if path == "/health" {
            guard reads else { throw .methodNotAllowed(readMethods) }
            return .respond(
                ControlResponse(body: "{\"status\":\"ok\",\"active\":\(services.counts.total.active)}"))
        }
        guard services.admits(authorization: head.headers.first(name: "authorization")) else { throw .noSecret }
        if path == "/v1/models" {
            guard reads else { throw .methodNotAllowed(readMethods) }
            return .respond(ControlResponse(models: services.roster.models))
        }
        guard let endpoint = Endpoint(rawValue: path) else { throw .notFound }
        guard head.method == .POST else { throw .methodNotAllowed("POST") }
        guard ContentCoding.reading(head.headers["content-encoding"]) == .identity else { throw .encoded }
        return .call(endpoint)
    }
}
