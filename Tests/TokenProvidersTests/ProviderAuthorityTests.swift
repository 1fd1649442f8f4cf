import Foundation
import TestSupport
import Testing

@testable import StandIn
@testable import TokenProviders

/// A provider whose certificate authority is unknown to the system.
@Suite struct ProviderAuthorityTests {
    private static func outcome(_ kind: StandInCertificate.Kind, isTrusted: Bool) async throws -> (String, asked: Int) {
        let certificate = try StandInCertificate(kind)
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("ca-\(UUID().uuidString).pem").path
        try certificate.authority.write(toFile: file, atomically: true, encoding: .utf8)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: file) } }
        var outcome = ("", asked: 0)
        try await StandInProvider.run(tls: certificate.context) { provider in
            provider.answer("/token", .text(#"{"access_token":"abc","token_type":"Bearer"}"#))
            var specification = specification(issuer: provider.issuer)
            if isTrusted { specification.authoritiesFile = file }
            do {
                outcome.0 = try await TokenProvider(specification) { _ in }.token().text
            } catch {
                outcome.0 = "\(error)"
            }
            outcome.asked = provider.asked.count
        }
        return outcome
    }

    @Test func acceptsAProviderOfTheConfiguredAuthority() async throws {
        let outcome = try await Self.outcome(.ofAuthority, isTrusted: true)
        #expect(outcome == ("abc", 1))
    }

    /// No secret is sent to a server that cannot prove its identity.
    @Test(arguments: [
        (StandInCertificate.Kind.ofAuthority, false), (.selfSigned, true), (.expired, true), (.otherHost, true),
    ])
    func noOtherAddressIsAsked(kind: StandInCertificate.Kind, isTrusted: Bool) async throws {
        let outcome = try await Self.outcome(kind, isTrusted: isTrusted)
        #expect(outcome.0.hasPrefix("no response from https://127.0.0.1:"), "\(outcome.0)")
        #expect(outcome.asked == 0)
    }
}
