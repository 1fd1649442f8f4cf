import Settings
import SimpleAICore
import Testing

@Suite struct SettingsValidationTests {
    static let issuer = "auth: {issuers: [{issuer: 'https://a.example', audience: x}]}\n"

    @Test(arguments: [
        // Authentication
        ProblemCase("server: {port: 1}", "s.yaml:1: auth.issuers: mode oidc needs at least one issuer; …"),
        ProblemCase(
            "server: {port: 1}\nauth: {leeway: 1s}", "s.yaml:2: auth.issuers: mode oidc needs at least one issuer; …"),
        ProblemCase(
            "server: {host: 0.0.0.0}\nauth: {mode: none}",
            "s.yaml:2: auth.mode: the value none would let every client that reaches 0.0.0.0 use the gateway; …"),
        ProblemCase(
            "server: {host: '::'}\nauth: {mode: none}", "s.yaml:2: auth.mode: the value none would let every client…"),
        ProblemCase(
            "server: {host: gateway.lan}\nauth: {mode: none}",
            "s.yaml:2: auth.mode: the value none would let every client…"),
        ProblemCase("auth: {issuers: [{audience: x}]}", "s.yaml:1: auth.issuers[0].issuer: is required; …"),
        ProblemCase("auth:\n  issuers:\n    - issuer: https://a", "s.yaml:3: auth.issuers[0].audience: is required; …"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a', audience: []}]}", "s.yaml:1: auth.issuers[0].audience: is empty; …"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a', audience: [any, x]}]}",
            "s.yaml:1: auth.issuers[0].audience: lists `any` with other values; …"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a?b', audience: x}]}",
            "s.yaml:1: auth.issuers[0].issuer: has a query; …"),
        ProblemCase(
            "auth:\n  issuers:\n    - {issuer: 'https://a', audience: x}\n    - {issuer: 'https://a', audience: y}",
            "s.yaml:4: auth.issuers[1].issuer: repeats auth.issuers[0]; …"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a', audience: x, algorithms: [HS256]}]}",
            "s.yaml:1: auth.issuers[0].algorithms[0]: HS256 lets every party…"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a', audience: x, algorithms: [RSA256]}]}",
            "s.yaml:1: auth.issuers[0].algorithms[0]: \"RSA256\" is not supported…"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a', audience: x, algorithms: []}]}",
            "s.yaml:1: auth.issuers[0].algorithms: is empty; …"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a', audience: x, role_claims: []}]}",
            "s.yaml:1: auth.issuers[0].role_claims: is not a claim; …"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a', audience: x, role_claims: [[]]}]}",
            "s.yaml:1: auth.issuers[0].role_claims: is not a claim; …"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a', audience: x, role_claims: [{path: [], keys: true}]}]}",
            "s.yaml:1: auth.issuers[0].role_claims: is not a claim; …"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a', audience: x, role_claims: [{keys: true}]}]}",
            "s.yaml:1: auth.issuers[0].role_claims[0].path: is required; set the claim…"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a', audience: x, role_claims: [{path: r, key: true}]}]}",
            "s.yaml:1: auth.issuers[0].role_claims[0].key: is unknown; did you mean `keys`?"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a', audience: x, role_claims: [{path: r, keys: perhaps}]}]}",
            "s.yaml:1: auth.issuers[0].role_claims[0].keys: \"perhaps\" is not a boolean…"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a', audience: x, subject_claims: []}]}",
            "s.yaml:1: auth.issuers[0].subject_claims: is not a claim; …"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a', audience: x, subject_claims: [{path: r, keys: true}]}]}",
            "s.yaml:1: auth.issuers[0].subject_claims: does not support `keys: true`; …"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a', audience: x, tls: {ca_file: /nowhere/ca.pem}}]}",
            "s.yaml:1: auth.issuers[0].tls.ca_file: file \"/nowhere/ca.pem\" does not exist; …"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a', audience: x, jwks_url: 'https://a/k', jwks_file: /dev/null}]}",
            "s.yaml:1: auth.issuers[0].jwks_file: conflicts with jwks_url; keep one of them"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a', audience: x, jwks_file: /dev/null, jwks_token_file: /dev/null}]}",
            "s.yaml:1: auth.issuers[0].jwks_token_file: is ignored, because the keys come from a file; …"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a', audience: x, jwks_url: 'http://a/k', jwks_token_file: /dev/null}]}",
            "s.yaml:1: auth.issuers[0].jwks_token_file: would be sent in plain text, because jwks_url lacks TLS; …"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'http://a', audience: x, jwks_token_file: /dev/null}]}",
            "s.yaml:1: auth.issuers[0].jwks_token_file: would be sent in plain text, because issuer lacks TLS; …"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a', audience: x, jwks_token_file: /nowhere/token}]}",
            "s.yaml:1: auth.issuers[0].jwks_token_file: file \"/nowhere/token\" does not exist; …"),
        ProblemCase(
            "auth:\n  issuers:\n    - issuer: https://login.microsoftonline.com/{tenantid}/v2.0\n      audience: x",
            "s.yaml:3: auth.issuers[0].tenants: is required with {tenantid}, which accepts tokens of every tenant…"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a/{tenantid}/v2.0', audience: x, tenants: []}]}",
            "s.yaml:1: auth.issuers[0].tenants: is required with {tenantid}…"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a/{tenantid}', audience: x, tenants: [contoso.onmicrosoft.com]}]}",
            "s.yaml:1: auth.issuers[0].tenants[0]: \"contoso.onmicrosoft.com\" is not a tenant id; use the id in lower case…"
        ),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a/{tenantid}', audience: x, "
                + "tenants: [8EAEF023-2b34-4da1-9baa-8bc8c9d6a490]}]}",
            "s.yaml:1: auth.issuers[0].tenants[0]: \"8EAEF023-2b34-4da1-9baa-8bc8c9d6a490\" is not a tenant id; …"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a', audience: x, tenants: [8eaef023-2b34-4da1-9baa-8bc8c9d6a490]}]}",
            "s.yaml:1: auth.issuers[0].tenants: requires an issuer with {tenantid}…"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a/{tenant}/v2.0', audience: x}]}",
            "s.yaml:1: auth.issuers[0].issuer: has braces; only {tenantid} is allowed…"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a/{tenantid}.b', audience: x}]}",
            "s.yaml:1: auth.issuers[0].issuer: has braces; …"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://login.microsoftonline.com/organizations/v2.0', audience: x}]}",
            "s.yaml:1: auth.issuers[0].issuer: organizations never occurs in a token, which names its own tenant; use "
                + "https://login.microsoftonline.com/{tenantid}/v2.0 and list your tenants' ids as tenants"),
        ProblemCase("auth: {issuers: [a]}", "s.yaml:1: auth.issuers[0]: must be a table; …"),
        // Classes
        ProblemCase(issuer + "classes:\n  fast: []", "s.yaml:3: classes.fast: has no models; …"),
        ProblemCase(issuer + "classes:\n  fast:", "s.yaml:3: classes.fast: has no models; …"),
        ProblemCase(issuer + "classes:\n  fast: [a, b, a]", "s.yaml:3: classes.fast: lists a twice; list it once"),
        ProblemCase(
            issuer + "classes: {'class:fast': [a]}\ndefault_class: 'class:fast'",
            "s.yaml:2: classes.\"class:fast\": the name…"),
        ProblemCase(
            issuer + "classes: {big: [a]}",
            "s.yaml:1: default_class: defaults to fast, which is not a class; set it to one of the names under classes, such as big"
        ),
        ProblemCase(
            issuer + "classes: {fast: [a]}\ndefault_class: fats",
            "s.yaml:3: default_class: unknown class fats; did you mean fast?"),
        ProblemCase(issuer + "default_class: fast", "s.yaml:2: default_class: unknown class fast; …"),
        ProblemCase(
            issuer + "classes: {fast: [a]}\nrouting:\n  classes:\n    fasst: {prefer: []}",
            "s.yaml:5: routing.classes.fasst: unknown class; did you mean fast?"),
        // Runners
        ProblemCase(
            issuer
                + "runners:\n  - {id: a, url: 'http://a'}\n  - {id: b, url: 'http://b'}\n  - {id: a, url: 'http://c'}",
            "s.yaml:5: runners[2].id: a is already the id of runners[0]; give each runner its own id"),
        ProblemCase(
            issuer + "runners: [{url: 'http://a'}, {url: 'http://a/v1'}]",
            "s.yaml:2: runners[1].id: a is already the id of runners[0]…"),
        ProblemCase(
            issuer + "runners: [{url: 'http://a', models: [m, m]}]",
            "s.yaml:2: runners[0].models: lists m twice; list it once"),
        ProblemCase(
            issuer + "runners:\n  - url: http://a\n    models: [m]\n    aliases:\n      x.y: n",
            "s.yaml:6: runners[0].aliases.\"x.y\": refers to n, which is not among this runner's models; …"),
    ])
    func problemIsReportedWithItsPosition(_ problem: ProblemCase) {
        let found = problems(problem.text)
        let isPrefix = problem.expected.hasSuffix("…")
        let expected = isPrefix ? String(problem.expected.dropLast()) : problem.expected
        #expect(found.contains { isPrefix ? $0.hasPrefix(expected) : $0 == expected }, "\(found)")
        // A class whose name is refused is refused as the default as well.
        #expect(found.count == (problem.text.contains("'class:fast'") ? 2 : 1), "\(found)")
    }

    @Test func tenantsReplaceThePlaceholder() throws {
        let text = """
            auth:
              issuers:
                - issuer: https://login.microsoftonline.com/{tenantid}/v2.0
                  audience: x
                  tenants: [8eaef023-2b34-4da1-9baa-8bc8c9d6a490, 72f988bf-86f1-41af-91ab-2d7cd011db47]
            """
        let loaded = try load(text).settings.auth.issuers
        #expect(loaded.map(\.issuer) == ["https://login.microsoftonline.com/{tenantid}/v2.0"])
        #expect(
            loaded.first?.names == [
                "https://login.microsoftonline.com/8eaef023-2b34-4da1-9baa-8bc8c9d6a490/v2.0",
                "https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0",
            ])
        #expect(Settings.Issuer(issuer: "https://a", audience: .any).names == ["https://a"])
    }

    @Test(arguments: ["127.0.0.1", "127.8.0.1", "localhost", "'::1'", "'::ffff:127.0.0.1'"])
    func loopbackRequiresNoTokens(_ host: String) {
        #expect(problems("server: {host: \(host)}\nauth: {mode: none}") == [])
    }

    @Test(arguments: [
        "runners: [{url: 'http://a', aliases: {x: y}}]",
        "runners: [{url: 'http://a', models: [x], aliases: {x: y}}]",
        "runners: [{url: 'http://a', models: [y], aliases: {x: y}}]",
    ])
    func aliasesThatARunnerMayServeAreAccepted(_ text: String) {
        #expect(problems(minimal + text) == [])
    }

    @Test(arguments: [
        (
            "auth: {issuers: [{issuer: 'https://a', audience: any}]}",
            "auth.issuers[0].audience: any accepts every token"
        ),
        (
            "auth: {issuers: [{issuer: 'https://a', audience: any, authorized_parties: [app]}]}",
            "auth.issuers[0].audience: any accepts every token of these authorized_parties"
        ),
        (
            "auth: {issuers: [{issuer: 'https://a', audience: x, subject_claims: [sub, email]}]}",
            "auth.issuers[0].subject_claims: email can be reassigned"
        ),
        (
            "auth: {issuers: [{issuer: 'https://a', audience: x, subject_claims: [[preferred_username]]}]}",
            "auth.issuers[0].subject_claims: preferred_username can be reassigned"
        ),
        (
            "auth: {issuers: [{issuer: 'https://a', audience: x, jwks_file: /dev/null, tls: {ca_file: /dev/null}}]}",
            "auth.issuers[0].tls.ca_file: is ignored"
        ),
        ("auth: {issuers: [{issuer: 'http://a', audience: x}]}", "auth.issuers[0].issuer: http://a lacks TLS"),
        (
            "auth: {issuers: [{issuer: 'https://a', audience: x, jwks_url: 'http://a/k'}]}",
            "auth.issuers[0].jwks_url: http://a/k lacks TLS"
        ),
        (
            "auth: {mode: none, issuers: [{issuer: 'https://a', audience: x}]}",
            "auth.mode: the value none disables authentication"
        ),
        ("auth: {mode: none}", "classes: is empty"),
        ("auth: {mode: none}", "runners: is empty"),
        (
            "auth: {mode: none}\nclasses: {fast: [lama]}\nrunners: [{url: 'http://a', models: [llama]}]",
            "classes.fast: no runner lists lama; did you mean llama?"
        ),
        (
            "auth: {mode: none}\nclasses: {fast: [llama3.2]}\n"
                + "runners: [{id: box, url: 'http://a', models: ['llama3.2:70b', 'llama3.2:3b', llama3.20]}]",
            "classes.fast: no runner lists llama3.2; box has llama3.2:3b"
        ),
        (
            "auth: {mode: none}\nclasses: {fast: [a]}\nrouting: {classes: {fast: {prefer: [big]}}}",
            "routing.classes.fast.prefer: no runner has the machine_type big"
        ),
        (
            "auth: {mode: none}\nrunners: [{url: 'https://a', tls: {verify: false}}]",
            "runners[0].tls.verify: the value false accepts any certificate"
        ),
        (
            "auth: {mode: none}\nwake: {enabled: false}\nrunners: [{url: 'http://a', wake: {mac: 'aa:bb:cc:dd:ee:ff'}}]",
            "runners[0].wake: is ignored"
        ),
        (
            "auth: {mode: none}\nrunners: [{url: 'http://a:1/v1/chat/completions'}]",
            "runners[0].url: ends in an API path, which the gateway adds itself; use http://a:1"
        ),
        (
            "auth: {mode: none}\nrunners: [{url: 'http://a:1/proxy/api'}]",
            "runners[0].url: ends in an API path, which the gateway adds itself; use http://a:1/proxy"
        ),
        (
            "auth: {mode: none}\nrunners: [{url: 'http://a', wake: {command: [no-such-program-here]}}]",
            "runners[0].wake.command: the program \"no-such-program-here\" does not exist"
        ),
        (
            "auth: {mode: none}\nrunners: [{url: 'http://a', wake: {command: [ls]}, sleep: {command: [no-such-program]}}]",
            "runners[0].sleep.command: the program \"no-such-program\" does not exist"
        ),
        (
            "auth: {mode: none}\nrunners: [{url: 'http://a', wake: {command: [ls]}, sleep: {http: 'http://home.lan/x'}}]",
            "runners[0].sleep.http: is sent without TLS"
        ),
        (
            "auth: {mode: none}\nwake: {enabled: false}\n"
                + "runners: [{url: 'http://a', wake: {command: [ls]}, sleep: {command: [ls]}}]",
            "runners[0].sleep: is ignored, because wake.enabled is false"
        ),
        (
            "auth: {issuers: [{issuer: 'https://a', audience: x}]}\nclasses: {fast: [m]}\nwake: {roles: [stuff]}\n"
                + "policies: [{roles: [staff], classes: [fast]}]",
            "wake.roles: no policy lists the role \"stuff\", so its callers may use no model; did you mean staff?"
        ),
        (
            "auth: {issuers: [{issuer: 'https://a', audience: x}]}\nclasses: {fast: [m]}\nfleet: {token: x}",
            "server.host: 127.0.0.1 is reachable from this machine only, so agents on other machines cannot join"
        ),
        (
            "auth: {mode: none}\nfleet: {token: x, runner_timeout: 20s}",
            "fleet.runner_timeout: 20s is less than the heartbeat tolerance of agents"
        ),
    ])
    func warningsAreReported(_ text: String, _ expected: String) throws {
        let found = try warnings(text)
        #expect(found.contains { $0.contains(": \(expected)") }, "\(found)")
    }

    /// The rights that a role grants to the holder of an API key.
    @Test func reportsWhichRolesOfKeysGrantRights() throws {
        let policies = "policies: [{roles: [staff], classes: [fast]}, {roles: '*', classes: [fast]}]"
        let loaded = try settings("classes: {fast: [m]}\nwake: {roles: [night]}\n" + policies)
        let roles = RoleNames(forKeysUnder: loaded, specificRole: "model:specific")
        for role in ["staff", "night", "model:specific"] as [Role] { #expect(roles.isEffective(role)) }
        for role in ["stuff", "Staff", "admin"] as [Role] { #expect(!roles.isEffective(role)) }
        #expect(roles.nearest(to: "stuff") == "staff")
        #expect(roles.nearest(to: "Staff") == "staff")
        #expect(roles.nearest(to: "admin") == nil)
    }

    /// An agent may provide a model that no runner of the file has.
    @Test func modelsAreNotMissingWhereAgentsMayRegister() throws {
        let text = """
            auth: {issuers: [{issuer: 'https://a', audience: x}]}
            classes: {fast: [a]}
            routing: {classes: {fast: {prefer: [big]}}}
            server: {host: 0.0.0.0}
            fleet: {token: x}
            """
        #expect(try warnings(text) == [])
    }

    @Test(arguments: ["https://a", "http://localhost:9000", "http://127.0.0.1:9000", "http://[::1]:9000"])
    func issuersThatCannotBeImpersonatedCauseNoWarning(_ url: String) throws {
        let text = """
            auth: {issuers: [{issuer: '\(url)', audience: x}]}
            classes: {fast: [a]}
            runners: [{url: 'http://a', models: [b], aliases: {a: b}}]
            """
        #expect(try warnings(text) == [])
    }
}
