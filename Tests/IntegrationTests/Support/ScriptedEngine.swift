import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import Testing

@testable import LocalFleet

/// An engine that sends exactly the bytes that a test gives it, disconnects where the test says, and counts.
///
/// It responds to requests for its model list (the gateway's probe) by itself, unless a test scripts them, too.
final class ScriptedEngine: Sendable {
    struct Request: Sendable {
        var method = ""
        var path = ""
        var fields: [(name: String, value: String)] = []
        var body = ""

        func all(_ name: String) -> [String] {
            fields.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
        }
        subscript(_ name: String) -> String? { all(name).first }
    }

    struct Counts: Sendable {
        var requests: [Request] = []
        /// Connections that carried at least one request that was no probe.
        var connections = 0
        /// The number of clients that disconnected before their exchange was over.
        var departures = 0
    }

    /// Handles one request. The connection is kept when it returns.
    typealias Script = @Sendable (Request, Wire) async throws -> Void

    let port: Int
    let counts = Watched(Counts())
    private let listener: any Channel
    private let accepted: AsyncStream<Wire>
    private let models: [String]
    private let probe: Script?
    private let readsBodies: Bool
    private let script: Script

    /// - Parameters:
    ///   - readsBodies: false for a script that receives a request's head, and reads the body itself.
    ///   - tls: nil for plain HTTP.
    init(
        models: [String] = ["m"], probe: Script? = nil, readsBodies: Bool = true, tls: NIOSSLContext? = nil,
        _ script: @escaping Script
    ) async throws {
        let (accepted, accept) = AsyncStream.makeStream(of: Wire.self)
        listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 256)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                    accept.yield(try Wire.install(on: channel))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = listener.localAddress?.port ?? 0
        self.accepted = accepted
        self.models = models
        self.probe = probe
        self.readsBodies = readsBodies
        self.script = script
    }

    /// One of the requests that are not probes, counted from 0.
    func request(_ index: Int) throws -> Request { try #require(counts.value.requests.dropFirst(index).first) }

    /// Serves until it is cancelled.
    func run() async throws {
        await withTaskGroup { group in
            for await wire in accepted {
                group.addTask { await self.serve(wire) }
            }
            group.cancelAll()
        }
        await stopListening()
    }

    /// Refuses new connections.
    func stopListening() async { try? await listener.close() }

    private func serve(_ wire: Wire) async {
        var isCounted = false
        do {
            while let request = try await request(from: wire) {
                if request.method == "GET" {
                    if let probe { try await probe(request, wire) } else { try await listModels(on: wire) }
                    continue
                }
                counts.update { [isCounted] in
                    $0.requests.append(request)
                    if !isCounted { $0.connections += 1 }
                }
                isCounted = true
                try await script(request, wire)
            }
        } catch {
            // The client has disconnected in the middle, or the test is over.
            if isCounted { counts.update { $0.departures += 1 } }
        }
        await wire.close()
    }

    private func listModels(on wire: Wire) async throws {
        let list = models.map { "{\"id\":\"\($0)\",\"object\":\"model\"}" }.joined(separator: ",")
        try await wire.send(Self.document("{\"object\":\"list\",\"data\":[\(list)]}"))
    }

    /// Nil if the client closes between requests.
    private func request(from wire: Wire) async throws -> Request? {
        let readsBodies = readsBodies
        let state = try await wire.state.value { Self.parse($0.received, readsBodies) != nil || $0.hasEnded }
        guard let (request, length) = Self.parse(state.received, readsBodies) else { return nil }
        wire.state.update { $0.received.removeFirst(length) }
        return request
    }

    private static func parse(_ bytes: [UInt8], _ readsBodies: Bool) -> (Request, Int)? {
        let text = String(decoding: bytes, as: UTF8.self)
        guard let end = text.range(of: "\r\n\r\n") else { return nil }
        let lines = text[..<end.lowerBound].components(separatedBy: "\r\n")
        var request = Request()
        let first = (lines.first ?? "").split(separator: " ")
        guard first.count == 3 else { return nil }
        (request.method, request.path) = (String(first[0]), String(first[1]))
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            request.fields.append((String(parts[0]), parts[1].trimmingCharacters(in: .whitespaces)))
        }
        let head = text[..<end.upperBound].utf8.count
        guard readsBodies else { return (request, head) }
        let length = request["content-length"].flatMap { Int($0) } ?? 0
        guard bytes.count >= head + length else { return nil }
        request.body = String(decoding: bytes[head..<head + length], as: UTF8.self)
        return (request, head + length)
    }

    // MARK: Responses

    static func document(_ body: String, status: String = "200 OK", fields: String = "") -> String {
        "HTTP/1.1 \(status)\r\nContent-Type: application/json\r\n\(fields)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    static let streamHead =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

    static func chunk(_ text: String) -> String {
        "\(String(text.utf8.count, radix: 16))\r\n\(text)\r\n"
    }

    static let lastChunk = "0\r\n\r\n"

    /// A complete response to a chat.
    static func completion(_ content: String = "hello", model: String = "m") -> String {
        "{\"id\":\"c\",\"object\":\"chat.completion\",\"model\":\"\(model)\",\"choices\":[{\"index\":0,\"message\":"
            + "{\"role\":\"assistant\",\"content\":\"\(content)\"},\"finish_reason\":\"stop\"}]}"
    }

    /// The events of a streamed chat with `tokens` tokens, `[DONE]` included.
    static func events(tokens: Int = 3, model: String = "m", usage: Bool = false) -> [String] {
        func event(_ delta: String, _ reason: String) -> String {
            "data: {\"id\":\"c\",\"model\":\"\(model)\",\"choices\":[{\"index\":0,\"delta\":\(delta),"
                + "\"finish_reason\":\(reason)}]}\n\n"
        }
        let usageEvent =
            "data: {\"id\":\"c\",\"model\":\"\(model)\",\"choices\":[],"
            + "\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":\(tokens)}}\n\n"
        return (0..<tokens).map { event("{\"content\":\"t\($0)\"}", "null") } + [event("{}", "\"stop\"")]
            + (usage ? [usageEvent] : []) + ["data: [DONE]\n\n"]
    }

    /// Responds with a document or a stream, as requested.
    static let wellBehaved: Script = { request, wire in
        guard request.body.contains("\"stream\":true") else { return try await wire.send(document(completion())) }
        let usage = request.body.contains("\"include_usage\":true")
        try await wire.send(streamHead)
        for event in events(usage: usage) { try await wire.send(chunk(event)) }
        try await wire.send(lastChunk)
    }

    /// Sends nothing until the client disconnects.
    static let silent: Script = { _, wire in
        try await wire.isLeft()
        throw ClientLeft()
    }

    struct ClientLeft: Error {}
}
