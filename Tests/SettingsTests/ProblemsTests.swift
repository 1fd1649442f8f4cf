import Settings
import Testing

/// A text with one problem: its place, and its message.
struct ProblemCase: CustomTestStringConvertible {
    let text: String
    let expected: String

    /// `text` begins at line 2; `expected` is the whole line, or its beginning if it ends in `…`.
    init(_ text: String, _ expected: String) {
        self.text = text
        self.expected = expected
    }

    var testDescription: String { expected }
}

func expect(_ problem: ProblemCase, in found: [String]) {
    #expect(found.count == 1, "\(found)")
    let matches: Bool? =
        if problem.expected.hasSuffix("…") {
            found.first?.hasPrefix(problem.expected.dropLast())
        } else {
            found.first.map { $0 == problem.expected }
        }
    #expect(matches == true, "\(found)")
}

@Suite struct ProblemsTests {
    @Test(arguments: [
        // Keys
        ProblemCase("servr: {port: 1}", "s.yaml:2: servr: is unknown; did you mean `server`?"),
        ProblemCase("server:\n  prot: 1", "s.yaml:3: server.prot: is unknown; did you mean `port`?"),
        ProblemCase("server: {max-body: 1MiB}", "s.yaml:2: server.max-body: is unknown; did you mean `max_body`?"),
        ProblemCase("server: {maxBody: 1MiB}", "s.yaml:2: server.maxBody: is unknown; did you mean `max_body`?"),
        ProblemCase(
            "models: {teapot: 1}", "s.yaml:2: models.teapot: is unknown; known keys: show_members, aliases, parameters"),
        ProblemCase("log:\n  level: info\n  level: debug", "s.yaml:3: log.level: is defined again in line 4; keep one"),
        ProblemCase(
            "server: {<<: {port: 1}}", "s.yaml:2: server.\"<<\": merge keys are not supported; write the keys out"),
        ProblemCase("server: {[a]: 1}", "s.yaml:2: server: has a list or a table as a key; use a name"),
        // Shapes
        ProblemCase("server: 8080", "s.yaml:2: server: must be a table; put its keys below it, indented"),
        ProblemCase("server: {port: [1]}", "s.yaml:2: server.port: must be a single value; use a whole number…"),
        ProblemCase("runners: {url: 'http://a'}", "s.yaml:2: runners: must be a list; use [first, second]…"),
        ProblemCase("runners: [http]", "s.yaml:2: runners[0]: must be a table…"),
        ProblemCase("classes:\n  fast:\n    - a\n    -\n", "s.yaml:5: classes.fast[1]: is empty; set a model id…"),
        // Numbers, sizes and durations
        ProblemCase("server:\n\n  port: 65536", "s.yaml:4: server.port: 65536 is out of range; use a whole number…"),
        ProblemCase("server: {port: -1}", "s.yaml:2: server.port: -1 is out of range; use a whole number from 0 to…"),
        ProblemCase("server: {port: 80a}", "s.yaml:2: server.port: \"80a\" is not a whole number; use a whole number…"),
        ProblemCase(
            "server: {max_body: 32MB}", "s.yaml:2: server.max_body: \"32MB\" has no known unit; use 32MiB"),
        ProblemCase(
            "server: {max_body: big}", "s.yaml:2: server.max_body: \"big\" is not a size; use a value such as 64KiB…"),
        ProblemCase("server: {drain: 30}", "s.yaml:2: server.drain: \"30\" has no known unit; use 30s…"),
        ProblemCase(
            "server: {drain: soon}", "s.yaml:2: server.drain: \"soon\" is not a duration; use a value such as 500ms…"),
        ProblemCase(
            "server: {drain: 9223372036854775807h}", "s.yaml:2: server.drain: \"9223372036854775807h\" is out of…"),
        ProblemCase("keepalive: {every: 0s}", "s.yaml:2: keepalive.every: \"0s\" is out of range; use 100ms to 5m"),
        ProblemCase("server: {max_buffered: 1MiB}", "s.yaml:2: server.max_buffered: 1MiB is less than one body…"),
        ProblemCase("server: {max_spooled: 1MiB}", "s.yaml:2: server.max_spooled: 1MiB is less than one body…"),
        ProblemCase(
            "server: {max_spooled_per_caller: 1MiB}",
            "s.yaml:2: server.max_spooled_per_caller: 1MiB is less than one body…"),
        // Choices
        ProblemCase("models: {show_members: yes}", "s.yaml:2: models.show_members: \"yes\" is not a boolean…"),
        ProblemCase(
            "log: {level: warn}",
            "s.yaml:2: log.level: \"warn\" is not supported; use trace, debug, info, notice, warning, error or critical"
                + "…"),
        ProblemCase(
            "log: {format: jsn}",
            "s.yaml:2: log.format: \"jsn\" is not supported; use text or json: did you mean json?"),
        ProblemCase(
            "errors: {permission_denied_status: 404}", "s.yaml:2: errors.permission_denied_status: \"404\" is not…"),
        // Machines
        ProblemCase("runners:\n  - {id: a}", "s.yaml:3: runners[0].url: is required; set the engine's URL…"),
        ProblemCase(
            "runners:\n  - url: http://a\n    wake: {port: 9}",
            "s.yaml:4: runners[0].wake.mac: is required; set the machine's MAC address"),
        ProblemCase(
            "runners:\n  - url: http://a\n    wake:\n      mac: AA:BB:CC:DD:EE",
            "s.yaml:5: runners[0].wake.mac: \"AA:BB:CC:DD:EE\" is not a MAC address; use the form AA:BB:CC:DD:EE:FF…"),
        ProblemCase(
            "runners: [{url: 'http://a', wake: {mac: 'FF:FF:FF:FF:FF:FF'}}]",
            "s.yaml:2: runners[0].wake.mac: FF:FF:FF:FF:FF:FF is not a unicast address…"),
        ProblemCase(
            "runners: [{url: 'http://a', wake: {mac: '52:54:00:12:34:56', secure_on: hunter2}}]",
            "s.yaml:2: runners[0].wake.secure_on: is not a SecureOn password; use six bytes…"),
        ProblemCase(
            "runners: [{url: 'http://a', wake: {command: wake-it}}]",
            "s.yaml:2: runners[0].wake.command: must be a list…"),
        ProblemCase(
            "runners: [{url: 'http://a', wake: {http: POST x}}]",
            "s.yaml:2: runners[0].wake.http: is not a URL with the scheme http or https; begin with http:// or https://"
        ),
        ProblemCase(
            "runners: [{url: 'http://a', wake: {http: FETCH http://127.0.0.1/hunter2}}]",
            "s.yaml:2: runners[0].wake.http: lacks a known method; put GET, POST, PUT, PATCH or DELETE…"),
        ProblemCase(
            "runners: [{url: 'http://a', wake: {mac: '52:54:00:12:34:56', relay: 'a:0'}}]",
            "s.yaml:2: runners[0].wake.relay: \"a:0\" lacks a port; use a value such as 192.168.1.2:9999"),
        ProblemCase(
            "runners: [{url: 'http://a', wake: {mac: '52:54:00:12:34:56', relay: '::1:9'}}]",
            "s.yaml:2: runners[0].wake.relay: \"::1:9\" lacks a valid host…"),
        ProblemCase(
            "runners: [{url: 'http://a', wake: {relay: 'a:9'}}]",
            "s.yaml:2: runners[0].wake.mac: is required; set the machine's MAC address"),
        ProblemCase(
            "runners: [{url: 'http://a', wake: {mac: '52:54:00:12:34:56', port: 0}}]",
            "s.yaml:2: runners[0].wake.port: 0 is out of range…"),
        ProblemCase(
            "runners:\n  - url: http://a\n    sleep: {command: [ls]}",
            "s.yaml:4: runners[0].sleep: requires runners[0].wake, because the machine could not be woken again; add "
                + "runners[0].wake or remove runners[0].sleep"),
        ProblemCase(
            "runners: [{url: 'http://a', wake: {}, sleep: {http: 'http://127.0.0.1/x'}}]",
            "s.yaml:2: runners[0].sleep: requires runners[0].wake, because…"),
        ProblemCase(
            "runners: [{url: 'http://a', wake: {mac: x}, sleep: {command: [ls]}}]",
            "s.yaml:2: runners[0].wake.mac: \"x\" is not a MAC address…"),
        ProblemCase(
            "runners: [{url: 'http://a', wake: {command: [ls]}, sleep: {command: suspend-it}}]",
            "s.yaml:2: runners[0].sleep.command: must be a list…"),
        ProblemCase(
            "runners: [{url: 'http://a', wake: {command: [ls]}, sleep: {http: FETCH http://127.0.0.1/hunter2}}]",
            "s.yaml:2: runners[0].sleep.http: lacks a known method; put GET, POST, PUT, PATCH or DELETE…"),
        ProblemCase(
            "runners: [{url: 'http://a', wake: {command: [ls]}, sleep: {relay: 'a:9'}}]",
            "s.yaml:2: runners[0].sleep.relay: is unknown; …"),
        ProblemCase(
            "runners: [{url: 'http://a', id: ' gpu'}]",
            "s.yaml:2: runners[0].id: \" gpu\" is not valid as a runner's id…"
        ),
        ProblemCase(
            "runners: [{url: 'http://a', endpoints: [chat_completions]}]",
            "s.yaml:2: runners[0].endpoints[0]: \"chat_completions\" is not supported; use chat/completions, "
                + "completions, embeddings, responses, rerank, audio/speech, audio/transcriptions, audio/translations, "
                + "images/generations, images/edits, images/variations, messages, messages/count_tokens, api/chat, "
                + "api/generate, api/embed or api/embeddings: did you mean chat/completions?"),
        ProblemCase(
            "runners: [{url: 'http://a', endpoints: [/v1/embeddings?x]}]",
            "s.yaml:2: runners[0].endpoints[0]: \"/v1/embeddings?x\" is not supported…"),
        ProblemCase(
            "runners: [{url: 'http://a', endpoints: embeddings}]", "s.yaml:2: runners[0].endpoints: must be a list…"),
        ProblemCase(
            "runners: [{url: 'http://a', probe: {path: health}}]",
            "s.yaml:2: runners[0].probe.path: \"health\" is not a path…"),
        ProblemCase(
            "runners: [{url: 'http://a', api_key: \"a\\nb\"}]",
            "s.yaml:2: runners[0].api_key: contains characters that are invalid in headers…"),
        ProblemCase(
            "runners: [{url: 'http://a', tls: {ca_file: /nowhere/ca.pem}}]",
            "s.yaml:2: runners[0].tls.ca_file: file \"/nowhere/ca.pem\" does not exist; create it or fix the path"),
        ProblemCase(
            "runners: [{url: 'http://a', tls: {ca_file: ~/nowhere/ca.pem}}]",
            "s.yaml:2: runners[0].tls.ca_file: file \"~/nowhere/ca.pem\" does not exist; write ${HOME} instead of ~"),
        ProblemCase(
            "server: {host: 'http://a'}", "s.yaml:2: server.host: \"http://a\" is not a host; use an IP address…"),
        // Waking
        ProblemCase("wake: {schedule: [0s, 3s, 1s]}", "s.yaml:2: wake.schedule: is not ascending…"),
        ProblemCase("wake: {schedule: []}", "s.yaml:2: wake.schedule: is empty; use at least [0s]"),
        ProblemCase(
            "wake: {timeout: 5s, schedule: [6s]}", "s.yaml:2: wake.schedule: sends its first packet at 6s, not before…"),
        ProblemCase(
            "wake: {timeout: 1s, probe_every: 2s}", "s.yaml:2: wake.probe_every: is not shorter than wake.timeout…"),
    ])
    func problemIsReportedWithItsPosition(_ problem: ProblemCase) {
        expect(problem, in: problems(minimal + problem.text))
    }

