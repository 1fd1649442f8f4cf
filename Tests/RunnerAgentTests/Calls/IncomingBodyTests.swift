import NIOCore
import Relay
import Testing

@testable import RunnerAgent

@Suite struct IncomingBodyTests {
    private func piece(_ count: Int) -> ByteBuffer { ByteBuffer(repeating: 7, count: count) }

    @Test func piecesPassInOrder() {
        let body = IncomingBody(length: 5)
        var ready = 0
        body.onReady = { ready += 1 }
        #expect(body.next() == .pending)
        body.receive(piece(2))
        body.receive(ByteBuffer())
        body.receive(piece(3))
        #expect(ready == 2)
        #expect(body.isComplete)
        #expect(body.next() == .bytes(piece(2)))
        #expect(body.next() == .bytes(piece(3)))
        #expect(body.next() == .pending)
    }

    /// However large the body is, little of it is held.
    @Test func aFullBodyPausesTheGateway() {
        let body = IncomingBody(length: 10 << 20)
        var drained = 0
        body.onDrained = { drained += 1 }
        body.receive(piece(IncomingBody.maxWaiting - 1))
        #expect(body.wantsBytes)
        body.receive(piece(10))
        #expect(!body.wantsBytes)
        _ = body.next()
        #expect(body.wantsBytes)
        #expect(drained == 1)
        _ = body.next()
        #expect(drained == 1)
    }

    @Test func afterTheEndBytesAreDropped() {
        let body = IncomingBody(length: 100)
        var (ready, drained) = (0, 0)
        body.onReady = { ready += 1 }
        body.onDrained = { drained += 1 }
        body.receive(piece(10))
        body.cancel()
        #expect(drained == 1, "the gateway's connection is read on")
        body.receive(piece(90))
        #expect(body.next() == .pending)
        #expect(ready == 1)
        #expect(body.isComplete)
    }
}
