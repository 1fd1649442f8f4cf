import SimpleAICore
import Testing

@testable import Settings

/// The changes that a reload reports, and those that it applies.
@Suite struct SettingsChangeTests {
    /// Every key of the settings, with a value other than the default.
    private static var everything: String {
        """
        server:
          host: ::1
          port: 1
          event_loops: 2
          drain: 1s
          drain_notice: 1s
          max_body: 1MiB
          max_buffered: 1GiB
          max_connections: 7
          idle_timeout: 1s
          max_headers: 2KiB
          trusted_proxies: [10.0.0.0/8]
          cors: {origins: ['https://a.example']}
        auth: {mode: none, leeway: 5s, failed_attempts_per_minute: 5}
        classes: {fast: [a, b], slow: [b]}
        default_class: slow
        routing:
          policy: round_robin
          classes: {fast: {policy: prefix_affinity, prefer: [x]}}
          queue: {length: 1, timeout: 1s}
          failover: {attempts: 1, after_send: never}
          ejection: {failures: 1, for: 1s, max_share: 0.25}
          timeouts: {connect: 1s, first_byte: 1s, gap: 1s, total: 1s}
        runners: [{id: r, url: 'http://127.0.0.1:1', api_key: old-secret, slots: 2}]
        fleet:
          {token: fleet-secret, tokens: {a: own-secret}, allowed_hosts: [h], runner_timeout: 2m, grace: 9s,
           state_file: ./other.json}
        wake: {enabled: false, broadcast: 127.0.0.1, port: 1, timeout: 9s, schedule: [0s], probe_every: 1s, roles: [w]}
        keepalive: {after: 1s, every: 1s}
        expose: {runner: none}
        models: {show_members: false, aliases: {'x*': class:fast}, parameters: {a: {force: {k: 1}}}}
        errors: {permission_denied_status: 400}
        metrics: {token: metrics-secret}
        policies: [{roles: x, classes: fast}]
        limits:
          caller: {requests_per_minute: 1, concurrent_calls: 2, tokens_per_day: 3}
          address: {requests_per_minute: 4, concurrent_calls: 5, tokens_per_day: 6}
        keys: {database: ./other.db}
        log: {level: debug, format: json, access: none}
        """
    }

    private func settings(_ text: String) throws -> Settings {
        try load(text).settings
    }

    @Test func keysThatNeedARestartKeepTheirValues() throws {
        let new = try settings(Self.everything)
        let (adopted, changes) = Settings().adopting(new)
        #expect(!changes.map(\.key).contains("other keys"))
        #expect(changes.count > 40)

        // Every setting that may change has changed, and no other.
        var expected = new
        let old = Settings()
        expected.server.host = old.server.host
        expected.server.port = old.server.port
        expected.server.eventLoops = old.server.eventLoops
        expected.server.maxConnections = old.server.maxConnections
        expected.auth = old.auth
        expected.fleet.stateFile = old.fleet.stateFile
        expected.fleet.runnerTimeout = old.fleet.runnerTimeout
        expected.keys = old.keys
        expected.log.level = old.log.level
        expected.log.format = old.log.format
        #expect(adopted == expected)
        let restarts = changes.filter(\.needsRestart).map(\.key)
        #expect(
            restarts == [
                "server.host", "server.port", "server.event_loops", "server.max_connections", "auth.mode",
                "auth.leeway", "auth.failed_attempts_per_minute", "fleet.runner_timeout", "fleet.state_file",
                "keys.database", "log.level", "log.format",
            ])
    }

    @Test func changesAreReportedInTheFilesNotation() throws {
        let old = try settings(Self.everything)
        var new = old
        new.server.drain = .seconds(90)
        new.server.maxBody = .mebibytes(2)
        new.classes = [.init(name: "fast", models: ["b"]), .init(name: "new", models: ["a", "b"])]
        new.routing.prefer["fast"] = ["x", "y"]
        new.routing.policies = [:]
        new.runners[0].slots = 4
        new.runners.append(.init(id: "s", url: "http://127.0.0.1:2"))
        let changes = old.adopting(new).changes
        #expect(
            changes == [
                SettingsChange("server.drain", from: "1s", to: "90s"),
                SettingsChange("server.max_body", from: "1MiB", to: "2MiB"),
                SettingsChange("classes.fast", from: "a, b", to: "b"),
                SettingsChange("classes.slow", from: "b", to: nil),
                SettingsChange("classes.new", from: nil, to: "a, b"),
                SettingsChange("routing.classes.fast.policy", from: "prefix_affinity", to: nil),
                SettingsChange("routing.classes.fast.prefer", from: "x", to: "x, y"),
                SettingsChange("runners.r.slots", from: "2", to: "4"),
                SettingsChange("runners.s", from: nil, to: "http://127.0.0.1:2"),
            ])
    }

    @Test func secretsOnlyShowThatTheyChanged() throws {
        var old = try settings(Self.everything)
        old.server.tls = .init(certificate: "old certificate", key: "old key")
        var new = old
        new.server.tls = .init(certificate: "new certificate", key: "new key")
        new.metrics.token = "new-secret"
        new.runners[0].apiKey = "new-secret"
        new.runners[0].wake = .init(macs: [try #require(MACAddress("52:54:00:12:34:56"))])
        new.runners[0].wake?.secureOn = [1, 2, 3, 4, 5, 6]
        new.runners[0].wake?.command = ["wake", "--password", "secret"]
        new.runners[0].sleep = .init(
            command: ["sleep", "--password", "secret"],
            http: .init(method: "POST", url: "http://home.lan/secret", host: "home.lan"))
        let (adopted, changes) = old.adopting(new)
        #expect(adopted == new)
        let keys = ["api_key", "wake.secure_on", "wake.command", "sleep.command", "sleep.http"].map {
            "runners.r.\($0)"
        }
        for key in ["server.tls", "metrics.token"] + keys {
            let change = try #require(changes.first { $0.key == key })
            #expect(change.from == nil && change.to == nil && !change.needsRestart)
        }
        #expect(!"\(changes)".contains("secret") && !"\(changes)".contains("[1, 2"))
    }

    @Test func tlsIsNotSwitchedOnOrOffWhileCallsRun() {
        let plain = Settings()
        var secure = plain
        secure.server.tls = .init(certificate: "c", key: "k")
        for (old, new) in [(plain, secure), (secure, plain)] {
            let (adopted, changes) = old.adopting(new)
            #expect(adopted == old)
            #expect(changes.map(\.key) == ["server.tls"] && changes.allSatisfy(\.needsRestart))
        }
    }

    @Test func equalSettingsHaveNoChanges() throws {
        let same = try settings(Self.everything)
        #expect(same.adopting(same).changes.isEmpty)
        #expect(same.adopting(same).settings == same)
    }
}
