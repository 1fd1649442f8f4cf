import Foundation
import Settings
import SimpleAICore
import TestSupport
import Testing

/// Every key reaches its property.
@Suite struct SectionsTests {
    @Test func server() throws {
        let text = """
            server:
              host: ::1
              port: 0
              event_loops: 2
              drain: 10s
              drain_notice: 500ms
              max_body: 1MiB
              max_buffered: 2GiB
              max_spooled: 8GiB
              max_spooled_per_caller: 3GiB
              max_response: 1GiB
              max_connections: 7
              idle_timeout: 1h
              max_headers: 2000B
            """
        let server = try settings(text).server
        #expect(server.host == "::1")
        #expect(server.port == 0)
        #expect(server.eventLoops == 2)
        #expect(server.drain == .seconds(10))
        #expect(server.drainNotice == .milliseconds(500))
        #expect(server.maxBody == .mebibytes(1))
        #expect(server.maxBuffered == .mebibytes(2048))
        #expect(server.maxSpooled == .mebibytes(8_192))
        #expect(server.maxSpooledPerCaller == .mebibytes(3_072))
        #expect(server.maxResponse == .mebibytes(1024))
        #expect(server.maxConnections == 7)
        #expect(server.idleTimeout == .seconds(3600))
        #expect(server.maxHeaders == ByteCount(bytes: 2000))
    }

    @Test func issuers() throws {
        let text = """
            auth:
              leeway: 5s
              failed_attempts_per_minute: 7
              issuers:
                - issuer: https://a.example/
                  audience: [one, two]
                  algorithms: [ES384, Ed25519]
                  token_type: at+jwt
                  scopes: [chat, "no"]
                  authorized_parties: [app]
                  refresh: { every: 1m, cooldown: 2s }
                  jwks_url: https://a.example/keys?policy=1
                  tls: { ca_file: /dev/null }
                  subject_claims: [sub, [act, sub], { path: client_id }]
                  role_claims:
                    - groups
                    - [resource_access, my.client, roles]
                    - { path: ["urn:zitadel:iam:org:project:roles"], keys: true }
                    - path: realm_access.roles
                      keys: true
                    - { path: [a, b], keys: false }
                  admin_role: boss
                  specific_role: picker
            """
        let auth = try load(text).settings.auth
        #expect(auth.leeway == .seconds(5))
        #expect(auth.failedAttemptsPerMinute == 7)
        var expected = Settings.Issuer(issuer: "https://a.example/", audience: .oneOf(["one", "two"]))
        expected.algorithms = ["ES384", "Ed25519"]
        expected.caFile = "/dev/null"
        expected.subjectClaims = [.dotted("sub"), .keys(["act", "sub"]), .dotted("client_id")]
        expected.tokenType = "at+jwt"
        expected.scopes = ["chat", "no"]
        expected.authorizedParties = ["app"]
        expected.refreshInterval = .seconds(60)
        expected.refreshCooldown = .seconds(2)
        expected.keys = .url("https://a.example/keys?policy=1")
        expected.roleClaims = [
            .dotted("groups"), .keys(["resource_access", "my.client", "roles"]),
            .memberNames(.keys(["urn:zitadel:iam:org:project:roles"])), .memberNames(.dotted("realm_access.roles")),
            .keys(["a", "b"]),
        ]
        expected.adminRole = "boss"
        expected.specificRole = "picker"
        #expect(auth.issuers == [expected])
    }

    @Test func keysFromAFile() throws {
        try inTemporaryDirectory { directory in
            let path = try directory.write("keys.json", Data("{}".utf8))
            let text = "auth: {issuers: [{issuer: 'http://a.example', audience: x, jwks_file: '\(path)'}]}"
            let loaded = try load(text)
            #expect(loaded.settings.auth.issuers.first?.keys == .file(path: path))
            #expect(!loaded.warnings.contains { $0.key.hasPrefix("auth") })
        }
    }

    @Test func classesKeepTheFilesOrder() throws {
        let read = try settings("classes: {zebra: [a], fast: [c, b], apple: [d]}\ndefault_class: apple")
        #expect(read.classes.map(\.name) == ["zebra", "fast", "apple"])
        #expect(read.classes[1].models == ["c", "b"])
        #expect(read.defaultClass == "apple")
    }

