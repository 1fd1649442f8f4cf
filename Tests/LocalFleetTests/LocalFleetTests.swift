import Foundation
import Logging
import NIOHTTP1
import SimpleAICore
import Testing

@testable import LocalFleet

/// A complete fleet; the integration tests cover its gateway's handling of calls.
@Suite struct LocalFleetTests {
    private struct Enough: Error {}

    @Test func bodyRunsWhenTheGatewayKnowsEveryMachinesState() async throws {
        let url = try await LocalFleet.withRunning(logger: .silent) { fleet in
            #expect(fleet.machines.map(\.status.phase) == [.awake, .awake, .asleep])
            let list = try await LoopbackClient.send(
                .GET, fleet.url + "/v1/models", [("authorization", "Bearer \(fleet.tokens.admin)")])
            #expect(list.status == 200)
            let states = try #require(try JSON(list.body).data)
            let big = (0..<(states.count ?? 0)).compactMap { states[$0] }.first { $0.id == .string("sim-large:70b") }
            #expect(big?.state == .string("asleep"))
            return fleet.url
        }
        // The fleet has shut down completely.
        await #expect(throws: (any Error).self) { try await LoopbackClient.send(.GET, url + "/ready") }
    }

    @Test func anErrorOfTheBodyEndsTheFleet() async throws {
        let issuer = Watched("")
        await #expect(throws: Enough.self) {
            try await LocalFleet.withRunning(logger: .silent) { fleet in
                issuer.update { $0 = fleet.issuerURL }
                throw Enough()
            }
        }
        await #expect(throws: (any Error).self) { try await LoopbackClient.send(.GET, issuer.value + "/jwks.json") }
    }

    @Test func aUsedPortFailsTheStart() async throws {
        try await running(TokenIssuer(key: try SigningKey(generating: .es256), audience: "a", logger: .silent)) {
            holder in
            var options = LocalFleet.Options.standard
            options.gatewayPort = try #require(URLComponents(string: try await holder.url())?.port)
            let taken = options
            let failure = await #expect(throws: (any Error).self) {
                try await LocalFleet.withRunning(taken, logger: .silent) { _ in }
            }
            #expect(!(failure is CancellationError) && !(failure is DeadlinePassed))
        }
    }
}
