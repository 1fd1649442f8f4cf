import Settings
import SimpleAICore
import Testing

@testable import LocalFleet

extension Integration {
    /// Machines that are put to sleep and woken again: gateway, real agent, virtual power.
    @Suite struct SleepTests {
        /// A gateway that puts idle machines to sleep almost at once.
        private func with(
            machine: @escaping @Sendable (inout MachineOptions) -> Void = { _ in },
            _ body: @escaping @Sendable (JoinedMachine) async throws -> Void
        ) async throws {
            try await JoinedMachine.with(models: ["m"], loading: nil, machine: machine) {
                $0.sleep.after = .milliseconds(300)
                $0.fleet.gracePeriod = .seconds(60)
            } _: {
                try await body($0)
            }
        }

        @Test func anIdleMachineIsPutToSleepAndWokenByACall() async throws {
            try await with { fleet in
                for round in 1...3 {
                    _ = try await fleet.machine.status { $0.phase == .asleep && $0.wakes == round - 1 }
                    // Listed as asleep at once, although the grace period of a machine whose agent has disconnected
                    // is a minute here.
                    let list = try await fleet.gateway.get("/v1/models", roles: ["model:specific"])
                    #expect(list.text.contains("\"state\":\"asleep\""))
                    let response = try await fleet.gateway.send(RunningGateway.chat())
                    #expect(response.status == 200)
                    #expect(response["x-simpleai-wake"]?.contains("; wake=") == true)
                    #expect(fleet.machine.status.wakes == round)
                }
                let metrics = try await fleet.gateway.metrics { ($0["simpleai_sleeps_total"] ?? 0) >= 3 }
                #expect(metrics["simpleai_wakes_total{outcome=\"failed\"}"] ?? 0 == 0)
                try await fleet.gateway.settled()
            }
        }

        /// After each sleep the gateway requests one token before the first call of a caller.
        @Test func aCheckComesBeforeTraffic() async throws {
            try await with { fleet in
                #expect(fleet.machine.engine.receivedRequests.isEmpty)
                _ = try await fleet.machine.status { $0.phase == .asleep }
                #expect(try await fleet.gateway.send(RunningGateway.chat()).status == 200)
                let bodies = fleet.machine.engine.receivedRequests.map { String(decoding: $0.body, as: UTF8.self) }
                #expect(bodies.count == 2)
                #expect(bodies.first?.contains("\"max_tokens\":1,") == true)
                #expect(bodies.last == RunningGateway.chat())
            }
        }

        /// A stream that lasts longer than `sleep.after` keeps its machine awake, even while it is silent.
        @Test func aStreamKeepsItsMachineAwake() async throws {
            try await with {
                $0.engine.pace = EnginePace(timeToFirstToken: .zero, tokensPerSecond: 1)
            } _: { fleet in
                let body = RunningGateway.chat(stream: true, more: "\"max_tokens\":3,")
                let response = try await fleet.gateway.send(body)
                #expect(response.events.last == "data: [DONE]\n\n")
                _ = try await fleet.machine.status { $0.phase == .asleep }
                let counters = fleet.machine.engine.counters
                #expect(counters.cancelled == 0)
            }
        }
    }
}