    @Test(arguments: [
        "server: {tls: {certificate: '', key: ''}, trusted_proxies: [], cors: {origins: []}}",
        "routing: {policy: least_busy, ejection: {failures: 5, for: 10s, max_share: 0.5}}",
        "sleep: {after: 0ms}\npolicies: []\nlimits: {}\nkeys: {database: ./simpleai.db}",
    ])
    func keysWithoutAnEffectAreAccepted(_ text: String) {
        #expect(problems(minimal + text) == [])
    }

    @Test(arguments: [
        ProblemCase(
            "server: {trusted_proxies: [10.0.0.1/8]}", "s.yaml:2: server.trusted_proxies[0]: \"10.0.0.1/8\" has bits…"),
        ProblemCase(
            "server: {trusted_proxies: [lan]}", "s.yaml:2: server.trusted_proxies[0]: \"lan\" is not a network…"),
        ProblemCase("server: {trusted_proxies: ['::/129']}", "s.yaml:2: server.trusted_proxies[0]: \"::/129\" is no…"),
        ProblemCase("server: {trusted_proxies: 10.0.0.1}", "s.yaml:2: server.trusted_proxies: must be a list…"),
        ProblemCase("server: {cors: {origins: ['*']}}", "s.yaml:2: server.cors.origins[0]: * would let any website…"),
        ProblemCase(
            "server: {cors: {origins: [a.example]}}",
            "s.yaml:2: server.cors.origins[0]: is not a URL with the scheme http or https…"),
        ProblemCase(
            "server: {cors: {origins: ['http://a/']}}", "s.yaml:2: server.cors.origins[0]: \"http://a/\" has a path…"),
        ProblemCase(
            "server: {cors: {origins: ['https://a:443']}}", "s.yaml:2: server.cors.origins[0]: \"https://a:443\" has…"),
        ProblemCase("server: {cors: {origins: ['null']}}", "s.yaml:2: server.cors.origins[0]: null is the origin of…"),
        ProblemCase(
            "server: {cors: {origins: ['file:///x']}}", "s.yaml:2: server.cors.origins[0]: \"file:///x\" is no…"),
        ProblemCase(
            "server: {cors: {origins: ['app://a/b']}}", "s.yaml:2: server.cors.origins[0]: \"app://a/b\" has a…"),
        ProblemCase(
            "server: {cors: {origins: ['app://']}}", "s.yaml:2: server.cors.origins[0]: \"app://\" lacks a valid host…"),
        ProblemCase(
            "server: {cors: {origins: ['app://a b']}}", "s.yaml:2: server.cors.origins[0]: \"app://a b\" lacks a…"),
        ProblemCase("limits: {calls: 1}", "s.yaml:2: limits.calls: is unknown; …"),
        ProblemCase("limits: {caller: {requests_per_minute: -1}}", "s.yaml:2: limits.caller.requests_per_minute: …"),
        ProblemCase("limits: {address: {tokens_per_day: many}}", "s.yaml:2: limits.address.tokens_per_day: …"),
        ProblemCase(
            "policies: [{roles: a, models: m, limits: {calls: 1}}]", "s.yaml:2: policies[0].limits.calls: is unknown…"),
        ProblemCase(
            "policies: [{roles: a, limits: {concurrent_calls: 1}}]", "s.yaml:2: policies[0]: grants nothing; …"),
    ])
    func limitsAndClientsAreValidated(_ problem: ProblemCase) {
        expect(problem, in: problems(minimal + problem.text))
    }

