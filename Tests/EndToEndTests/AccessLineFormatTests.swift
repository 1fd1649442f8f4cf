import Foundation
import Logging
import OperatingSystem
import SimpleAICore
import Synchronization
import Testing

@testable import DataPlane
@testable import simpleai

/// The gateway formats access lines itself; the program's log handlers format all other lines. Both must agree byte for
/// byte: collectors read one log.
@Suite struct AccessLineFormatTests {
    /// Records the event that a log handler would receive.
    private struct Recorder: LogHandler {
        final class Events: Sendable {
            let all = Mutex<[LogEvent]>([])
        }

        let events: Events
        var logLevel: Logger.Level = .trace
        var metadata: Logger.Metadata = [:]

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) { events.all.withLock { $0.append(event) } }
    }

    private static func event(_ line: AccessLine) throws -> LogEvent {
        let events = Recorder.Events()
        line.write(to: Logger(label: "test") { _ in Recorder(events: events) })
        return try #require(events.all.withLock { $0.count == 1 ? $0.first : nil })
    }

    @Test(arguments: 0..<40)
    func `the gateway's lines are those of the log handlers`(seed: UInt64) throws {
        var random = LineGenerator(seed: seed)
        var text = AccessLineFormatter(.text(label: "simpleai"))
        var terminal = AccessLineFormatter(.text(label: nil))
        var json = AccessLineFormatter(.json)
        for _ in 0..<50 {
            let line = random.line()
            let event = try Self.event(line)
            let (message, metadata) = (event.message.description, event.metadata ?? [:])
            let time = LogTime(
                seconds: .random(in: 0..<4_000_000_000, using: &random),
                milliseconds: .random(in: 0..<1000, using: &random))

            text.format(line, at: time)
            let handled = TextLogHandler.line(
                event.level, message, metadata, origin: "simpleai:", source: event.source)
            #expect(String(decoding: text.bytes, as: UTF8.self) == "\(Self.local(time)) \(handled)")

            terminal.format(line, at: time)
            let shown = TextLogHandler.line(event.level, message, metadata, origin: nil, source: event.source)
            #expect(String(decoding: terminal.bytes, as: UTF8.self) == "\(Self.local(time)) \(shown)")

            json.format(line, at: time)
            let date = Date(
                timeIntervalSince1970: Double(time.seconds) + (Double(time.milliseconds) + 0.5) / 1000)
            let collected = JSONLogHandler.line(event.level, message, metadata, at: date)
            #expect(String(decoding: json.bytes, as: UTF8.self) == collected)
        }
    }

    private static func local(_ time: LogTime) -> String {
        var (bytes, timestamp): ([UInt8], LogTimestamp) = ([], LogTimestamp(.local))
        timestamp.append(time, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Random access lines, with the values that formats have to escape.
private struct LineGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    /// splitmix64
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word >> 31)
    }

    private static let pieces = [
        "a", "qwen3:8b", "fast", "42", "-1.5", " ", "=", "\"", "\\", "\n", "\r", "\t", "\u{0}", "\u{1B}[2J", "\u{7F}",
        "\u{85}", "\u{2028}", "\u{202E}", "é", "e\u{301}", "😀", "\u{E0041}", "{", "}", ",", "true", "null",
    ]
    private static let speeds = [
        0, 0.04, 0.05, 0.95, 1, 9.99, 33.36, 123_456.78, 1e14, 1e15, 1e16, 1e300, .infinity, .nan, -0.01, -3.25, -0.0,
    ]
    private static let addresses = [
        "0.0.0.0", "127.0.0.1", "255.255.255.255", "10.1.20.100", "::1", "::", "2001:db8::1", "::ffff:192.0.2.1",
        "fe80::1:0:0:1",
    ]

    private mutating func maybe<Value>(_ value: (inout Self) -> Value) -> Value? {
        Bool.random(using: &self) ? value(&self) : nil
    }

    private mutating func text() -> String {
        (0..<Int.random(in: 0...4, using: &self)).map { _ in Self.pieces.randomElement(using: &self) ?? "" }.joined()
    }

    private mutating func number() -> Int {
        [0, 1, 9, 10, 99, 12345, .max, .min, -1, .random(in: 0..<1_000_000, using: &self)].randomElement(using: &self)
            ?? 0
    }

    mutating func line() -> AccessLine {
        var line = AccessLine(
            id: CallID(text()), endpoint: Endpoint.allCases.randomElement(using: &self) ?? .chatCompletions,
            status: number(), total: .milliseconds(Int.random(in: 0..<10_000_000, using: &self)))
        line.error = maybe { random in
            GatewayError(
                GatewayError.Code.allCases.randomElement(using: &random) ?? .internalError, "m",
                cause: random.maybe { $0.text() })
        }
        line.caller = maybe { Caller(subject: SubjectID($0.text()), issuer: "", roles: [], privileges: []) }
        line.client = maybe { IPAddress(Self.addresses.randomElement(using: &$0) ?? "::1") } ?? nil
        line.request = maybe { random in
            Bool.random(using: &random)
                ? .byClass(ClassName(random.text())) : .exactly(ModelID(random.text()))
        }
        line.streams = Bool.random(using: &self)
        line.placement.runner = maybe { RunnerID($0.text()) }
        line.placement.model = maybe { ModelID($0.text()) }
        line.placement.waited = maybe { .milliseconds(Int.random(in: 0..<100_000, using: &$0)) }
        line.placement.wake = maybe { $0.text() }
        line.measurements.toFirstByte = maybe { .random(in: 0..<1000, using: &$0) }
        line.measurements.toFirstToken = maybe { .random(in: 0..<1000, using: &$0) }
        line.measurements.tokensPerSecond = maybe { Self.speeds.randomElement(using: &$0) ?? 0 }
        line.measurements.usage = maybe {
            TokenUsage(prompt: $0.number(), completion: $0.number(), cached: $0.number(), reasoning: $0.number())
        }
        line.measurements.broken = maybe { .init(generated: $0.number(), delivered: $0.number()) }
        return line
    }
}
