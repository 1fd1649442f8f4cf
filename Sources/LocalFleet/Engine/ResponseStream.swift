import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore

/// One response in progress, sent token by token.
struct ResponseStream<Format: ResponseFormat>: Sendable {
    let simulatedResponse: SimulatedResponse
    let format: Format
    let pace: EnginePace
    /// When the request received its slot.
    let start: NIODeadline
    let client: ClientConnectionMonitor
    let lease: EngineSlots.Lease

    func response() -> Response {
        Response(
            status: .ok, headers: [.contentType: "text/event-stream", .cacheControl: "no-cache"],
            body: ResponseBody { writer in
                try await send(format.opening(simulatedResponse), to: &writer)
                for (index, token) in simulatedResponse.tokens.enumerated() {
                    // Relative to the start rather than to the previous token, so that one delay does not slow down the
                    // others.
                    try await client.pause(until: start + .init(pace.time(toToken: index)))
                    try await send(format.token(token, at: index), to: &writer)
                }
                try await send(format.closing(simulatedResponse), to: &writer)
                lease.markServed()
                try await writer.finish(nil)
            })
    }

    private func send(_ events: [ServerSentEvent], to writer: inout any ResponseBodyWriter) async throws {
        guard !events.isEmpty else { return }
        try await writer.write(ByteBuffer(bytes: events.flatMap(\.bytes)))
    }
}
