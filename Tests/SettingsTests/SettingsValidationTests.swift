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
            "s.yaml:2: auth.mode: none would serve everybody who reaches 0.0.0.0; …"),
        ProblemCase("server: {host: '::'}\nauth: {mode: none}", "s.yaml:2: auth.mode: none would serve everybody…"),
        ProblemCase(
            "server: {host: gateway.lan}\nauth: {mode: none}", "s.yaml:2: auth.mode: none would serve everybody…"),
        ProblemCase("auth: {issuers: [{audience: x}]}", "s.yaml:1: auth.issuers[0].issuer: is required; …"),
        ProblemCase("auth:\n  issuers:\n    - issuer: https://a", "s.yaml:3: auth.issuers[0].audience: is required; …"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a', audience: []}]}", "s.yaml:1: auth.issuers[0].audience: is empty; …"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a', audience: [any, x]}]}",
            "s.yaml:1: auth.issuers[0].audience: lists `any` besides others; …"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a?b', audience: x}]}",
            "s.yaml:1: auth.issuers[0].issuer: has a query; …"),
        ProblemCase(
            "auth:\n  issuers:\n    - {issuer: 'https://a', audience: x}\n    - {issuer: 'https://a', audience: y}",
            "s.yaml:4: auth.issuers[1].issuer: is the same as auth.issuers[0]; …"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a', audience: x, algorithms: [HS256]}]}",
            "s.yaml:1: auth.issuers[0].algorithms[0]: HS256 lets anybody…"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a', audience: x, algorithms: [RSA256]}]}",
            "s.yaml:1: auth.issuers[0].algorithms[0]: \"RSA256\" is not known here…"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a', audience: x, algorithms: []}]}",
            "s.yaml:1: auth.issuers[0].algorithms: is empty; …"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a', audience: x, role_claims: []}]}",
            "s.yaml:1: auth.issuers[0].role_claims: names no claim; …"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a', audience: x, role_claims: [[]]}]}",
            "s.yaml:1: auth.issuers[0].role_claims: names no claim; …"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a', audience: x, role_claims: [{path: [], keys: true}]}]}",
            "s.yaml:1: auth.issuers[0].role_claims: names no claim; …"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a', audience: x, role_claims: [{keys: true}]}]}",
            "s.yaml:1: auth.issuers[0].role_claims[0].path: is required; write the claim…"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a', audience: x, role_claims: [{path: r, key: true}]}]}",
            "s.yaml:1: auth.issuers[0].role_claims[0].key: is unknown; did you mean `keys`?"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a', audience: x, role_claims: [{path: r, keys: perhaps}]}]}",
            "s.yaml:1: auth.issuers[0].role_claims[0].keys: \"perhaps\" is neither true nor false…"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a', audience: x, subject_claims: []}]}",
            "s.yaml:1: auth.issuers[0].subject_claims: names no claim; …"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a', audience: x, subject_claims: [{path: r, keys: true}]}]}",
            "s.yaml:1: auth.issuers[0].subject_claims: takes no `keys: true`: …"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a', audience: x, tls: {ca_file: /nowhere/ca.pem}}]}",
            "s.yaml:1: auth.issuers[0].tls.ca_file: there is no file \"/nowhere/ca.pem\"; …"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a', audience: x, jwks_url: 'https://a/k', jwks_file: /dev/null}]}",
            "s.yaml:1: auth.issuers[0].jwks_file: is given besides jwks_url; keep one of them"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a', audience: x, jwks_file: /dev/null, jwks_token_file: /dev/null}]}",
            "s.yaml:1: auth.issuers[0].jwks_token_file: is not used, because the keys come from a file; …"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a', audience: x, jwks_url: 'http://a/k', jwks_token_file: /dev/null}]}",
            "s.yaml:1: auth.issuers[0].jwks_token_file: would travel in the open, because jwks_url has no TLS; …"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'http://a', audience: x, jwks_token_file: /dev/null}]}",
            "s.yaml:1: auth.issuers[0].jwks_token_file: would travel in the open, because issuer has no TLS; …"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a', audience: x, jwks_token_file: /nowhere/token}]}",
            "s.yaml:1: auth.issuers[0].jwks_token_file: there is no file \"/nowhere/token\"; …"),
        ProblemCase(
            "auth:\n  issuers:\n    - issuer: https://login.microsoftonline.com/{tenantid}/v2.0\n      audience: x",
            "s.yaml:3: auth.issuers[0].tenants: is required beside {tenantid}, which tokens of every tenant…"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a/{tenantid}/v2.0', audience: x, tenants: []}]}",
            "s.yaml:1: auth.issuers[0].tenants: is required beside {tenantid}…"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a/{tenantid}', audience: x, tenants: [contoso.onmicrosoft.com]}]}",
            "s.yaml:1: auth.issuers[0].tenants[0]: \"contoso.onmicrosoft.com\" is in no token; write the tenant's id…"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a/{tenantid}', audience: x, "
                + "tenants: [8EAEF023-2b34-4da1-9baa-8bc8c9d6a490]}]}",
            "s.yaml:1: auth.issuers[0].tenants[0]: \"8EAEF023-2b34-4da1-9baa-8bc8c9d6a490\" is in no token; …"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a', audience: x, tenants: [8eaef023-2b34-4da1-9baa-8bc8c9d6a490]}]}",
            "s.yaml:1: auth.issuers[0].tenants: is for an issuer with {tenantid}…"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a/{tenant}/v2.0', audience: x}]}",
            "s.yaml:1: auth.issuers[0].issuer: has braces; only {tenantid} has a meaning…"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://a/{tenantid}.b', audience: x}]}",
            "s.yaml:1: auth.issuers[0].issuer: has braces; …"),
        ProblemCase(
            "auth: {issuers: [{issuer: 'https://login.microsoftonline.com/organizations/v2.0', audience: x}]}",
            "s.yaml:1: auth.issuers[0].issuer: organizations is in no token: each names its own tenant; write "
                + "https://login.microsoftonline.com/{tenantid}/v2.0 and list your tenants' ids as tenants"),
        ProblemCase("auth: {issuers: [a]}", "s.yaml:1: auth.issuers[0]: must be a table; …"),
        // Classes
        ProblemCase(issuer + "classes:\n  fast: []", "s.yaml:3: classes.fast: has no models; …"),
        ProblemCase(issuer + "classes:\n  fast:", "s.yaml:3: classes.fast: has no models; …"),
        ProblemCase(issuer + "classes:\n  fast: [a, b, a]", "s.yaml:3: classes.fast: names a twice; name it once"),
        ProblemCase(
            issuer + "classes: {'class:fast': [a]}\ndefault_class: 'class:fast'",
            "s.yaml:2: classes.\"class:fast\": the name…"),
        ProblemCase(
            issuer + "classes: {big: [a]}", "s.yaml:1: default_class: is fast unless set, and there is no such class; …"
        ),
        ProblemCase(
            issuer + "classes: {fast: [a]}\ndefault_class: fats",
            "s.yaml:3: default_class: there is no class fats; did you mean fast?"),
        ProblemCase(issuer + "default_class: fast", "s.yaml:2: default_class: there is no class fast; …"),
        ProblemCase(
            issuer + "classes: {fast: [a]}\nrouting:\n  classes:\n    fasst: {prefer: []}",
            "s.yaml:5: routing.classes.fasst: there is no such class; did you mean fast?"),
        // Runners
        ProblemCase(
            issuer
                + "runners:\n  - {id: a, url: 'http://a'}\n  - {id: b, url: 'http://b'}\n  - {id: a, url: 'http://c'}",
            "s.yaml:5: runners[2].id: a is the id of runners[0] already; give each runner its own"),
        ProblemCase(
            issuer + "runners: [{url: 'http://a'}, {url: 'http://a/v1'}]",
            "s.yaml:2: runners[1].id: a is the id of runners[0]…"),
        ProblemCase(
            issuer + "runners: [{url: 'http://a', models: [m, m]}]",
            "s.yaml:2: runners[0].models: names m twice; name it once"),
        ProblemCase(
            issuer + "runners:\n  - url: http://a\n    models: [m]\n    aliases:\n      x.y: n",
            "s.yaml:6: runners[0].aliases.\"x.y\": stands for n, which is not among this runner's models; …"),
    ])
    func problemIsReportedWhereItIs(_ problem: ProblemCase) {
        let found = problems(problem.text)
        let isPrefix = problem.expected.hasSuffix("…")
        let expected = isPrefix ? String(problem.expected.dropLast()) : problem.expected
        #expect(found.contains { isPrefix ? $0.hasPrefix(expected) : $0 == expected }, "\(found)")
        // A class whose name is refused is refused as the default as well.
        #expect(found.count == (problem.text.contains("'class:fast'") ? 2 : 1), "\(found)")
    }

    @Test func tenantsAreNamed() throws {
        let text = """
            auth:
              issuers:
                - issuer: https://login.microsoftonline.com/{tenantid}/v2.0
                  audience: x
                  tenants: [8eaef023-2b34-4da1-9baa-8bc8c9d6a490, 72f988bf-86f1-41af-91ab-2d7cd011db47]
            """
        let loaded = try SettingsFile.parse(text, name: "s.yaml", environment: [:]).settings.auth.issuers
        #expect(loaded.map(\.issuer) == ["https://login.microsoftonline.com/{tenantid}/v2.0"])
        #expect(
            loaded.first?.names == [
                "https://login.microsoftonline.com/8eaef023-2b34-4da1-9baa-8bc8c9d6a490/v2.0",
                "https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0",
            ])
        #expect(Settings.Issuer(issuer: "https://a", audience: .any).names == ["https://a"])
    }

    @Test(arguments: ["127.0.0.1", "127.8.0.1", "localhost", "'::1'", "'::ffff:127.0.0.1'"])
    func loopbackMayDoWithoutTokens(_ host: String) {
        #expect(problems("server: {host: \(host)}\nauth: {mode: none}") == [])
    }

    @Test(arguments: [
        "runners: [{url: 'http://a', aliases: {x: y}}]",
        "runners: [{url: 'http://a', models: [x], aliases: {x: y}}]",
        "runners: [{url: 'http://a', models: [y], aliases: {x: y}}]",
    ])
    func aliasesThatSomebodyMayServeAreAccepted(_ text: String) {
        #expect(problems(minimal + text) == [])
    }

    @Test(arguments: [
        ("auth: {issuers: [{issuer: 'https://a', audience: any}]}", "auth.issuers[0].audience: any takes every token"),
        (
            "auth: {issuers: [{issuer: 'https://a', audience: any, authorized_parties: [app]}]}",
            "auth.issuers[0].audience: any takes every token of these authorized_parties"
        ),
        (
            "auth: {issuers: [{issuer: 'https://a', audience: x, subject_claims: [sub, email]}]}",
            "auth.issuers[0].subject_claims: email may change hands"
        ),
        (
            "auth: {issuers: [{issuer: 'https://a', audience: x, subject_claims: [[preferred_username]]}]}",
            "auth.issuers[0].subject_claims: preferred_username may change hands"
        ),
        (
            "auth: {issuers: [{issuer: 'https://a', audience: x, jwks_file: /dev/null, tls: {ca_file: /dev/null}}]}",
            "auth.issuers[0].tls.ca_file: is not used"
        ),
        ("auth: {issuers: [{issuer: 'http://a', audience: x}]}", "auth.issuers[0].issuer: http://a has no TLS"),
        (
            "auth: {issuers: [{issuer: 'https://a', audience: x, jwks_url: 'http://a/k'}]}",
            "auth.issuers[0].jwks_url: http://a/k has no TLS"
        ),
        ("auth: {mode: none, issuers: [{issuer: 'https://a', audience: x}]}", "auth.mode: none asks nobody"),
        ("auth: {mode: none}", "classes: there are none"),
        ("auth: {mode: none}", "runners: there are none"),
        (
            "auth: {mode: none}\nclasses: {fast: [lama]}\nrunners: [{url: 'http://a', models: [llama]}]",
            "classes.fast: no runner has lama; did you mean llama?"
        ),
        (
            "auth: {mode: none}\nclasses: {fast: [llama3.2]}\n"
                + "runners: [{id: box, url: 'http://a', models: ['llama3.2:70b', 'llama3.2:3b', llama3.20]}]",
            "classes.fast: no runner has llama3.2; box has llama3.2:3b"
        ),
        (
            "auth: {mode: none}\nclasses: {fast: [a]}\nrouting: {classes: {fast: {prefer: [big]}}}",
            "routing.classes.fast.prefer: no runner has the machine_type big"
        ),
        (
            "auth: {mode: none}\nrunners: [{url: 'https://a', tls: {verify: false}}]",
            "runners[0].tls.verify: false accepts any certificate"
        ),
        (
            "auth: {mode: none}\nwake: {enabled: false}\nrunners: [{url: 'http://a', wake: {mac: 'aa:bb:cc:dd:ee:ff'}}]",
            "runners[0].wake: is not used"
        ),
        (
            "auth: {mode: none}\nrunners: [{url: 'http://a:1/v1/chat/completions'}]",
            "runners[0].url: ends in a path of the engine's API, to which the gateway adds its own; write http://a:1"
        ),
        (
            "auth: {mode: none}\nrunners: [{url: 'http://a:1/proxy/api'}]",
            "runners[0].url: ends in a path of the engine's API, to which the gateway adds its own; write http://a:1/proxy"
        ),
        (
            "auth: {mode: none}\nrunners: [{url: 'http://a', wake: {command: [no-such-program-here]}}]",
            "runners[0].wake.command: there is no program \"no-such-program-here\" on this machine"
        ),
        (
            "auth: {issuers: [{issuer: 'https://a', audience: x}]}\nclasses: {fast: [m]}\nwake: {roles: [stuff]}\n"
                + "policies: [{roles: [staff], classes: [fast]}]",
            "wake.roles: no policy names the role \"stuff\", so its callers may call nothing; did you mean staff?"
        ),
        (
            "auth: {issuers: [{issuer: 'https://a', audience: x}]}\nclasses: {fast: [m]}\nfleet: {token: x}",
            "server.host: 127.0.0.1 can be reached from this machine only, so no agent of another machine can join"
        ),
        (
            "auth: {mode: none}\nfleet: {token: x, runner_timeout: 20s}",
            "fleet.runner_timeout: 20s is less than agents may be silent"
        ),
    ])
    func warningsAreGiven(_ text: String, _ expected: String) throws {
        let found = try warnings(text)
        #expect(found.contains { $0.contains(": \(expected)") }, "\(found)")
    }

    /// The rights that a role grants to the holder of an API key.
    @Test func rolesOfKeysAreComparedWithThoseThatSettingsName() throws {
        let policies = "policies: [{roles: [staff], classes: [fast]}, {roles: '*', classes: [fast]}]"
        let loaded = try settings("classes: {fast: [m]}\nwake: {roles: [night]}\n" + policies)
        let roles = RoleNames(forKeysUnder: loaded, specificRole: "model:specific")
        for role in ["staff", "night", "model:specific"] as [Role] { #expect(roles.hasMeaning(role)) }
        for role in ["stuff", "Staff", "admin"] as [Role] { #expect(!roles.hasMeaning(role)) }
        #expect(roles.nearest(to: "stuff") == "staff")
        #expect(roles.nearest(to: "Staff") == "staff")
        #expect(roles.nearest(to: "admin") == nil)
    }

    /// An agent may provide a model that no runner of the file has.
    @Test func whereAgentsMayJoinNothingIsMissing() throws {
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
    func issuersThatNobodyCanImpersonateCauseNoWarning(_ url: String) throws {
        let text = """
            auth: {issuers: [{issuer: '\(url)', audience: x}]}
            classes: {fast: [a]}
            runners: [{url: 'http://a', models: [b], aliases: {a: b}}]
            """
        #expect(try warnings(text) == [])
    }
}
