import Logging
import Settings
import TestSupport
import Testing

@testable import LocalFleet

extension Integration {
    /// `log.access`: the calls that write an access line, and its change while the gateway runs.
    @Suite struct AccessLogTests {
        @Test func aReloadChangesWhichCallsAreLogged() async throws {
            let statuses = Watched<[String]>([])
            let logger = Logger.observed { event in
                guard event.message == "Call completed", let status = event.metadata["status"] else { return }
                statuses.update { $0.append(status) }
            }
            let engine = try await ScriptedEngine(ScriptedEngine.wellBehaved)
            try await running([engine]) {
                try await RunningGateway.with([.at(engine.port)], logger: logger, { $0.log.access = .none }) {
                    gateway in
                    func callOnceWithAndOnceWithoutAToken() async throws {
                        #expect(try await gateway.send(RunningGateway.chat()).status == 200)
                        #expect(try await gateway.send(RunningGateway.chat(), token: "").status == 401)
                    }
                    try await callOnceWithAndOnceWithoutAToken()
                    try await gateway.settled()
                    try gateway.reload { $0.log.access = .errors }
                    try await callOnceWithAndOnceWithoutAToken()
                    _ = try await statuses.value { !$0.isEmpty }
                    try gateway.reload { $0.log.access = .all }
                    #expect(try await gateway.send(RunningGateway.chat()).status == 200)
                    let logged = try await statuses.value { $0.count >= 2 }
                    #expect(logged == ["401", "200"])
                }
            }
        }
    }
}
