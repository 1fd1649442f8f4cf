import Logging
import Settings
import SimpleAICore
import Synchronization
import TestSupport
import Testing

@testable import DataPlane

@Suite struct AccessLineTests {
    private final class LoggedEvents: Sendable {
        let all = Mutex<[LoggedEvent]>([])
    }

    private func logged(_ line: AccessLine) throws -> LoggedEvent {
        let events = LoggedEvents()
        line.write(to: .observed(level: .trace) { event in events.all.withLock { $0.append(event) } })
        return try #require(events.all.withLock { $0.count == 1 ? $0.first : nil })
    }

    @Test func reportsWhatHappened() throws {
        var line = AccessLine(id: "id", endpoint: .chatCompletions, status: 200, total: .milliseconds(1234))
        line.caller = Sample.caller
        line.client = IPAddress("192.0.2.7")
        line.request = .byClass("fast")
        line.placement.runner = "r1"
        line.placement.model = "m"
        line.streams = true
        line.placement.waited = .milliseconds(77)
        line.placement.wake = "w1"
        line.measurements = CallMeasurements(
            toFirstByte: 0.0129, toFirstToken: 1.5, tokensPerSecond: 33.36,
            usage: TokenUsage(prompt: 3, completion: 4, cached: 2, reasoning: 1))
        let logged = try logged(line)
        #expect(logged.level == .info)
        #expect(logged.message == "Call completed")
        #expect(
            logged.metadata == [
                "request_id": "id", "endpoint": "/v1/chat/completions", "status": "200", "duration_ms": "1234",
                "caller": "alice", "address": "192.0.2.7",
                "requested": "class:fast", "runner": "r1", "model": "m", "stream": "true", "waited_ms": "77",
                "wake": "w1",
                "prompt_tokens": "3", "completion_tokens": "4", "cached_tokens": "2", "reasoning_tokens": "1",
                "ttfb_ms": "12", "ttft_ms": "1500", "tokens_per_second": "33.4",
            ])
    }

    @Test func aBrokenStreamReportsItsLostTokens() throws {
        var line = AccessLine(id: "id", endpoint: .chatCompletions, status: 499, total: .zero)
        line.measurements.broken = .init(generated: 9, delivered: 4)
        let metadata = try logged(line).metadata
        #expect(metadata["generated_tokens"] == "9" && metadata["delivered_tokens"] == "4")
        #expect(metadata["ttft_ms"] == nil && metadata["tokens_per_second"] == nil && metadata["cached_tokens"] == nil)
    }

    @Test func errorsStateTheActorAndTheReason() throws {
        var line = AccessLine(id: "id", endpoint: .embeddings, status: 502, total: .zero)
        line.error = GatewayError(.upstreamError, "m", cause: "runner r1: refused")
        let failed = try logged(line)
        #expect(failed.level == .info)
        #expect(failed.metadata["code"] == "upstream_error")
        #expect(failed.metadata["error_origin"] == "upstream")
        #expect(failed.metadata["cause"] == "runner r1: refused")
        line.error = GatewayError(.internalError, "m")
        #expect(try logged(line).level == .error)
    }

    /// `log.access` selects by status, `log.level` by level; only the level can hide a fault of the gateway.
    @Test(arguments: [
        (Settings.Log.Access.all, Logger.Level.info, [200, 399, 400, 499, 500]),
        (.errors, .info, [400, 499, 500]),
        (.none, .info, [500]),
        (.all, .notice, [500]),
        (.errors, .error, [500]),
        (.none, .critical, []),
    ])
    func settingsSelectTheCallsThatAreLogged(_ access: Settings.Log.Access, _ level: Logger.Level, _ logged: [Int]) {
        var logger = Logger.observed(level: .trace) { _ in }
        logger.logLevel = level
        let errors = [500: GatewayError(.internalError, "m")]
        #expect(
            [200, 399, 400, 499, 500].filter { AccessLine.isWanted(by: logger, access, status: $0, errors[$0]) }
                == logged)
    }

    /// A value from a caller cannot look like a line of its own.
    @Test func callersValuesStayOnOneLine() throws {
        var line = AccessLine(id: "id", endpoint: .embeddings, status: 403, total: .zero)
        line.request = .exactly("m\n2030-01-01 info call status=200\r\u{1B}[2J\u{2028}x é😀")
        line.caller = Caller(subject: "a\nb", issuer: "", roles: [], privileges: [])
        let metadata = try logged(line).metadata
        // Log handlers delimit values; nothing is removed before.
        for (key, value) in metadata {
            let shown = LogValue.text("\(value)")
            #expect(shown.unicodeScalars.allSatisfy { $0.isVisible }, "\(key)")
        }
        #expect(LogValue.text("\(metadata["caller"] ?? "")") == #""a\nb""#)
        #expect(
            LogValue.text("\(metadata["requested"] ?? "")")
                == #""m\n2030-01-01 info call status=200\r\u001b[2J\u2028x é😀""#)
    }
}
