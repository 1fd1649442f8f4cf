import Foundation
import RunnerProtocol
import Scheduling
import SimpleAICore
import Storage
import TestSupport
import Testing

@testable import FleetControl

@Suite struct AgentRulesTests {
    private func registration(
        _ id: RunnerID = "gpu-1", token: String = "secret", _ change: (inout Registration) -> Void = { _ in }
    ) -> Registration {
        var registration = Registration(
            runnerID: id, runnerName: "GPU", authToken: token, status: RunnerStatus(health: .healthy))
        change(&registration)
        return registration
    }

    private func refusal(
        _ rules: AgentRules, _ registration: Registration, from peer: String = "10.0.0.7"
    ) -> ProtocolErrorCode? {
        do throws(AgentRefusal) {
            _ = try rules.admit(registration, from: peer)
            return nil
        } catch {
            return error.code
        }
    }

    // MARK: Identity

    @Test func withoutATokenNoAgentJoins() {
        #expect(refusal(AgentRules(), registration(token: "")) == .authFailed)
        #expect(refusal(AgentRules(), registration(token: "x")) == .authFailed)
        #expect(!AgentRules().acceptsAgents)
    }

    @Test func theTokenDecides() {
        let rules = AgentRules(token: "secret")
        #expect(refusal(rules, registration()) == nil)
        for wrong in ["", "secre", "secret ", "Secret", "secretsecret"] {
            #expect(refusal(rules, registration(token: wrong)) == .authFailed)
        }
    }

    @Test func tokensAreBoundToIDs() {
        let rules = AgentRules(token: "shared", tokens: ["gpu-1": "own"])
        #expect(refusal(rules, registration("gpu-1", token: "own")) == nil)
        #expect(refusal(rules, registration("gpu-1", token: "shared")) == .authFailed)
        #expect(refusal(rules, registration("gpu-2", token: "own")) == .authFailed)
        #expect(refusal(rules, registration("gpu-2", token: "shared")) == nil)
        let bound = AgentRules(tokens: ["gpu-1": "own"])
        #expect(refusal(bound, registration("gpu-1", token: "own")) == nil)
        #expect(refusal(bound, registration("gpu-2", token: "")) == .authFailed)
    }

    @Test func invitationsAndOwnTokensDecideBeforeTheSharedToken() throws {
        try inTemporaryDirectory { directory in
            let store = try RunnerTokenStore(path: directory.appendingPathComponent("runners").path)
            var rules = AgentRules(token: "shared")
            rules.invitations = store
            let (invitation, _) = try store.invite("gpu-1")
            let own = RunnerTokenText.makeOwn()
            #expect(refusal(rules, registration(token: invitation)) == .authFailed, "without a token of its own")
            #expect(refusal(rules, registration(token: invitation) { $0.ownToken = own }) == nil)
            #expect(refusal(rules, registration("gpu-2", token: invitation) { $0.ownToken = own }) == .authFailed)
            #expect(refusal(rules, registration(token: "shared")) == nil, "until the invitation is used")
            #expect(!rules.hasOwnToken("gpu-1"))
            #expect(try store.exchange("gpu-1", token: invitation, ownToken: own, from: "10.0.0.7") == nil)
            #expect(refusal(rules, registration(token: own)) == nil)
            #expect(refusal(rules, registration(token: "shared")) == .authFailed)
            #expect(refusal(rules, registration("gpu-2", token: "shared")) == nil)
            #expect(rules.hasOwnToken("gpu-1") && !rules.hasOwnToken("gpu-2"))
            // An entry in the settings takes precedence.
            rules.tokens = ["gpu-1": "configured"]
            #expect(refusal(rules, registration(token: own)) == .authFailed)
            #expect(refusal(rules, registration(token: "configured")) == nil)
        }
    }

    @Test func aGatewayThatInvitesRunnersAcceptsAgents() throws {
        try inTemporaryDirectory { directory in
            var rules = AgentRules()
            rules.invitations = try RunnerTokenStore(path: directory.appendingPathComponent("runners").path)
            #expect(!rules.acceptsAgents)
            _ = try rules.invitations?.invite("gpu-1")
            #expect(rules.acceptsAgents)
            #expect(refusal(rules, registration("gpu-2", token: "")) == .authFailed)
        }
    }

    @Test(arguments: ["", "a b", "a\r\nx: y", "gerät", String(repeating: "x", count: 129)])
    func idsMustFitIntoHeaders(_ id: String) {
        #expect(refusal(AgentRules(token: "secret"), registration(RunnerID(id))) == .authFailed)
    }

    @Test func idsOfSettingsAreReserved() {
        let rules = AgentRules(token: "secret", reserved: ["gpu-1"])
        #expect(refusal(rules, registration("gpu-1")) == .authFailed)
        #expect(refusal(rules, registration("gpu-2")) == nil)
    }

    @Test(arguments: [0, 2, -1]) func otherVersionsAreRefused(_ version: Int) {
        #expect(refusal(AgentRules(token: "secret"), registration { $0.protocolVersion = version }) == .authFailed)
    }

