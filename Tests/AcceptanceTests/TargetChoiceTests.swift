import StandIn
import Testing

@testable import Acceptance

/// The default target: a listed one, and a sleeping one if the test is about waking.
struct TargetChoiceTests {
    static let fast = #"{"id":"a","state":"ready","classes":["fast"]}"#
    static let big = #"{"id":"b","state":"asleep","classes":["big"]}"#
    static let sleeper = #"{"id":"c","state":"asleep"}"#
    static let plain = #"{"id":"d"}"#

    @Test(
        arguments: [
            ([fast, big], "class:big", "class:fast"), ([big], "class:big", "class:big"),
            ([fast], "class:fast", "class:fast"),
            // A class first: fewer callers may request ids.
            ([sleeper, big], "class:big", "class:big"), ([fast, sleeper], "c", "class:fast"),
            // Nothing sleeps, and nothing has a class.
            ([plain], "d", "d"), ([], "class:fast", "class:fast"),
            // A class that one machine serves awake and another one asleep is not asleep.
            ([fast, #"{"id":"e","state":"asleep","classes":["fast"]}"#], "e", "class:fast"),
        ] as [([String], String, String)])
    func `the list decides`(entries: [String], wake: String, load: String) throws {
        var exchange = Exchange(request: .get("/v1/models", as: .none), started: .now)
        exchange.status = 200
        exchange.body = Array(#"{"object":"list","data":[\#(entries.joined(separator: ","))]}"#.utf8)
        let list = try ModelList(exchange)
        #expect(TargetChoice.forWake(list) == wake)
        #expect(TargetChoice.forLoad(list) == load)
    }

    @Test func `a chosen target is the one that sleeps`() async throws {
        var bench = Bench()
        bench.options.wakeOnLAN.model = "class:fast"
        bench.options.wakeOnLAN.targetSource = .modelList
        bench.options.workloadRouting.targetSource = .modelList
        let report = try await bench.run([.wakeOnLAN, .workloadRouting])
        #expect(report["wol.sleep.proven"]?.summary.hasPrefix("class:big is asleep") == true, "\(report.outline)")
        #expect(report["wol.wake.time"]?.verdict == .pass)
        #expect(report["workload-routing.member"]?.summary.hasPrefix("class:fast") == true)
    }

    @Test func `a named target stays`() async throws {
        var bench = Bench()
        bench.options.wakeOnLAN.model = "class:fast"
        bench.options.wakeOnLAN.targetSource = .named
        let report = try await bench.run([.wakeOnLAN])
        #expect(report["wol.sleep.proven"]?.verdict == .inconclusive, "\(report.outline)")
    }

    /// 12 for two runners: enough for every statement, so that no check asks for more.
    @Test func `the number of calls decides`() async throws {
        let bench = Bench()
        let report = try await bench.run([.workloadRouting])
        #expect(report["workload-routing.answered"]?.summary.hasPrefix("12 of 12") == true, "\(report.outline)")
        #expect(!report.outline.contains("would decide"), "\(report.outline)")
        #expect(report.results.filter { $0.verdict == .pass }.allSatisfy { $0.level == .required })
    }

    @Test func `more runners take more calls, but not without end`() {
        #expect([2, 3, 4, 8].map(Coverage.decisiveRequests) == [12, 21, 32, 72])
        #expect([0, 1].map(Coverage.decisiveRequests) == [12, 12])
        #expect(Coverage.decisiveRequests(runners: 1_000_000) == Coverage.maxRequests)
        for runners in 2...32 {
            let count = Coverage.decisiveRequests(runners: runners)
            #expect(count >= Coverage.requestsNeeded(runners: runners) && count % runners == 0)
        }
    }
}
