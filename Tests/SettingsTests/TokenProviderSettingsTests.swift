import Foundation
import TestSupport
import Testing

@testable import Settings

/// `simpleai-tokens.yaml`: valid content, and the problems of invalid content.
@Suite struct TokenProviderSettingsTests {
    private func read(_ text: String, environment: [String: String] = [:]) throws -> TokenProviderSettings {
        let settings = try TokenProviderFile.parse(text, name: "t.yaml", environment: environment)
        expectSchema(.tokens, agreesAbout: text, problems: [], environment: environment)
        return settings
    }

    private func problems(_ text: String, environment: [String: String] = [:]) -> [String] {
        do {
            _ = try TokenProviderFile.parse(text, name: "t.yaml", environment: environment)
            expectSchema(.tokens, agreesAbout: text, problems: [], environment: environment)
            return []
        } catch {
            let problems = error.problems.map(\.description)
            expectSchema(.tokens, agreesAbout: text, problems: problems, environment: environment)
            return problems
        }
    }

    private let head = "issuer: https://sso.example.org\nclient: {id: app, secret: s}\n"

    @Test func defaults() throws {
        let settings = try read(head)
        #expect(settings.issuer == "https://sso.example.org")
        #expect(settings.token == .accessToken)
        #expect(settings.timeout == .seconds(10))
        #expect(!settings.allowsInsecure)
        #expect(settings.caFile.isEmpty)
        #expect(try read(head + "tls: {ca_file: /dev/null}\n").caFile == "/dev/null")
        let selection = try settings.selection(user: nil, roles: [])
        var client = TokenProviderSettings.Client(id: "app")
        client.secret = "s"
        #expect(
            selection
                == .init(
                    client: client, grant: .clientCredentials, credentials: nil, scopes: [], audience: "", resources: []
                ))
    }

    @Test func secretsComeFromTheEnvironmentOrFromFiles() throws {
        try inTemporaryDirectory { directory in
            let file = try directory.write("password", Data("p q\n".utf8))
            let settings = try read(
                "issuer: https://sso.example.org\nclient: {id: app, secret: '${S}'}\nusers: {ann: {password_file: \(file)}}\n",
                environment: ["S": "from outside"])
            let selection = try settings.selection(user: "ann", roles: [])
            #expect(selection.client.secret == "from outside")
            #expect(selection.credentials == .init(username: "ann", password: "p q"))
            #expect(selection.grant == .password)
        }
    }

    @Test(arguments: [
        ("issuer: https://sso.example.org\n", "t.yaml:1: client: client is not set; set client: { id: … }"),
        (
            "client: {id: app, secret: s}\n",
            "t.yaml:1: issuer: is required; set the provider's issuer URL, exactly as the provider states it"
        ),
        ("issuer: http://sso.lan\nclient: {id: app, secret: s}\n", "t.yaml:1: issuer: lacks TLS"),
        (
            "issuer: https://a.example\ntls: {ca_file: /nowhere/ca.pem}\nclient: {id: app, secret: s}\n",
            "t.yaml:2: tls.ca_file: file \"/nowhere/ca.pem\" does not exist"
        ),
        (
            "issuer: http://localhost\ntls: {ca_file: /dev/null}\nclient: {id: app, secret: s}\n",
            "t.yaml:2: tls.ca_file: is ignored, because the issuer lacks TLS"
        ),
        ("issuer: https://a.example\nclient: {secret: s}\n", "t.yaml:2: client.id: is required"),
        (
            "issuer: https://a.example\nclient: {id: app}\n",
            "t.yaml:2: client: client_credentials requires the client's secret"
        ),
        (
            "issuer: https://a.example\nclient: {id: app, authentication: client_secret_post}\n",
            "client.authentication: requires a secret"
        ),
        (
            "issuer: https://a.example\nclient: {id: app, secret: s, authentication: none}\n",
            "client.authentication: none does not send the configured secret"
        ),
        (
            "issuer: https://a.example\nclient: {id: app, secret: s}\ngrants: password\n",
            "t.yaml:3: grants: is unknown; did you mean `grant`?"
        ),
        (
            "issuer: https://a.example\nclient: {id: app, secret: s}\ngrant: passwort\n",
            "grant: \"passwort\" is not supported"
        ),
        ("issuer: https://a.example\nclient: {id: app, secret: s}\ngrant: password\n", "requires a user's password"),
        (
            "issuer: https://a.example\nclient: {id: app, secret: s}\npassword: x\n",
            "username: is required with a password"
        ),
        (
            "issuer: https://a.example\nclient: {id: app, secret: s}\nscopes: ['a b']\n",
            "scopes[0]: \"a b\" is not a scope"
        ),
        (
            "issuer: https://a.example\nclient: {id: app}\nusers:\n  ann: {scopes: [a]}\n",
            "t.yaml:4: users.ann: users.ann has no password; set password or password_file, or grant: device_code"
        ),
        (
            "issuer: https://a.example\nclient: {id: app, secret: s}\nusers: {alice: {}}\n",
            "t.yaml:3: users.alice: users.alice has no password; set password or password_file, or grant: device_code"
        ),
        (
            "issuer: https://a.example\nclient: {id: app}\ngrant: client_credentials\nusers:\n  ann: {scopes: [a]}\n",
            "t.yaml:5: users.ann: client_credentials requires"
        ),
        (
            "issuer: https://a.example/.well-known/openid-configuration\nclient: {id: app, secret: s}\n",
            "t.yaml:1: issuer: is the URL of the discovery document; remove /.well-known/openid-configuration"
        ),
        (
            "issuer: https://a.example\nclient: {id: app, secret: s}\nroles:\n  admin: {user: ann}\n",
            "roles.admin.user: unknown user ann; add it to users"
        ),
        (
            "issuer: https://a.example\nclient: {id: app, secret: s}\nusers: {anna: {password: p}}\nroles: {admin: {user: ann}}\n",
            "did you mean anna?"
        ),
    ])
    func problemsAreReportedWithTheirPosition(text: String, expected: String) {
        let problems = problems(text)
        #expect(problems.count == 1 && problems[0].contains(expected), "\(problems)")
    }

    @Test func allProblemsAreReportedTogetherWithoutSecrets() {
        let found = problems(
            "issuer: ftp://a\ntoken: refresh\nclient: {id: app, secret: hush, authentication: none}\nusers: {ann: {pasword: hush}}\n"
        )
        #expect(found.count == 4, "\(found)")
        #expect(!found.contains { $0.contains("hush") })
    }

    @Test func anEmptyFileNamesTheExample() {
        #expect(problems("\n") == ["t.yaml: is empty; start from a copy of simpleai-tokens.example.yaml"])
    }

    @Test func plainHTTPNeedsLoopbackOrAnOption() throws {
        _ = try read("issuer: http://127.0.0.1:5000\nclient: {id: app, secret: s}\n")
        _ = try read("issuer: http://sso.lan\nallow_insecure: true\nclient: {id: app, secret: s}\n")
    }

    // MARK: - The subject of the token

    private static let people = """
        issuer: https://sso.example.org
        client: {id: app, secret: s}
        scopes: [openid]
        username: service
        password: service-password
        users:
          ann: {password: a}
          bob: {username: bob@example.org, password: b, scopes: [openid, groups]}
          bot: {client: {id: bot, secret: t}, grant: client_credentials}
          eve: {grant: device_code}
        roles:
          reader: {scopes: [read]}
          admin: {user: bob}
          "model:specific": {client: {id: power, secret: u}, grant: client_credentials}
        """

    private func selection(_ user: String?, _ roles: String...) throws -> TokenProviderSettings.Selection {
        try read(Self.people).selection(user: user, roles: roles)
    }

    @Test func usersAndRolesReplaceTheFilesDefaults() throws {
        let anonymous = try selection(nil)
        #expect(anonymous.credentials == .init(username: "service", password: "service-password"))
        #expect(anonymous.scopes == ["openid"])
        #expect(try selection("ann").credentials == .init(username: "ann", password: "a"))
        let bob = try selection("bob")
        #expect(bob.credentials == .init(username: "bob@example.org", password: "b"))
        #expect(bob.scopes == ["openid", "groups"])
        #expect(bob.client.id == "app")
        #expect(try selection(nil, "admin") == bob)
        #expect(try selection("bob", "admin") == bob)
        let power = try selection(nil, "model:specific")
        #expect(power.client.id == "power")
        #expect(power.grant == .clientCredentials)
        #expect(power.credentials == nil)
        #expect(try selection(nil, "reader").credentials?.username == "service")
        #expect(try selection("eve").grant == .deviceCode)
    }

    private static let refusals: [(String?, [String], String)] = [
        (
            "dave", [],
            "unknown user dave in the provider's settings; add it to users, which contains: ann, bob, bot, eve"
        ),
        (nil, ["admn"], "unknown role admn in the provider's settings; did you mean admin?"),
        ("ann", ["admin"], "roles.admin selects the user bob, and --user ann another one"),
        ("bot", ["model:specific"], "roles.model:specific and users.bot differ in `client`"),
        ("bob", ["reader"], "roles.reader and users.bob differ in `scopes`"),
    ]

    @Test(arguments: refusals)
    func unknownOrAmbiguousUsersAreRefused(user: String?, roles: [String], expected: String) throws {
        let settings = try read(Self.people)
        let problem = #expect(throws: TokenProviderSettings.SelectionProblem.self) {
            try settings.selection(user: user, roles: roles)
        }
        #expect(problem?.description.hasPrefix(expected) ?? false, "\(String(describing: problem))")
    }

    /// The token of another subject is worse than none.
    @Test func theServicesPasswordNeverReplacesAUsers() throws {
        let text =
            "issuer: https://a.example\nclient: {id: app, secret: s}\nusername: service\npassword: p\ngrant: password\nusers: {ann: {}}\n"
        #expect(problems(text).first?.contains("users.ann: the password grant requires a user's password") ?? false)
    }

    // MARK: - The example

    @Test func theExampleLoads() throws {
        let settings = try read(ExampleFile(.tokens).text)
        #expect(settings.users.keys.sorted() == ["alice"])
        #expect(settings.roles.keys.sorted() == ["admin", "model:specific"])
    }
}
