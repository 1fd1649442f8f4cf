import Foundation
import NIOCore
import StandIn
import Testing

@testable import Acceptance

/// A refused certificate is reported with its actual fault and no other.
struct CertificateTests {
    /// The client's error message for a server with such a certificate; nil if the client accepts it.
    private func certificateProblem(
        _ kind: StandInCertificate.Kind, authorityIsTrusted: Bool = true, verifies: Bool = true
    ) async throws -> String? {
        let certificate = try StandInCertificate(kind)
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("authority-\(UUID().uuidString).pem")
        try certificate.authority.write(to: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: file) }
        let server = try await StandInServer.start(certificate: certificate) { _, loop in
            loop.makeSucceededFuture(StandInResponse(body: "{}"))
        }
        let client = try APIClient(
            deployment: try DeploymentAddress("https://127.0.0.1:\(server.port)"), verifiesCertificates: verifies,
            authorities: authorityIsTrusted ? file.path : "")
        do {
            let exchange = try await client.send(.get("/v1/models", as: .none), timeout: .seconds(20))
            try await server.stop()
            #expect(exchange.status == 200)
            return nil
        } catch let failed as RequestFailed {
            try await server.stop()
            return "\(failed.failure)"
        }
    }

    /// The reason why a client that accepts only one certificate refuses a server; nil if it accepts it.
    private func problem(accepting accepted: StandInCertificate, of shown: StandInCertificate) async throws -> String? {
        let server = try await StandInServer.start(certificate: shown) { request, loop in
            loop.makeSucceededFuture(StandInResponse(body: request.authorization ?? "{}"))
        }
        let client = try OperatorClient(
            deployment: try DeploymentAddress("https://127.0.0.1:\(server.port)"), token: nil,
            certificate: accepted.certificate)
        do {
            let response = try await client.send("GET", "/health")
            try await server.stop()
            #expect(response.status == 200)
            return nil
        } catch let failure as OperatorFailure {
            try await server.stop()
            return failure.description
        }
    }

    @Test(arguments: StandInCertificate.Kind.allCases)
    func theAcceptedCertificateIsTheOnlyOne(kind: StandInCertificate.Kind) async throws {
        let own = try StandInCertificate(kind)
        #expect(try await problem(accepting: own, of: own) == nil, "its name and authority do not matter")
        for other in StandInCertificate.Kind.allCases {
            let reason = try await problem(accepting: own, of: StandInCertificate(other))
            #expect(reason?.contains("it is not the one in ") == true, "\(other): \(reason ?? "accepted")")
        }
    }

    @Test func aTextWithoutCertificateIsRefused() throws {
        #expect(throws: ResponseProblem.self) {
            try OperatorClient(
                deployment: DeploymentAddress("https://127.0.0.1:1"), token: nil, certificate: "no certificate")
        }
    }

    @Test func aTrustedAuthorityIsEnough() async throws {
        #expect(try await certificateProblem(.ofAuthority) == nil)
    }

    @Test(arguments: StandInCertificate.Kind.allCases)
    func anyCertificateWillDoWithoutVerification(kind: StandInCertificate.Kind) async throws {
        #expect(try await certificateProblem(kind, authorityIsTrusted: false, verifies: false) == nil)
    }

    @Test(arguments: [
        (StandInCertificate.Kind.expired, "it expired on 2020-01-31"), (.selfSigned, "it is self-signed"),
        (.otherHost, "it is for other.example, not for 127.0.0.1"),
    ]) func theOneReasonIsNamed(kind: StandInCertificate.Kind, reason: String) async throws {
        let certificateProblem = try #require(try await certificateProblem(kind))
        #expect(certificateProblem.contains(": \(reason);"), "\(certificateProblem)")
        #expect(certificateProblem.contains("--no-verify-ssl"))
    }

    @Test func anUnknownAuthorityIsNamed() async throws {
        let certificateProblem = try #require(try await certificateProblem(.ofAuthority, authorityIsTrusted: false))
        #expect(
            certificateProblem.contains("issued by 'Stand-in authority', an authority that this machine does not trust")
        )
        #expect(certificateProblem.contains("--no-verify-ssl") && certificateProblem.contains("SSL_CERT_FILE"))
        for other in ["expired", "self-signed", "is for"] {
            #expect(!certificateProblem.contains(other), "\(certificateProblem)")
        }
    }

    @Test func plainHTTPOnATLSPortIsNoticed() async throws {
        let server = try await StandInServer.start(certificate: try StandInCertificate(.selfSigned)) { _, loop in
            loop.makeSucceededFuture(StandInResponse(body: "{}"))
        }
        let client = try APIClient(
            deployment: try DeploymentAddress("http://127.0.0.1:\(server.port)"), verifiesCertificates: true)
        let error = await #expect(throws: RequestFailed.self) {
            try await client.send(.get("/v1/models", as: .none), timeout: .seconds(20))
        }
        try await server.stop()
        #expect(try #require(error).failure == .requiresTLS(authority: "127.0.0.1:\(server.port)"))
    }

    @Test func certificatesThatAreCutAreNoCertificates() throws {
        #expect(CertificateNames(certificate: []) == nil)
        #expect(CertificateNames(certificate: [0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF]) == nil)
        #expect(CertificateNames(certificate: [0x30, 0x03, 0x30, 0x01, 0x02]) == nil)
    }

    @Test func authoritiesThatCannotBeReadAreNamed() {
        #expect {
            try APIClient(
                deployment: try DeploymentAddress("https://127.0.0.1"), verifiesCertificates: true,
                authorities: "/nowhere/a.pem")
        } throws: { "\($0)".contains("/nowhere/a.pem") }
    }
}