    @Test func routing() throws {
        let text = """
            classes: {fast: [a], big: [b], other: [c]}
            routing:
              policy: round_robin
              classes:
                fast: { policy: least_busy, prefer: [big, small], speculative_wake: [night-gpu] }
                big: { policy: prefix_affinity }
                other: { policy: round_robin }
              queue: { length: 0, timeout: 1s }
              failover: { attempts: 1, after_send: never }
              ejection: { failures: 0, for: 2m, max_share: 0.25 }
              timeouts: { connect: 1s, first_byte: 2s, gap: 3s, total: 4s }
            """
        let routing = try settings(text).routing
        #expect(routing.prefer == ["fast": ["big", "small"]])
        #expect(routing.policy == .roundRobin)
        #expect(routing.policies == ["fast": .leastBusy, "big": .prefixAffinity])
        #expect(routing.ejectionFailures == 0)
        #expect(routing.ejectionTime == .seconds(120))
        #expect(routing.ejectionMaxShare == 0.25)
        #expect(routing.queueLength == 0)
        #expect(routing.queueTimeout == .seconds(1))
        #expect(routing.failoverAttempts == 1)
        #expect(routing.afterSend == .never)
        #expect(routing.timeouts.connect == .seconds(1))
        #expect(routing.timeouts.firstByte == .seconds(2))
        #expect(routing.timeouts.gap == .seconds(3))
        #expect(routing.timeouts.total == .seconds(4))
    }

