import Foundation
import NIOHTTP1
import Synchronization
import TestSupport
import Testing

@testable import TokenProviders

/// The whole exchange over real sockets, against a provider whose responses each test defines.
@Suite struct TokenProviderTests {
    private let clock = JumpingClock()
    private let shown = Prompts()

    private final class Prompts: Sendable {
        let all = Mutex<[DevicePrompt]>([])
    }

    private func token(_ specification: TokenSpecification) async throws -> String {
        let shown = shown
        return try await TokenProvider(specification, clock: clock) { prompt in shown.all.withLock { $0.append(prompt) }
        }
        .token().text
    }

    private static let granted = StandInProvider.Answer.text(#"{"access_token":"abc","token_type":"Bearer"}"#)

    @Test func obtainsATokenWithClientCredentials() async throws {
        try await StandInProvider.run { provider in
            provider.answer("/token", Self.granted)
            let text = try await token(specification(issuer: provider.issuer))
            #expect(text == "abc")
            let asked = try #require(provider.asked.first)
            #expect(asked.form == ["grant_type": "client_credentials"])
            #expect(asked.authorization == "Basic " + Data("app:s3cret".utf8).base64EncodedString())
        }
    }

    @Test func sendsThePasswordOnceAsTheProviderRequires() async throws {
        try await StandInProvider.run { provider in
            provider.publish(["token_endpoint_auth_methods_supported": #"["client_secret_post"]"#])
            provider.answer("/token", Self.granted)
            let grant = TokenSpecification.Grant.password(username: "ann", password: "p & q")
            let text = try await token(specification(grant, issuer: provider.issuer))
            #expect(text == "abc")
            #expect(provider.asked.count == 1)
            #expect(
                provider.asked.first?.form == [
                    "grant_type": "password", "username": "ann", "password": "p & q", "client_id": "app",
                    "client_secret": "s3cret",
                ])
            #expect(provider.asked.first?.authorization == nil)
        }
    }

    @Test func anIssuerMayEndWithASlash() async throws {
        try await StandInProvider.run { provider in
            provider.publish(["issuer": "\"\(provider.issuer)/\""])
            provider.answer("/token", Self.granted)
            let text = try await token(specification(issuer: provider.issuer + "/"))
            #expect(text == "abc")
            #expect(
                await problem { _ = try await token(specification(issuer: provider.issuer)) }.contains(
                    "the provider's issuer is"))
        }
    }

    @Test func refusalsStateTheErrorAndNoSecret() async throws {
        try await StandInProvider.run { provider in
            provider.answer("/token", .refusal("invalid_client", "s3cret is not the secret"))
            let problem = await problem { _ = try await token(specification(issuer: provider.issuer)) }
            #expect(
                problem
                    == "the provider \(provider.issuer) rejected the request: invalid_client (*** is not the secret)")
        }
    }

    @Test(arguments: [
        (StandInProvider.Answer.text("<html>Sign in</html>", type: "text/html; charset=utf-8"), "200 with text/html"),
        (.text("<html>Oops</html>", status: .internalServerError, type: "text/html"), "500 with text/html"),
        (.text("", status: .found, location: "http://127.0.0.1:9/"), "redirects (302)"),
        (.text(String(repeating: " ", count: 2 << 20)), "exceeds 1 MiB"),
        (.silence, "within 2.0 seconds"), (.stall, "within 2.0 seconds"), (.hangUp, "no response from"),
    ])
    func reportsAnInvalidResponse(answer: StandInProvider.Answer, why: String) async throws {
        try await StandInProvider.run { provider in
            provider.answer("/token", answer)
            var specification = specification(issuer: provider.issuer)
            if why.contains("within") { specification.timeout = .seconds(2) }
            let problem = await problem { _ = try await token(specification) }
            #expect(problem.contains(why), "\(problem)")
            #expect(problem.contains("/token"), "\(problem)")
        }
    }