    @Test(arguments: [
        ProblemCase("fleet: {token: 'a b'}", "s.yaml:2: fleet.token: contains characters that are invalid in headers…"),
        ProblemCase("fleet: {token: a, token_file: b}", "s.yaml:2: fleet.token_file: conflicts with token…"),
        ProblemCase("fleet: {token_file: /nowhere/token}", "s.yaml:2: fleet.token_file: …"),
        ProblemCase("fleet: {tokens: {a: ''}}", "s.yaml:2: fleet.tokens.a: is empty; set the token of this runner"),
        ProblemCase("fleet: {tokens: {'a b': x}}", "s.yaml:2: fleet.tokens.\"a b\": the name…"),
        ProblemCase("fleet: {allowed_hosts: ['http://a']}", "s.yaml:2: fleet.allowed_hosts[0]: …"),
        ProblemCase("fleet: {runner_timeout: 0s}", "s.yaml:2: fleet.runner_timeout: …"),
        ProblemCase("fleet: {grace: 2h}", "s.yaml:2: fleet.grace: …"),
        ProblemCase(
            "runners: [{url: 'http://a', id: r}]\nfleet: {tokens: {r: x}}",
            "s.yaml:3: fleet.tokens.r: is the id of a runner in this file…"),
    ])
    func agentsAreValidated(_ problem: ProblemCase) {
        expect(problem, in: problems(minimal + problem.text))
    }

    @Test func allProblemsAreReportedTogetherInTheFilesOrder() {
        let text = """
            auth:
              mode: none
            log: {level: loud}
            server:
              port: x
              port: y
              bogus: 1
            runners:
              - id: a
                id: b
                url: ftp://a
              - url: ${NOWHERE}
            """
        let found = problems(text, environment: ["SIMPLEAI__SERVER__DRAIN": "never"])
        #expect(
            found.map { $0.prefix { $0 != " " } } == [
                "s.yaml:3:", "s.yaml:5:", "s.yaml:6:", "s.yaml:7:", "s.yaml:9:", "s.yaml:11:", "s.yaml:12:",
                "environment",
            ], "\(found)")
    }

    @Test func emptyClassDoesNotHideThatTheDefaultIsMissing() {
        #expect(problems(minimal + "classes: {big: []}").count == 2)
    }

    @Test func aKeyThatOccursThreeTimesIsTwoProblems() {
        let found = problems(minimal + "log:\n  level: info\n  level: info\n  'level': info\n")
        #expect(
            found == [
                "s.yaml:3: log.level: is defined again in line 5; keep one",
                "s.yaml:4: log.level: is defined again in line 5; keep one",
            ])
    }
}