    // MARK: Addresses

    @Test(arguments: [
        ("10.0.0.7", "10.0.0.7"), ("::ffff:10.0.0.7", "10.0.0.7"), ("fe80::1", "fe80::1"), ("::1", "::1"),
    ])
    func callsAreSentToThePeerAddress(_ peer: String, _ host: String) throws {
        let address = try AgentRules(token: "secret").admit(registration { $0.httpPort = 9 }, from: peer)
        #expect(address == AgentAddress(host: host, port: 9))
    }

    @Test(arguments: [0, -1, 65_536]) func invalidPortsAreRefused(_ port: Int) {
        #expect(refusal(AgentRules(token: "secret"), registration { $0.httpPort = port }) == .protocolError)
    }

    @Test func aStatedURLMayNameThePeer() throws {
        let rules = AgentRules(token: "secret")
        let address = try rules.admit(registration { $0.httpBaseURL = "http://10.0.0.7:81/x/v1/" }, from: "10.0.0.7")
        #expect(address.port == 81 && address.pathPrefix == "/x" && !address.isSecure)
        let six = try rules.admit(registration { $0.httpBaseURL = "https://[FE80:0::1]" }, from: "fe80::1")
        #expect(six.host == "fe80::1" && six.port == 443 && six.isSecure)
    }

    @Test(arguments: [
        "http://10.0.0.8:81", "http://gpu.lan", "http://127.0.0.1", "http://169.254.169.254/", "http://10.0.0.7.evil",
        "ftp://10.0.0.7", "http://user@10.0.0.7", "http://10.0.0.7/?x", "http://10.0.0.7/#x", "http://", "",
        "http://10.0.0.7:0", "http://10.0.0.7:99999",
    ])
    func aStatedURLMayNotNameOthers(_ url: String) {
        #expect(refusal(AgentRules(token: "secret"), registration { $0.httpBaseURL = url }) == .protocolError)
    }

    @Test func allowedHostsAreAllowed() {
        let rules = AgentRules(token: "secret", allowedHosts: ["gpu.lan"])
        #expect(refusal(rules, registration { $0.httpBaseURL = "http://GPU.lan:81" }) == nil)
        #expect(refusal(rules, registration { $0.httpBaseURL = "http://other.lan:81" }) == .protocolError)
    }

    @Test func anAgentBehindAProxyMustStateItsAddress() {
        let rules = AgentRules(token: "secret", allowedHosts: ["gpu.lan"], isTrustedProxy: { $0 == "10.0.0.1" })
        #expect(refusal(rules, registration(), from: "::ffff:10.0.0.1") == .protocolError)
        #expect(refusal(rules, registration { $0.httpBaseURL = "http://gpu.lan:81" }, from: "10.0.0.1") == nil)
        #expect(refusal(rules, registration(), from: "10.0.0.2") == nil)
    }

    // MARK: Effect of a status

    @Test func aStatusBecomesAReport() {
        let status = RunnerStatus(
            health: .degraded,
            engines: [
                EngineStatus(
                    engineType: "ollama", isHealthy: true, loadedModels: ["a", "z"],
                    availableModels: [EngineModel(id: "a", sizeBytes: 7), EngineModel(id: "b", sizeBytes: -1)],
                    batchSize: 2, slots: 4),
                EngineStatus(engineType: "x", isHealthy: false, loadedModels: ["gone"], batchSize: 8),
                EngineStatus(engineType: "y", isHealthy: true, loadedModels: ["a"], batchSize: 3),
            ],
            metrics: RunnerMetrics(requestsProcessed: 0, gpuMemoryTotal: 100),
            power: PowerStatus(sleepable: true))
        let plain = RunnerReport(status, extensions: [])
        #expect(plain.admitsCalls && !plain.isStarting && plain.slots == 5 && !plain.isSleepable)
        #expect(plain.memoryLimit == ByteCount(bytes: 100) && plain.hasGPU == true)
        #expect(
            plain.models == [
                .init(engineID: "a", isLoaded: true, size: ByteCount(bytes: 7)),
                .init(engineID: "b", isLoaded: false, size: ByteCount(bytes: 0)),
                .init(engineID: "z", isLoaded: true),
            ])
        let extended = RunnerReport(status, extensions: [.slots, .power, .sleep])
        #expect(extended.slots == 7 && extended.isSleepable)
    }

    @Test func absurdSlotsDoNotOverflow() {
        let engine = EngineStatus(engineType: "x", isHealthy: true, batchSize: .max, slots: .max)
        let status = RunnerStatus(health: .healthy, engines: Array(repeating: engine, count: 64))
        #expect(RunnerReport(status, extensions: [.slots]).slots == 640_000)
    }

    @Test(arguments: RunnerStatus.Health.allCases) func healthDecides(_ health: RunnerStatus.Health) {
        let report = RunnerReport(RunnerStatus(health: health), extensions: [])
        #expect(report.admitsCalls == (health == .healthy || health == .degraded))
        #expect(report.isStarting == (health == .starting))
    }
}
