import Foundation
import Settings
import SimpleAICore
import StandIn
import Testing

@testable import Gateway
@testable import LocalFleet

/// The warning about a server certificate that has expired or expires soon.
@Suite struct CertificateExpiryTests {
    private func warnings(_ kind: StandInCertificate.Kind, now: String) throws -> [GatewayStartError] {
        var settings = Settings()
        settings.server.tls = Settings.ServerTLS(try StandInCertificate(kind))
        return GatewayApplication.certificateWarnings(settings, now: try Date(now, strategy: .iso8601))
    }

    @Test(arguments: [
        ("2020-01-24T23:59:58Z", nil),
        ("2020-01-25T00:00:00Z", "the certificate expires within 7 days, on 2020-01-31T23:59:59Z"),
        ("2020-01-31T23:59:58Z", "the certificate expires within 7 days, on 2020-01-31T23:59:59Z"),
        ("2020-02-01T00:00:00Z", "the certificate expired on 2020-01-31T23:59:59Z"),
        ("2026-01-01T00:00:00Z", "the certificate expired on 2020-01-31T23:59:59Z"),
    ])
    func certificatesThatExpireSoonCauseAWarning(_ now: String, _ expected: String?) throws {
        let found = try warnings(.expired, now: now)
        #expect(found.map(\.message) == (expected.map { ["\($0); renew it, and reload the settings (SIGHUP)"] } ?? []))
        #expect(found.allSatisfy { $0.keys == ["server", "tls", "certificate"] })
    }

    @Test func certificatesThatAreNotValidYetCauseAWarning() throws {
        let found = try warnings(.expired, now: "1960-01-01T00:00:00Z")
        #expect(found.count == 1 && found[0].message.hasPrefix("the certificate is not valid before "), "\(found)")
        #expect(found.allSatisfy { $0.keys == ["server", "tls", "certificate"] })
    }

    @Test func validCertificatesAndPlainHTTPCauseNone() throws {
        #expect(try warnings(.ofAuthority, now: "2026-01-01T00:00:00Z") == [])
        #expect(GatewayApplication.certificateWarnings(Settings()) == [])
    }

    /// `config check` and `serve` report it.
    @Test func theWarningsOfTheGatewayContainIt() throws {
        var settings = Settings()
        settings.server.tls = Settings.ServerTLS(try StandInCertificate(.expired))
        #expect(GatewayApplication.warnings(settings).contains { $0.message.contains("expired on 2020-01-31") })
    }
}
