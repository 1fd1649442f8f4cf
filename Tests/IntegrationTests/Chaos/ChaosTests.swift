import Foundation
import Scheduling
import Settings
import SimpleAICore
import Testing

@testable import DataPlane
@testable import Gateway
@testable import LocalFleet
@testable import Scheduling

extension Integration {
    /// Engines with every known deviation, against a reference implementation of the contract.
    @Suite struct ChaosTests {
        /// The number of exchanges without sockets; `make chaos` runs a hundred thousand.
        private static let exchanges =
            ProcessInfo.processInfo.environment["SIMPLEAI_CHAOS"].flatMap { Int($0) } ?? 8_000

        /// The response that a caller reads, in the reference's terms.
        private static func seen(_ status: Int, _ output: String, streams: Bool) -> ChaosReference.Expected {
            var seen = ChaosReference.Expected(status: status)
            let events = output.replacing("\r\n", with: "\n").components(separatedBy: "\n\n")
            let data = events.compactMap { event in
                event.split(separator: "\n").first { $0.hasPrefix("data:") }.map { $0.dropFirst(5).trimmingPrefix(" ") }
            }
            let documents = data.isEmpty ? [output[...]] : data.map { Substring($0) }
            for document in documents {
                if document == "[DONE]" { seen.isWhole = true }
                for part in document.components(separatedBy: "\"content\":\"").dropFirst() {
                    seen.text += part.prefix { $0 != "\"" }
                }
                if document.contains("\"error\":{") || document.contains("\"error\":\"") { seen.hasError = true }
                if let range = document.firstRange(of: "words ") {
                    seen.words = "words " + document[range.upperBound...].prefix { $0.isNumber }
                }
                if document.contains("\"usage\":{") { seen.showsUsage = true }
                if document.contains("\"timings\":{") { seen.showsTimings = true }
                if document.contains("local/q4") || document.contains("m:latest") {
                    seen.text += " under the engine's name"
                }
            }
            if data.isEmpty, !seen.hasError { seen.isWhole = status == 200 }
            return seen
        }

        @Test func theReadingAgreesWithTheContract() throws {
            let classes = ClassTable([ModelClass(name: "fast", models: ["m"])], defaultClass: "fast")
            let caller = Caller(subject: "a", issuer: "i", roles: [], privileges: [])
            let lease = Lease(
                id: LeaseID(number: 1), runner: "r1", model: "m", engineModel: "m", waited: .zero, wake: nil)
            var disagreements = 0
            var counts: [String: Int] = [:]
            for seed in 1...UInt64(Self.exchanges) {
                let script = ChaosScript(seed: seed)
                let call = Call(
                    id: "c", endpoint: .chatCompletions, request: .byClass("fast"), streams: script.streams,
                    wantsUsage: script.wantsUsage)
                let authorized = try AccessPolicy(classes: classes).authorize(call, by: caller)
                let run = ChaosHarness.run(script, lease: lease, authorized: authorized)
                let expected = ChaosReference.expected(script)
                let seen = Self.seen(run.status, run.output, streams: script.streams)
                counts[expected.isWhole ? "whole" : expected.status == 200 ? "in band" : "status", default: 0] += 1
                guard seen != expected || run.leasesOut != 0 || run.settlements != 1 else { continue }
                disagreements += 1
                if disagreements <= 5 {
                    Issue.record("seed \(seed): \(script)\nexpected \(expected)\nseen     \(seen)\n\(run.output)")
                }
            }
            print("chaos: \(Self.exchanges) exchanges, \(disagreements) disagreements: \(counts)")
            #expect(disagreements == 0)
            #expect(counts.count == 3, "every kind occurs: \(counts)")
        }

        /// The same scripts over real sockets: callers get the same responses as the harness.
        @Test func theGatewayAgreesWithTheContract() async throws {
            try await withEngine(
                { request, wire in
                    guard let seed = request["x-request-id"].flatMap({ UInt64($0) }) else { return }
                    let script = ChaosScript(seed: seed, isAlone: true)
                    for piece in script.pieces { try await wire.send(piece) }
                    switch script.ending {
                    case .clean where script.framing != .untilClosed: return
                    case .clean, .cut: try await wire.finish()
                    case .open: break
                    }
                    try await wire.isLeft()
                    throw ScriptedEngine.ClientLeft()
                }, runner: { $0.slots = 64 }, settings: { $0.routing.ejectionFailures = 0 }
            ) { gateway, _ in
                let token = try gateway.token(["model:specific"])
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for worker in 0..<16 {
                        group.addTask {
                            for number in 0..<25 {
                                let seed = UInt64(1_000_000 + worker * 25 + number)
                                let script = ChaosScript(seed: seed, isAlone: true)
                                let usage = script.wantsUsage ? "\"stream_options\":{\"include_usage\":true}," : ""
                                let response = try await gateway.send(
                                    RunningGateway.chat(stream: script.streams, more: script.streams ? usage : ""),
                                    token: token, fields: ["X-Request-Id: \(seed)"])
                                let seen = Self.seen(response.status, response.text, streams: script.streams)
                                let expected = ChaosReference.expected(script)
                                #expect(seen == expected, "seed \(seed): \(script)\n\(response.text)")
                                #expect(response.endedCleanly)
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                try await gateway.settled()
            }
        }
    }
}
