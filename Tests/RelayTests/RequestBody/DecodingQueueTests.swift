import NIOCore
import NIOEmbedded
import NIOPosix
import SimpleAICore
import Synchronization
import TestSupport
import Testing

@testable import Relay

@Suite struct DecodingRotationTests {
    @Test func ownersAndTheirItemsAreServedRoundRobin() {
        var rotation = DecodingRotation<String, Int>()
        #expect(rotation.isEmpty && rotation.next() == nil)
        for item in 1...3 { rotation.add(item, of: "many") }
        rotation.add(10, of: "one")
        var order: [Int] = []
        for _ in 0..<4 { if let (_, item) = rotation.next() { order.append(item) } }
        #expect(order == [1, 10, 2, 3])
        #expect(rotation.isEmpty && rotation.next() == nil)
    }

    @Test func anItemThatIsAddedAgainIsLast() {
        var rotation = DecodingRotation<String, Int>()
        for item in [1, 2] { rotation.add(item, of: "a") }
        rotation.add(10, of: "b")
        var order: [Int] = []
        for _ in 0..<6 {
            guard let (owner, item) = rotation.next() else { break }
            order.append(item)
            rotation.add(item, of: owner)
        }
        #expect(order == [1, 10, 2, 10, 1, 10])
    }
}

@Suite(.timeLimit(.minutes(2))) struct DecodingQueueTests {
    @Test func aTurnDecodesOneSlice() {
        let loop = EmbeddedEventLoop()
        let turns = DecodingQueue(on: loop)
        var order: [String] = []
        func work(_ name: String, slices: Int) -> DecodingQueue.Work {
            var left = slices
            return {
                order.append(name)
                left -= 1
                return left > 0
            }
        }
        turns.add(work("a1", slices: 2), of: Sample.caller.id)
        turns.add(work("a2", slices: 2), of: Sample.caller.id)
        turns.add(work("b", slices: 3), of: Sample.specific.id)
        #expect(order.isEmpty)
        for count in 1...7 {
            loop.advanceTime(by: DecodingQueue.pause)
            #expect(order.count == count)
        }
        #expect(order == ["a1", "b", "a2", "b", "a1", "b", "a2"])
        loop.advanceTime(by: .seconds(1))
        #expect(order.count == 7)
        // Work that is added later is decoded, too.
        turns.add(work("c", slices: 1), of: Sample.caller.id)
        loop.advanceTime(by: DecodingQueue.pause)
        #expect(order.last == "c")
    }

    /// A body whose decoding continues until another connection of the same event loop has been served.
    @Test func betweenTurnsTheLoopServesItsConnections() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let arrival = Arrival()
        let server = try await ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Arrival.Handler(arrival))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let address = try #require(server.localAddress)
        let client = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(to: address).get()
        let loops = DecodingQueues()
        let turns = try await loop.submit {
            let end = loop.makePromise(of: Int.self)
            var count = 0
            loops.decode(for: Sample.caller.id, on: loop) {
                count += 1
                if count == 1 { client.writeAndFlush(ByteBuffer(string: "a request"), promise: nil) }
                guard arrival.hasCome.load(ordering: .relaxed) else { return true }
                end.succeed(count)
                return false
            }
            return end.futureResult
        }.get().get()
        #expect(turns > 1 && turns == loops.sliceCount)
        try await client.close()
        try await server.close()
        try await group.shutdownGracefully()
    }

    private final class Arrival: Sendable {
        let hasCome = Atomic(false)

        final class Handler: ChannelInboundHandler {
            typealias InboundIn = ByteBuffer
            private let arrival: Arrival
            init(_ arrival: Arrival) { self.arrival = arrival }
            func channelRead(context: ChannelHandlerContext, data: NIOAny) {
                arrival.hasCome.store(true, ordering: .relaxed)
            }
        }
    }
}