    /// Redirects are not followed, neither for the discovery document nor with secrets.
    @Test func doesNotFollowRedirects() async throws {
        try await StandInProvider.run { other in
            try await StandInProvider.run { provider in
                provider.answer(
                    "/token", .text("", status: .temporaryRedirect, location: other.issuer + "/token"))
                #expect(
                    await problem { _ = try await token(specification(issuer: provider.issuer)) }.contains("redirects"))
                #expect(other.asked.isEmpty)
            }
        }
    }

    @Test func sendsNothingToAnInsecureTokenEndpoint() async throws {
        try await StandInProvider.run { provider in
            provider.publish(["token_endpoint": #""http://sso.example.org/token""#])
            let problem = await problem { _ = try await token(specification(issuer: provider.issuer)) }
            #expect(problem.contains("http://sso.example.org/token lacks TLS"), "\(problem)")
        }
    }

    // MARK: - Device flow

    private static let code = StandInProvider.Answer.text(
        """
        {"device_code":"d-1","user_code":"ABCD-EFGH","verification_uri":"https://sso.example.org/device",
         "verification_uri_complete":"https://sso.example.org/device?user_code=ABCD-EFGH","expires_in":600}
        """)

    @Test func devicesPollAtTheProvidersPaceUntilTheUserSignsIn() async throws {
        try await StandInProvider.run { provider in
            provider.answer("/device", Self.code)
            provider.answer(
                "/token", .refusal("authorization_pending"), .refusal("slow_down"), .refusal("authorization_pending"),
                Self.granted)
            let client = OAuthClient(id: "cli")
            let text = try await token(specification(.deviceCode, issuer: provider.issuer, client: client))
            #expect(text == "abc")
            #expect(clock.sleeps == [5, 5, 10, 10].map { .seconds($0) })
            #expect(
                shown.all.withLock(\.self) == [
                    DevicePrompt(
                        address: "https://sso.example.org/device", userCode: "ABCD-EFGH",
                        completeAddress: "https://sso.example.org/device?user_code=ABCD-EFGH")
                ])
            #expect(provider.asked.map(\.path) == ["/device", "/token", "/token", "/token", "/token"])
            #expect(provider.asked.last?.form["device_code"] == "d-1")
            #expect(provider.asked.last?.form["client_id"] == "cli")
        }
    }

    @Test func pollsAFailingProviderLessOften() async throws {
        try await StandInProvider.run { provider in
            provider.answer("/device", Self.code)
            provider.answer("/token", .hangUp, .text("", status: .serviceUnavailable, type: "text/plain"), Self.granted)
            let text = try await token(specification(.deviceCode, issuer: provider.issuer))
            #expect(text == "abc")
            #expect(clock.sleeps == [5, 10, 20].map { .seconds($0) })
        }
    }

    @Test(arguments: [
        ("access_denied", "rejected the request: access_denied"), ("expired_token", "in time"),
        ("authorization_pending", "in time"),
    ])
    func endsTheDeviceFlow(error: String, why: String) async throws {
        try await StandInProvider.run { provider in
            provider.answer("/device", Self.code)
            provider.answer("/token", .refusal(error))
            let problem = await problem { _ = try await token(specification(.deviceCode, issuer: provider.issuer)) }
            #expect(problem.contains(why), "\(problem)")
            #expect(clock.now.elapsed < .seconds(600))
        }
    }

    @Test func deviceCodesAreNotShown() async throws {
        try await StandInProvider.run { provider in
            provider.answer("/device", Self.code)
            provider.answer("/token", .refusal("access_denied", "d-1 was denied"))
            let problem = await problem { _ = try await token(specification(.deviceCode, issuer: provider.issuer)) }
            #expect(problem.hasSuffix("access_denied (*** was denied)"), "\(problem)")
        }
    }

    @Test func reportsAProviderWithoutADeviceEndpoint() async throws {
        try await StandInProvider.run { provider in
            provider.publish(["device_authorization_endpoint": nil])
            let problem = await problem { _ = try await token(specification(.deviceCode, issuer: provider.issuer)) }
            #expect(problem.contains("has no device_authorization_endpoint"), "\(problem)")
        }
    }
}
