import Foundation
import Testing

@testable import Acceptance

struct AnswerTests {
    private func exchange(
        _ body: String, stream: Bool = false, status: Int = 200, headers: [(String, String)] = []
    ) -> Exchange {
        var exchange = Exchange(
            request: APIRequest(method: "POST", path: "/", credential: .none, wantsStream: stream), started: .now)
        exchange.status = status
        exchange.body = Array(body.utf8)
        exchange.headers =
            [("content-type", stream ? "text/event-stream" : "application/json")] + headers.map { ($0.0, $0.1) }
        return exchange
    }

    private func problem(_ exchange: Exchange) -> String {
        do throws(ResponseProblem) {
            _ = try Completion(exchange)
            return ""
        } catch {
            return "\(error)"
        }
    }

    @Test(arguments: [
        (#"{"model":"m","choices":[{"message":{"content":"x"},"finish_reason":"stop"}]}"#, ""),
        (
            #"{"model":"m","choices":[{"message":{"content":null,"reasoning_content":"x"},"finish_reason":"length"}]}"#,
            ""
        ),
        (#"{"model":"m","choices":[{"message":{"tool_calls":[{}]},"finish_reason":"tool_calls"}]}"#, ""),
        (#"{"model":"m","choices":[{"message":{"content":""},"finish_reason":"stop"}]}"#, "all empty"),
        (#"{"model":"m","choices":[{"message":{"content":"x"},"finish_reason":null}]}"#, "no finish_reason"),
        (#"{"choices":[{"message":{"content":"x"},"finish_reason":"stop"}]}"#, "has no model"),
        ("{}", "no choices"), ("<html>", "an HTML page instead of JSON"), ("", "an empty body instead of JSON"),
    ]) func plainResponses(body: String, part: String) {
        let found = problem(exchange(body))
        #expect(part.isEmpty ? found.isEmpty : found.contains(part), "\(found)")
    }

    @Test(arguments: [
        (
            "data: {\"model\":\"m\",\"choices\":[{\"delta\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}]}\n\n"
                + "data: [DONE]\n\n", ""
        ),
        (
            "data: {\"model\":\"m\",\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\ndata: [DONE]\n\n",
            "it was truncated"
        ),
        (
            "data: {\"model\":\"m\",\"choices\":[{\"delta\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}]}\n\n",
            "without [DONE]"
        ),
        ("data: {\"error\":{\"message\":\"lost\"}}\n\n", "an error in the stream: lost"),
        (": nothing\n\n", "no event"), ("data: oops\n\n", "not JSON"),
    ]) func streamedResponses(body: String, part: String) {
        let found = problem(exchange(body, stream: true))
        #expect(part.isEmpty ? found.isEmpty : found.contains(part), "\(found)")
    }

    @Test func lineEndsAndSpacesOfEventStreams() {
        let stream = EventStream(
            body: Array(": hi\r\ndata:a\r\ndata: b\r\n\r\nevent: x\ndata\n\nrest".utf8), arrivals: [], fallback: .now)
        #expect(stream.comments.map(\.data) == ["hi"])
        #expect(stream.events.map(\.data) == ["a\nb", ""])
    }

    @Test func eventsKnowWhenTheyCame() {
        let zero = ContinuousClock.now
        let stream = EventStream(
            body: Array("data: a\n\ndata: b\n\n".utf8),
            arrivals: [.init(at: zero, length: 9), .init(at: zero + .seconds(2), length: 18)], fallback: zero)
        #expect(stream.events.map(\.at) == [zero, zero + .seconds(2)])
    }

    @Test func theServingRunnerComesFromHeadersOrComment() {
        let head = ServingRunner(
            exchange("{}", headers: [("x-simpleai-runner", "r1"), ("x-simpleai-wake", "2100; wake=w7")]))
        #expect(head.runner == "r1" && head.wakeID == "w7")
        let comment = ServingRunner(exchange(": served by r2 m waited 2100 wake=w8\n\n", stream: true))
        #expect(comment.runner == "r2" && comment.model == "m" && comment.wakeID == "w8")
        let nameless = ServingRunner(exchange(": served waited 2100 wake=w9\n\n", stream: true))
        #expect(nameless.runner == nil && nameless.wakeID == "w9")
        let none = ServingRunner(exchange("{}", headers: [("x-simpleai-wake", "none")]))
        #expect(none.wakeID == nil && none.mentionsWake)
        let named = ServingRunner(
            exchange("{}", headers: [("x-simpleai-runner", "r1"), ("x-node", "n")]), runnerHeader: "X-Node")
        #expect(named.runner == "n")
    }

    @Test func errorObjectsNeedAllFourKeys() {
        #expect(exchange(#"{"error":{"message":"m","type":"t","param":null,"code":"c"}}"#).errorObjectProblem == nil)
        #expect(
            exchange(#"{"error":{"message":"m","type":"t","code":"c"}}"#).errorObjectProblem?.contains("param") == true)
        #expect(exchange("no").errorObjectProblem != nil)
    }

    @Test func magicPacketsAreRecognised() {
        let address: [UInt8] = [0xAA, 0xBB, 0xCC, 0, 1, 2]
        let packet = [UInt8](repeating: 0xFF, count: 6) + (0..<16).flatMap { _ in address }
        #expect(PacketListener.machine(in: packet) == "aa:bb:cc:00:01:02")
        #expect(PacketListener.machine(in: packet + [1, 2, 3, 4, 5, 6]) == "aa:bb:cc:00:01:02")
        var broken = packet
        broken[50] ^= 1
        #expect(PacketListener.machine(in: broken) == nil)
        #expect(PacketListener.machine(in: Array(packet.dropLast())) == nil)
    }

    @Test func silenceIsMeasuredToTheEnd() {
        var held = exchange("")
        held.sent = held.started
        held.head = held.started + .seconds(5)
        held.arrivals = [.init(at: held.started + .seconds(6), length: 1)]
        held.done = held.started + .seconds(26)
        #expect(held.longestSilence == .seconds(20))
    }
}
