import Settings
import SimpleAICore
import Testing

/// Every default, as the design of the settings file states it.
@Suite struct DefaultsTests {
    let defaults: Settings

    init() throws {
        defaults = try settings("")
    }

    @Test func server() {
        let server = defaults.server
        #expect(server.host == "127.0.0.1")
        #expect(server.port == 8080)
        #expect(server.eventLoops == 0)
        #expect(server.drain == .seconds(30))
        #expect(server.drainNotice == .zero)
        #expect(server.maxBody == .mebibytes(32))
        #expect(server.maxBuffered == .mebibytes(512))
        #expect(server.maxSpooled == .mebibytes(2_048))
        #expect(server.maxSpooledPerCaller == .mebibytes(512))
        #expect(server.maxResponse == .mebibytes(256))
        #expect(server.maxConnections == 10_000)
        #expect(server.idleTimeout == .seconds(75))
        #expect(server.maxHeaders == .kibibytes(64))
    }

    @Test func issuer() throws {
        let text = "auth: {issuers: [{issuer: https://auth.example.com/realms/main, audience: simpleai}]}"
        let auth = try load(text).settings.auth
        #expect(auth.mode == .oidc)
        #expect(auth.leeway == .seconds(30))
        #expect(auth.failedAttemptsPerMinute == 600)
        let issuer = try #require(auth.issuers.first)
        #expect(issuer.issuer == "https://auth.example.com/realms/main")
        #expect(issuer.audience == .oneOf(["simpleai"]))
        #expect(issuer.algorithms == ["RS256", "ES256", "ES384", "ES512", "EdDSA"])
        #expect(issuer.subjectClaims == [.dotted("sub")])
        #expect(issuer.caFile.isEmpty)
        #expect(issuer.tokenType == "")
        #expect(issuer.scopes == [])
        #expect(issuer.refreshInterval == .seconds(600))
        #expect(issuer.refreshCooldown == .seconds(30))
        #expect(issuer.keys == .discovery)
        #expect(issuer.roleClaims == [.dotted("roles"), .dotted("realm_access.roles")])
        #expect(issuer.adminRole == "admin")
        #expect(issuer.specificRole == "model:specific")
    }

    @Test func routing() {
        #expect(defaults.classes == [])
        #expect(defaults.defaultClass == "fast")
        let routing = defaults.routing
        #expect(routing.queueLength == 256)
        #expect(routing.queueTimeout == .seconds(30))
        #expect(routing.failoverAttempts == 2)
        #expect(routing.afterSend == .staleOnly)
        #expect(routing.timeouts.connect == .seconds(3))
        #expect(routing.timeouts.firstByte == .seconds(300))
        #expect(routing.timeouts.gap == .seconds(120))
        #expect(routing.timeouts.total == .zero)
        #expect(routing.prefer == [:])
    }

    @Test func runner() throws {
        let runner = try #require(try settings("runners: [{url: 'http://10.0.0.5:11434'}]").runners.first)
        #expect(runner.id == "10.0.0.5:11434")
        #expect(runner.models == [])
        #expect(runner.aliases == [:])
        #expect(runner.slots == 1)
        #expect(runner.weight == 1)
        #expect(runner.machineType == "")
        #expect(runner.streamUsage)
        #expect(runner.endpoints.isEmpty)
        #expect(runner.tls.verify)
        #expect(runner.tls.caFile == "")
        #expect(runner.apiKey == "")
        #expect(runner.probe.path == "/v1/models")
        #expect(runner.probe.every == .seconds(5))
        #expect(runner.probe.timeout == .seconds(2))
        #expect(runner.wake == nil)
    }

    @Test func wakingAndTheRest() {
        #expect(defaults.wake.enabled)
        #expect(defaults.wake.broadcast == "255.255.255.255")
        #expect(defaults.wake.port == 9)
        #expect(defaults.wake.timeout == .seconds(90))
        #expect(defaults.wake.schedule == [0, 1, 3, 7, 15].map { .seconds($0) })
        #expect(defaults.wake.probeInterval == .milliseconds(500))
        #expect(defaults.wake.roles == [])
        #expect(defaults.fleet.token == "" && defaults.fleet.tokens == [:] && !defaults.fleet.acceptsAgents)
        #expect(defaults.fleet.allowedHosts == [])
        #expect(defaults.fleet.runnerTimeout == .seconds(90))
        #expect(defaults.fleet.gracePeriod == .seconds(5))
        #expect(defaults.fleet.stateFile == "./simpleai-state.json")
        #expect(defaults.keepalive.after == .seconds(5))
        #expect(defaults.keepalive.every == .seconds(10))
        #expect(defaults.expose.runner == .all)
        #expect(defaults.models.showMembers)
        #expect(defaults.errors.permissionDeniedStatus == 403)
        #expect(defaults.metrics.token == "")
        #expect(defaults.log.level == .info)
        #expect(defaults.log.format == .text)
        #expect(defaults.log.access == .all)
    }
}
