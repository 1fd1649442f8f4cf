import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import NetworkErrors
import SimpleAICore

/// One request in progress at a simulated engine.
struct EngineWork {
    let engine: SimulatedEngine
    let endpoint: Endpoint
    let request: InferenceRequest
    /// The body of a request in `multipart/form-data`.
    let form: MultipartForm?
    let model: String
    let client: ClientConnectionMonitor
    let pace: EnginePace

    var seed: UInt64 { engine.options.seed }
    var promptTokens: Int { SimulatedResponse.tokenCount(of: request.promptTexts) }

    /// Reads the request.
    /// - Throws: `EngineError` if it is no request of this endpoint, or its model is unknown.
    init(_ received: Request, _ context: EngineContext, at endpoint: Endpoint, engine: SimulatedEngine) async throws {
        let body = try await received.body.collect(upTo: engine.options.maxBody.bytes)
        let contentType = received.headers[.contentType] ?? ""
        let isForm = contentType.lowercased().hasPrefix("multipart/form-data")
        form = isForm ? MultipartForm(Array(body.readableBytesView), contentType: contentType) : nil
        switch endpoint.bodyKind {
        case .multipart where form == nil, .either where isForm && form == nil:
            engine.remember(received, body)
            throw EngineError.invalid("The body must be a form in multipart/form-data.", code: "invalid_form")
        default: break
        }
        if let form {
            request = InferenceRequest(form)
        } else {
            do {
                request = try JSONDecoder().decode(InferenceRequest.self, from: Data(body.readableBytesView))
            } catch {
                engine.remember(received, body)
                throw EngineError.invalid(
                    "Invalid JSON for this endpoint: \(NetworkErrorText.of(error)).", code: "invalid_json")
            }
        }
        // A request to load or unload a model is no inference.
        if !request.isLoadRequest(at: endpoint) { engine.remember(received, body) }
        guard let model = request.model else { throw EngineError.invalid("'model' is missing.", param: "model") }
        guard engine.models.contains(ModelID(model)) else { throw EngineError.unknownModel(model) }
        guard let client = engine.connections.monitor(on: context.channel) else { throw ClientDisconnected() }
        self.engine = engine
        self.endpoint = endpoint
        self.model = model
        self.client = client
        pace = engine.pace
    }

    // MARK: Text

    func respond<Format: ResponseFormat>(as format: Format.Type) async throws -> Response {
        try await respond(
            as: format, SimulatedResponse(to: request.promptTexts, seed: seed, limit: request.tokenLimit))
    }

    func respond<Format: ResponseFormat>(
        as format: Format.Type, streams: Bool = false, _ simulatedResponse: SimulatedResponse
    ) async throws -> Response {
        if let limit = request.tokenLimit, limit < 1 {
            throw EngineError.invalid("The token limit must be at least 1.", param: "max_tokens")
        }
        let format = Format(envelope)
        let (lease, start) = try await begin()
        if request.stream ?? streams {
            let units = format.units(simulatedResponse)
            return stream(
                of: Format.streamType, format.opening(simulatedResponse), units.count,
                format.closing(simulatedResponse),
                lease, start
            ) { units[$0] }
        }
        try await client.pause(until: start + .init(pace.time(toToken: simulatedResponse.tokenCount)))
        lease.markServed()
        return Response(json: format.document(simulatedResponse))
    }

    var envelope: ResponseEnvelope {
        ResponseEnvelope(
            id: engine.nextResponseID(), created: Int(Date().timeIntervalSince1970), model: model,
            promptTokens: promptTokens, includesUsage: request.streamOptions?.includeUsage ?? false, pace: pace)
    }

    func embed() async throws -> Response {
        guard request.input != nil else { throw EngineError.invalid("'input' is missing.", param: "input") }
        try checkDimensions()
        return try await document(Embedding.list(for: request, model: model, seed: seed))
    }

    func checkDimensions() throws {
        guard (1...4096).contains(request.dimensions ?? 64) else {
            throw EngineError.invalid("'dimensions' must be between 1 and 4096.", param: "dimensions")
        }
    }

    func rank() async throws -> Response {
        guard let query = request.query else { throw EngineError.invalid("'query' is missing.", param: "query") }
        guard let documents = request.documents?.texts, !documents.isEmpty else {
            throw EngineError.invalid("'documents' is missing.", param: "documents")
        }
        if let limit = request.topN, limit < 1 {
            throw EngineError.invalid("'top_n' must be at least 1.", param: "top_n")
        }
        let ranking = Ranking(documents, query: query, seed: seed, limit: request.topN)
        let id = engine.nextResponseID()
        return try await document(
            ranking.document(id: id, model: model, withDocuments: request.returnDocuments ?? false))
    }

    // MARK: Slots and pace

    /// Waits for the model and a slot, and until the first token; a real engine, too, sends the head with it.
    func begin() async throws -> (lease: EngineSlots.Lease, start: NIODeadline) {
        let lease = try await engine.lease(for: client, use: try await engine.memory.use(ModelID(model)))
        let start = NIODeadline.now()
        try await client.pause(until: start + .init(pace.timeToFirstToken))
        return (lease, start)
    }

    func document(_ document: @autoclosure () -> JSONText) async throws -> Response {
        let (lease, _) = try await begin()
        let response = Response(json: document())
        lease.markServed()
        return response
    }

    /// A response that is sent unit by unit, at the engine's pace.
    func stream(
        of mediaType: String, _ opening: [StreamPart], _ count: Int, _ closing: [StreamPart],
        _ lease: EngineSlots.Lease, _ start: NIODeadline, unit: @escaping @Sendable (Int) -> [StreamPart]
    ) -> Response {
        let (client, pace) = (client, pace)
        return Response(
            status: .ok, headers: [.contentType: mediaType, .cacheControl: "no-cache", .simulated: "true"],
            body: ResponseBody { writer in
                try await Self.send(opening, to: &writer)
                for index in 0..<count {
                    // Relative to the start rather than to the previous unit, so that one delay does not slow down the
                    // others.
                    try await client.pause(until: start + .init(pace.time(toToken: index)))
                    try await Self.send(unit(index), to: &writer)
                }
                try await Self.send(closing, to: &writer)
                lease.markServed()
                try await writer.finish(nil)
            })
    }

    private static func send(_ parts: [StreamPart], to writer: inout any ResponseBodyWriter) async throws {
        guard !parts.isEmpty else { return }
        try await writer.write(ByteBuffer(bytes: parts.flatMap(\.bytes)))
    }
}