    @Test func runners() throws {
        let text = """
            runners:
              - id: gpu
                url: https://10.0.0.5:8443/engine/v1/
                models: ["llama3:8b", "123"]
                aliases: { "llama": "llama3:8b" }
                slots: 4
                weight: 2
                machine_type: big
                stream_usage: false
                endpoints: [embeddings, /v1/chat/completions, v1/embeddings/, rerank, /api/chat]
                tls: { verify: false }
                api_key: sk-1
                probe: { path: /health, every: 1s, timeout: 100ms }
                wake: { mac: 525400.123456, broadcast: 10.0.0.255, port: 7, secure_on: "01-02-03-04-05-06" }
            """.replacing("525400.123456", with: "5254.0012.3456")
        let runner = try #require(try settings(text).runners.first)
        #expect(runner.id == "gpu")
        #expect(runner.url == "https://10.0.0.5:8443/engine")
        #expect(runner.models == ["llama3:8b", "123"])
        #expect(runner.aliases == ["llama": "llama3:8b"])
        #expect(runner.slots == 4)
        #expect(runner.weight == 2)
        #expect(runner.machineType == "big")
        #expect(!runner.streamUsage)
        #expect(
            runner.endpoints == [
                .chatCompletions, .embeddings, .rerank, .rerankV2, .rerankUnversioned, .ollamaChat,
            ])
        #expect(!runner.tls.verify)
        #expect(runner.apiKey == "sk-1")
        #expect(runner.probe.path == "/health")
        #expect(runner.probe.every == .seconds(1))
        #expect(runner.probe.timeout == .milliseconds(100))
        #expect(runner.wake?.macs == [try #require(MACAddress("52:54:00:12:34:56"))])
        #expect(runner.wake?.broadcast == "10.0.0.255")
        #expect(runner.wake?.port == 7)
        #expect(runner.wake?.secureOn == [1, 2, 3, 4, 5, 6])
    }

    /// In YAML 1.1 digits and colons are a base-60 number, and digits alone a decimal number.
    @Test(arguments: ["10:20:30:40:50:51", "1020.3040.5051", "10-20-30-40-50-51"])
    func aMACOfDigitsIsNotANumber(_ mac: String) throws {
        let runner = try settings("runners: [{url: 'http://a', wake: {mac: \(mac)}}]").runners.first
        #expect(runner?.wake?.macs.first?.description == "10:20:30:40:50:51")
    }

    @Test func readsAllWakeMethods() throws {
        let runners = try settings(
            """
            runners:
              - url: http://a
                wake:
                  mac: "52:54:00:12:34:56"
                  command: [ipmitool, -H, "10.0.0.9", power, "on"]
                  http: https://home.lan/api/webhook/gpu?x=1
                  relay: "[fd00::2]:9999"
              - {url: "http://b", wake: {command: [power-on, b]}}
              - {url: "http://c", wake: {http: "put http://home.lan/c", command: [], relay: ""}}
            """
        ).runners
        let all = try #require(runners[0].wake)
        #expect(all.command == ["ipmitool", "-H", "10.0.0.9", "power", "on"])
        #expect(
            all.http
                == Settings.WebHook(
                    method: "POST", url: "https://home.lan/api/webhook/gpu?x=1", host: "home.lan"))
        #expect(all.relay == Settings.HostAndPort(host: "fd00::2", port: 9999))
        // A machine with a wake program or a web hook needs no MAC address.
        #expect(runners[1].wake?.macs == [])
        #expect(runners[1].wake?.command == ["power-on", "b"])
        #expect(runners[2].wake?.http?.method == "PUT")
        #expect(runners[2].wake?.relay == nil)
    }

    @Test func readsSleepMethods() throws {
        let runners = try settings(
            """
            runners:
              - url: http://a
                wake: {mac: "52:54:00:12:34:56"}
                sleep:
                  command: [ssh, -o, BatchMode=yes, gamer@10.0.0.7, "rundll32.exe powrprof.dll,SetSuspendState 0,1,0"]
                  http: https://home.lan/api/webhook/suspend?x=1
              - {url: "http://b", wake: {command: [power-on]}, sleep: {http: "put http://home.lan/b"}}
              - {url: "http://c", wake: {command: [power-on]}, sleep: {command: [], http: ""}}
              - {url: "http://d", sleep: {}}
            """
        ).runners
        #expect(
            runners[0].sleep
                == Settings.SleepTarget(
                    command: [
                        "ssh", "-o", "BatchMode=yes", "gamer@10.0.0.7",
                        "rundll32.exe powrprof.dll,SetSuspendState 0,1,0",
                    ],
                    http: Settings.WebHook(
                        method: "POST", url: "https://home.lan/api/webhook/suspend?x=1", host: "home.lan")))
        #expect(runners[1].sleep?.command == [] && runners[1].sleep?.http?.method == "PUT")
        #expect(runners[2].sleep == nil && runners[3].sleep == nil)
        #expect(runners.map { Runner($0).hasSleepMethod } == [true, true, false, false])
    }

    @Test func machinesAreWokenTogetherAndPutToSleep() throws {
        let settings = try settings(
            """
            classes: {fast: [m]}
            routing: {classes: {fast: {speculative_wake: [gpu-1, gpu-server]}}}
            sleep: {after: 15m}
            """)
        #expect(settings.routing.speculativeWake == ["fast": ["gpu-1", "gpu-server"]])
        #expect(settings.sleep.after == .seconds(900))
    }

    @Test func wakeBlocksTakeTheirDefaultsFromTheWakeSection() throws {
        let text = """
            runners: [{url: 'http://a', wake: {mac: '52:54:00:12:34:56'}}, {url: 'http://b', wake: {}}]
            wake: {broadcast: 192.168.1.255, port: 7}
            """
        let runners = try settings(text).runners
        #expect(runners[0].wake?.broadcast == "192.168.1.255")
        #expect(runners[0].wake?.port == 7)
        #expect(runners[1].wake == nil)
    }

    @Test func wake() throws {
        let text = """
            wake:
              enabled: false
              timeout: 2m
              schedule: [500ms, 2s]
              probe_every: 100ms
              roles: [family]
            """
        let wake = try settings(text).wake
        #expect(!wake.enabled)
        #expect(wake.timeout == .seconds(120))
        #expect(wake.schedule == [.milliseconds(500), .seconds(2)])
        #expect(wake.probeInterval == .milliseconds(100))
        #expect(wake.roles == ["family"])
    }

    @Test func theRest() throws {
        let text = """
            fleet:
              token: shared
              tokens: { gpu-1: own }
              allowed_hosts: [gpu.lan, 10.0.0.5]
              runner_timeout: 2m
              grace: 10s
              state_file: /var/lib/simpleai/state.json
            keepalive: { after: 1s, every: 2s }
            expose: { runner: none }
            models: { show_members: false }
            errors: { permission_denied_status: 400 }
            metrics: { token: abc }
            log: { level: debug, format: json, access: errors }
            """
        let read = try settings(text)
        #expect(read.fleet.token == "shared" && read.fleet.tokens == ["gpu-1": "own"] && read.fleet.acceptsAgents)
        #expect(read.fleet.allowedHosts == ["gpu.lan", "10.0.0.5"])
        #expect(read.fleet.runnerTimeout == .seconds(120))
        #expect(read.fleet.gracePeriod == .seconds(10))
        #expect(read.fleet.stateFile == "/var/lib/simpleai/state.json")
        #expect(read.keepalive.after == .seconds(1))
        #expect(read.keepalive.every == .seconds(2))
        #expect(read.expose.runner == .none)
        #expect(!read.models.showMembers)
        #expect(read.errors.permissionDeniedStatus == 400)
        #expect(read.metrics.token == "abc")
        #expect(read.log.level == .debug)
        #expect(read.log.format == .json)
        #expect(read.log.access == .errors)
    }

    @Test(arguments: ["no", "off", "0x10", "1e3", "2024-01-01", "true"])
    func textsAreReadAsWritten(_ text: String) throws {
        #expect(try settings("runners: [{url: 'http://a', machine_type: \(text)}]").runners[0].machineType == text)
        #expect(try settings("classes: {fast: [\(text)]}").classes[0].models == [ModelID(text)])
    }

    @Test(arguments: ["", "~", "null"])
    func aKeyWithoutAValueCountsAsAbsent(_ nothing: String) throws {
        #expect(
            try settings("server:\n  port: \(nothing)\nrouting: \(nothing)\nrunners: \(nothing)") == settings(""))
    }

    @Test func anchorsAreRead() throws {
        let text = "runners: [{id: a, url: 'http://a', probe: &p {every: 1s}}, {id: b, url: 'http://b', probe: *p}]"
        #expect(try settings(text).runners.map(\.probe.every) == [.seconds(1), .seconds(1)])
    }
}
