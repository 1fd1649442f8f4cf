import NIOCore
import Relay
import SimpleAICore
import Testing

@testable import DataPlane

@Suite struct UpstreamResponseTests {
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

    private func stream(pieces: Int, usage: Int? = nil) throws -> UpstreamResponse {
        var relay = EventStreamRelay(endpoint: .chatCompletions, model: "m", hidesUsageChunk: true)
        let event = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"}}]}\n\n"
        var text = String(repeating: event, count: pieces)
        if let usage { text += "data: {\"choices\":[],\"usage\":{\"completion_tokens\":\(usage)}}\n\n" }
        try relay.receive(ByteBuffer(string: text)) { _ in }
        var upstreamResponse = UpstreamResponse()
        upstreamResponse.events = relay
        return upstreamResponse
    }

    @Test func aStreamsSpeedIsMeasuredBetweenItsTokens() throws {
        var upstreamResponse = try stream(pieces: 5)
        #expect(upstreamResponse.tokensPerSecond(sent: start, firstByte: start) == nil)
        upstreamResponse.tokenTimes.first = start + .seconds(7)
        upstreamResponse.tokenTimes.last = start + .seconds(9)
        #expect(upstreamResponse.tokensPerSecond(sent: start, firstByte: start + .seconds(1)) == 2)
        upstreamResponse.tokenTimes.last = upstreamResponse.tokenTimes.first
        #expect(upstreamResponse.tokensPerSecond(sent: start, firstByte: start) == nil, "all at once is no speed")
        upstreamResponse = try stream(pieces: 5, usage: 21)
        upstreamResponse.tokenTimes.first = start
        upstreamResponse.tokenTimes.last = start + .seconds(2)
        #expect(upstreamResponse.tokensPerSecond(sent: nil, firstByte: nil) == 10, "the engine's own count")
    }

    @Test func aDocumentsSpeedIsMeasuredOverTheCompleteResponse() {
        var upstreamResponse = UpstreamResponse()
        #expect(upstreamResponse.tokensPerSecond(sent: start, firstByte: start + .seconds(2)) == nil)
        upstreamResponse.documentMeter.usage = TokenUsage(prompt: 5, completion: 50)
        #expect(upstreamResponse.tokensPerSecond(sent: start, firstByte: start + .seconds(2)) == 25)
        #expect(upstreamResponse.tokensPerSecond(sent: start, firstByte: nil) == nil)
        #expect(
            upstreamResponse.brokenStream(StreamDelivery(), clientDisconnected: true) == nil,
            "of a document nothing is delivered before it is whole")
    }

    @Test func writtenPiecesAreDelivered() throws {
        let upstreamResponse = try stream(pieces: 5)
        var delivery = StreamDelivery()
        #expect(upstreamResponse.brokenStream(delivery, clientDisconnected: true) == .init(generated: 5, delivered: 5))
        let asked = delivery.beginCheck(5, at: start)
        #expect(asked)
        #expect(
            upstreamResponse.brokenStream(delivery, clientDisconnected: true) == .init(generated: 5, delivered: 0),
            "the number of written bytes is unknown")
        #expect(
            upstreamResponse.brokenStream(delivery, clientDisconnected: false) == .init(generated: 5, delivered: 5),
            "the connection is writable")
        delivery.bytesWritten()
        #expect(upstreamResponse.brokenStream(delivery, clientDisconnected: true) == .init(generated: 5, delivered: 5))
    }

    @Test func bufferedPiecesAreNotDelivered() throws {
        let upstreamResponse = try stream(pieces: 9)
        var delivery = StreamDelivery()
        _ = delivery.beginCheck(3, at: start)
        delivery.bytesWritten()
        delivery.writabilityChanged(isWritable: false)
        #expect(upstreamResponse.brokenStream(delivery, clientDisconnected: true) == .init(generated: 9, delivered: 3))
        #expect(upstreamResponse.brokenStream(delivery, clientDisconnected: false) == .init(generated: 9, delivered: 3))
        delivery.writabilityChanged(isWritable: true)
        #expect(upstreamResponse.brokenStream(delivery, clientDisconnected: true) == .init(generated: 9, delivered: 9))
        _ = delivery.beginCheck(9, at: start + .seconds(1))
        delivery.failed()
        #expect(upstreamResponse.brokenStream(delivery, clientDisconnected: true) == .init(generated: 9, delivered: 3))
    }

    @Test func writeNotificationsAreRequestedRarely() {
        var delivery = StreamDelivery()
        func isAsked(_ pieces: Int, after time: TimeAmount) -> Bool { delivery.beginCheck(pieces, at: start + time) }
        let requested = [isAsked(1, after: .zero), isAsked(2, after: .seconds(1))]
        #expect(requested == [true, false], "the notification is pending")
        delivery.bytesWritten()
        let later = [isAsked(3, after: .milliseconds(249)), isAsked(4, after: .milliseconds(250))]
        #expect(later == [false, true])
    }
}
