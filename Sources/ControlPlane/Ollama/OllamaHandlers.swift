import Dialects
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import SimpleAICore

/// The endpoints of Ollama's API that describe models, with the rights of the caller. They list models on sleeping machines,
/// too, and no machine can delay them.
struct OllamaHandlers: Sendable {
    let control: ControlHandlers

    /// Ollama's clients recognize a server by this text.
    static func greeting() -> Response {
        Response(
            status: .ok, headers: [.contentType: "text/plain; charset=utf-8"],
            body: .init(byteBuffer: ByteBuffer(string: OllamaEndpoint.greeting)))
    }

    static func version() -> Response { json(OllamaModelDocuments.version()) }

    func tags(for request: Request, _ context: ControlContext) async throws -> Response {
        let list = try await control.list(for: request, context)
        return Self.json(OllamaModelDocuments.tags(list.entries.map(Self.model)))
    }

    /// The models in memory.
    func loadedModels(for request: Request, _ context: ControlContext) async throws -> Response {
        let list = try await control.list(for: request, context)
        let loaded = list.entries.filter { $0.state == .ready && $0.members == nil }
        return Self.json(OllamaModelDocuments.ps(loaded.map { OllamaLoadedModel(model: Self.model($0)) }))
    }

    func show(for request: Request, _ context: ControlContext) async throws -> Response {
        let caller = try await control.caller(of: request, context)
        var body: [UInt8] = []
        let id = try await control.withBody(
            of: request, context, by: caller, counting: .query, upTo: Self.maxShowBody
        ) { piece throws(GatewayError) in
            body += piece.readableBytesView
        } then: {
            try OllamaModelDocuments.shownModel(in: body[...])
        }
        guard let entry = control.list(for: caller).entry(for: id) else {
            throw GatewayError(
                .modelNotFound, "Unknown model \"\(id)\". GET /api/tags lists the models you can use.", param: "model")
        }
        return Self.json(OllamaModelDocuments.show(Self.model(entry)))
    }

    /// The body contains a name and a few options.
    private static let maxShowBody = ByteCount(bytes: 64 << 10)

    /// Refuses an endpoint that changes the models of a machine.
    func refuse(_ request: Request, _ context: ControlContext) async throws -> Response {
        _ = try await control.caller(of: request, context)
        let message = OllamaEndpoint(path: request.uri.path)?.unsupportedMessage
        throw GatewayError(
            .endpointNotSupported,
            message ?? "The gateway does not serve \(request.uri.path). Manage models on their machines.")
    }

    private static func model(_ entry: ModelList.Entry) -> OllamaModel {
        OllamaModel(
            id: entry.id, modifiedAt: modifiedAt, capabilities: capabilities(of: entry),
            contextLength: entry.contextLength)
    }

    /// In Ollama's words. Clients offer only what is listed, so a model whose engine does not state its kind counts as one
    /// for chats with tools, unless its name suggests another kind.
    static func capabilities(of entry: ModelList.Entry) -> [String] {
        var capabilities = entry.capabilities
        if capabilities.isDisjoint(with: ModelCapability.ofEndpoints) {
            let suggested = entry.members == nil ? ModelCapability.suggested(by: entry.id) : nil
            capabilities.formUnion(suggested.map { [$0] } ?? [.chat, .tools])
        }
        return words.filter { capabilities.contains($0.0) }.map(\.1)
    }

    private static let words: [(ModelCapability, String)] = [
        (.chat, "completion"), (.tools, "tools"), (.vision, "vision"), (.thinking, "thinking"),
        (.embedding, "embedding"),
    ]

    /// The modification time of a model is unknown, so it is the start of this process.
    private static let modifiedAt = Timestamp.string(seconds: ModelList.created, nanoseconds: 0)

    private static func json(_ bytes: [UInt8]) -> Response {
        Response(
            status: .ok, headers: [.contentType: "application/json"],
            body: .init(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}

extension Routes {
    /// Ollama's API, without the inference endpoints.
    static let ollama: [Route] =
        [
            Route(
                method: .get, pattern: "/", access: .allClients,
                summary: "the text by which Ollama's clients recognize a server"
            ) { _ in { _, _ in OllamaHandlers.greeting() } },
            Route(method: .get, pattern: "/api/version", access: .allClients, summary: "the version of Ollama's API") {
                _ in { _, _ in OllamaHandlers.version() }
            },
            Route(
                method: .get, pattern: "/api/tags", access: .callers,
                summary: "the models of the caller, for Ollama's clients"
            ) { control in { try await OllamaHandlers(control: control).tags(for: $0, $1) } },
            Route(
                method: .get, pattern: "/api/ps", access: .callers,
                summary: "the models of the caller that are in memory, for Ollama's clients"
            ) { control in { try await OllamaHandlers(control: control).loadedModels(for: $0, $1) } },
            Route(method: .post, pattern: "/api/show", access: .callers, summary: "one model, for Ollama's clients") {
                control in
                { try await OllamaHandlers(control: control).show(for: $0, $1) }
            },
            unsupported(.delete, "/api/delete"),
        ] + ["pull", "push", "create", "copy", "blobs/*"].map { unsupported(.post, "/api/\($0)") }

    private static func unsupported(_ method: HTTPRequest.Method, _ pattern: String) -> Route {
        Route(
            method: method, pattern: pattern, access: .callers, summary: "501: models are managed on their machines"
        ) { control in { try await OllamaHandlers(control: control).refuse($0, $1) } }
    }
}
