import NIOCore
import NIOHTTP1
import NIOPosix
import Testing

@testable import Relay

/// A pool on its event loop, for tests that run outside of it.
struct Loop: Sendable {
    let eventLoop: any EventLoop = MultiThreadedEventLoopGroup.singleton.next()
    let pool: NIOLoopBoundBox<UpstreamPool?>

    init() async throws {
        let eventLoop = eventLoop
        pool = try await eventLoop.submit { .init(UpstreamPool(eventLoop: eventLoop), eventLoop: eventLoop) }.get()
    }

    func onPool(_ body: @escaping @Sendable (UpstreamPool) throws -> Void) async throws {
        try await eventLoop.submit { try body(#require(pool.value)) }.get()
    }

    static let patient = UpstreamTimeouts(connect: .seconds(20), firstByte: .seconds(20), gap: .seconds(20))

    func send(
        _ body: String = "{}", to upstream: Upstream, timeouts: UpstreamTimeouts = patient,
        usesNewConnection: Bool = false,
        pausedFromTheStart: Bool = false
    ) async throws -> Exchange {
        let (events, report) = AsyncStream.makeStream(of: Exchange.Event.self)
        let exchangeHandle = try await eventLoop.submit {
            let head = HTTPRequestHead(
                version: .http1_1, method: .POST, uri: "/call",
                headers: ["Host": upstream.authority, "Content-Length": "\(body.utf8.count)"])
            let exchangeHandle = ExchangeHandle()
            try #require(pool.value).send(
                UpstreamRequest(head: head, body: ByteBuffer(string: body)), to: upstream, for: Recorder(report),
                exchangeHandle: exchangeHandle, timeouts: timeouts, usesNewConnection: usesNewConnection)
            if pausedFromTheStart { exchangeHandle.pauseReading() }
            return NIOLoopBound(exchangeHandle, eventLoop: eventLoop)
        }.get()
        return Exchange(eventLoop: eventLoop, exchangeHandle: exchangeHandle, events: events)
    }

    final class Recorder: UpstreamResponseReceiver {
        private let report: AsyncStream<Exchange.Event>.Continuation

        init(_ report: AsyncStream<Exchange.Event>.Continuation) { self.report = report }

        /// Released without a final event, as after `cancel`.
        deinit { report.finish() }

        func responseHeadReceived(_ head: HTTPResponseHead) { report.yield(.head(Int(head.status.code))) }
        func responseBodyReceived(_ bytes: ByteBuffer, at time: NIODeadline) {
            report.yield(.bytes(String(buffer: bytes)))
        }

        func responseEndReceived() {
            report.yield(.ended)
            report.finish()
        }

        func upstreamFailed(_ failure: UpstreamFailure) {
            report.yield(.failed(failure))
            report.finish()
        }
    }
}

/// A request in progress, and the events received for it.
struct Exchange: Sendable {
    enum Event: Hashable, Sendable {
        case head(Int)
        case bytes(String)
        case ended
        case failed(UpstreamFailure)
    }

    let eventLoop: any EventLoop
    let exchangeHandle: NIOLoopBound<ExchangeHandle>
    let events: AsyncStream<Event>

    func next() async throws -> Event {
        var iterator = events.makeAsyncIterator()
        return try #require(await iterator.next())
    }

    /// All events up to the end, pieces of the body joined.
    func all() async -> [Event] {
        var all: [Event] = []
        for await event in events {
            if case .bytes(let more) = event, case .bytes(let before) = all.last {
                all[all.count - 1] = .bytes(before + more)
            } else {
                all.append(event)
            }
        }
        return all
    }

    func onLoop(_ body: @escaping @Sendable (ExchangeHandle) -> Void) async throws {
        try await eventLoop.submit { body(exchangeHandle.value) }.get()
    }
}
