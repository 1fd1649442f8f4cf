import SimpleAICore
import Testing

@testable import LocalFleet

extension Integration {
    /// Machines that an administrator wakes and puts to sleep.
    @Suite struct OperatedFleetTests {
        private func order(
            _ order: String, _ gateway: RunningGateway, id: String = "gpu-1", roles: [Role] = ["admin"]
        ) async throws -> Response {
            try await gateway.send("", "POST", "/admin/api/machines/\(id)/\(order)", roles: roles)
        }

        @Test func adminsPutMachinesToSleepAndWakeThem() async throws {
            try await JoinedMachine.with(models: ["m"], loading: nil) { fleet in
                let slept = try await order("sleep", fleet.gateway)
                #expect(slept.status == 202)
                #expect(try slept.json()["state"] as? String == "falling_asleep")
                _ = try await fleet.machine.status { $0.phase == .asleep }
                #expect(try await order("sleep", fleet.gateway).status == 200)

                // No call waits for the machine, and it is woken.
                let woken = try await order("wake", fleet.gateway)
                #expect(woken.status == 202)
                let wake = try #require(try woken.json()["wake"] as? String)
                #expect(try await order("wake", fleet.gateway).json()["wake"] as? String == wake)
                _ = try await fleet.machine.status { $0.wakes == 1 }
                try await fleet.gateway.await(.ready, 1)
                #expect(try await order("wake", fleet.gateway).status == 200)
                let report = try await fleet.gateway.get("/admin/api/fleet").text
                #expect(report.contains("\"last_wake\":{\"id\":\"\(wake)\""))
                #expect(report.contains("\"outcome\":\"awake\""))
                #expect(try await fleet.gateway.get("/admin").status == 200)
            }
        }

        @Test func aMachineThatServesIsLeftAlone() async throws {
            try await JoinedMachine.with(models: ["m"], loading: nil) {
                $0.engine.pace = EnginePace(timeToFirstToken: .zero, tokensPerSecond: 0.5)
            } _: { fleet in
                let stream = try await fleet.gateway.connect()
                try await stream.send(fleet.gateway.request(RunningGateway.chat(stream: true)))
                _ = try await stream.peek { $0.text.contains("\"content\":\"") }
                let refused = try await order("sleep", fleet.gateway)
                #expect(refused.status == 400)
                #expect(try refused.error().message.contains("1 call is in progress"))
                #expect(fleet.machine.status.phase == .awake)
                await stream.close()
                try await fleet.gateway.settled()
            }
        }

        @Test func onlyAdminsMay() async throws {
            try await JoinedMachine.with(models: ["m"], loading: nil) { fleet in
                for roles in [[], ["model:specific"]] as [[Role]] {
                    #expect(try await order("sleep", fleet.gateway, roles: roles).status == 403)
                    #expect(try await order("wake", fleet.gateway, roles: roles).status == 403)
                    #expect(try await fleet.gateway.get("/admin/api/fleet", roles: roles).status == 403)
                }
                #expect(try await order("sleep", fleet.gateway, id: "other").status == 404)
                #expect(try await order("dance", fleet.gateway).status == 404)
                let wrong = try await fleet.gateway.get("/admin/api/machines/gpu-1/wake")
                #expect(wrong.status == 405)
                #expect(wrong["allow"] == "POST")
                #expect(fleet.machine.status.phase == .awake)
            }
        }
    }
}
