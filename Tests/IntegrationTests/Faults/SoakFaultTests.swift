import Foundation
import NIOCore
import NIOPosix
import Settings
import SimpleAICore
import Testing

@testable import LocalFleet

extension Integration {
    /// Many streams for a while: growth that is small per stream would show. `make soak` takes a minute.
    @Suite struct SoakFaultTests {
        private static let streams = 200
        private static let maxGrowth = 32 << 20
        private static let time: Duration = .seconds(
            ProcessInfo.processInfo.environment["SIMPLEAI_SOAK_SECONDS"].flatMap { Int($0) } ?? 4)

        private struct Figures: Sendable {
            var complete = 0
            var growth: Int?
            var most = 0.0
        }

        @Test(.timeLimit(.minutes(3))) func manyStreamsLeaveNothingBehind() async throws {
            // All one-time allocations have been made: event loops and runtime caches.
            _ = try await Self.soak(for: .zero)
            let before = try #require(Self.descriptors)
            let figures = try await Self.soak(for: Self.time)
            let after = try await Self.descriptors(downTo: before)
            #expect(after <= before, "\(after) file descriptors, \(before) before")
            if let growth = figures.growth { #expect(growth < Self.maxGrowth, "\(Fault.mebibytes(growth)) more") }
            #expect(figures.most <= Double(Self.streams))
            Fault.report(
                "\(Self.streams) streams for \(Self.time.components.seconds) s",
                "\(figures.complete) complete, \(figures.growth.map(Fault.mebibytes) ?? "unknown") more memory,"
                    + " leases 0, file descriptors \(before) before and \(after) after")
        }

        private static func soak(for time: Duration) async throws -> Figures {
            var options = EngineOptions(models: ["m"])
            options.slots = streams
            options.pace = EnginePace(timeToFirstToken: .milliseconds(10), tokensPerSecond: 20)
            return try await running(SimulatedEngine(options, logger: .silent)) { engine in
                let runner = try await engine.port()
                return try await RunningGateway.with(
                    [.at(runner, slots: streams)], { $0.server.drain = .seconds(5) }, within: time + .seconds(60)
                ) { gateway in
                    let request = try gateway.request(RunningGateway.chat(stream: true))
                    let counts = Watched(Counts())
                    var clients: [any Channel] = []
                    for _ in 0..<streams {
                        clients.append(try await StreamClient.connect(to: gateway.port, request, counts))
                    }
                    // Every client has read a whole stream: further growth is caused by streams.
                    let warm = try await counts.value { $0.complete >= streams }
                    let memory = Fault.residentMemory
                    let end = ContinuousClock.now + time
                    var most = 0.0
                    var seen = warm.complete
                    while ContinuousClock.now < end {
                        seen = try await counts.value { [seen] in $0.complete > seen }.complete
                        most = max(most, try await gateway.metrics { _ in true }["simpleai_leases"] ?? 0)
                    }
                    counts.update { $0.isOver = true }
                    let done = try await counts.value { $0.ended == streams }
                    let growth = Fault.residentMemory.flatMap { now in memory.map { now - $0 } }
                    for client in clients { try? await client.close() }
                    try await gateway.settled()
                    #expect(done.broken == 0, "\(done.broken) streams did not end with [DONE]")
                    return Figures(complete: done.complete, growth: growth, most: most)
                }
            }
        }

        /// The number of open file descriptors of this process; nil if the system does not report it.
        private static var descriptors: Int? {
            (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd"))?.count
        }

        /// Connections are closed by both ends, one after the other: counts again until they have closed.
        private static func descriptors(downTo wanted: Int) async throws -> Int {
            var count = Int.max
            for _ in 0..<2_000 {
                count = try #require(descriptors)
                if count <= wanted { break }
                // Runs one tick of every event loop.
                for loop in MultiThreadedEventLoopGroup.singleton.makeIterator() { try await loop.submit {}.get() }
            }
            return count
        }

        struct Counts: Sendable {
            var complete = 0
            var broken = 0
            /// The number of clients that have read their last stream.
            var ended = 0
            var isOver = false
        }

        /// Requests one stream after the other on one connection, and retains nothing of them.
        private final class StreamClient: ChannelInboundHandler {
            typealias InboundIn = ByteBuffer

            private static let end = Array("data: [DONE]\n\n\r\n0\r\n\r\n".utf8)
            private let request: String
            private let counts: Watched<Counts>
            private var tail: [UInt8] = []
            private var hasEnded = false

            init(_ request: String, _ counts: Watched<Counts>) {
                self.request = request
                self.counts = counts
            }

            static func connect(
                to port: Int, _ request: String, _ counts: Watched<Counts>
            ) async throws -> any Channel {
                try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                    .connect(host: "127.0.0.1", port: port) { channel in
                        channel.eventLoop.makeCompletedFuture {
                            try channel.pipeline.syncOperations.addHandler(StreamClient(request, counts))
                            return channel
                        }
                    }
            }

            func channelActive(context: ChannelHandlerContext) { ask(context) }

            func channelRead(context: ChannelHandlerContext, data: NIOAny) {
                tail = (tail + unwrapInboundIn(data).readableBytesView.suffix(Self.end.count)).suffix(Self.end.count)
                guard tail == Self.end else { return }
                tail = []
                let isOver = counts.update {
                    $0.complete += 1
                    if $0.isOver { $0.ended += 1 }
                    return $0.isOver
                }
                hasEnded = isOver
                if !isOver { ask(context) }
            }

            func channelInactive(context: ChannelHandlerContext) {
                guard !hasEnded else { return }
                counts.update {
                    $0.broken += 1
                    $0.ended += 1
                }
            }

            private func ask(_ context: ChannelHandlerContext) {
                context.writeAndFlush(NIOAny(ByteBuffer(string: request)), promise: nil)
            }
        }
    }
}
