import Foundation
import TestSupport
import Testing

@testable import Settings

/// `server.tls`: both keys or neither, as text or as files, and their possible faults.
@Suite struct ServerTLSTests {
    private static let certificate = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"
    private static let key = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"

    private func read(_ text: String, environment: [String: String] = [:]) throws -> Settings.ServerTLS? {
        try load("auth: {mode: none}\nserver:\n  tls:\n" + text, environment: environment).settings.server.tls
    }

    private func problem(_ text: String, environment: [String: String] = [:]) throws -> String {
        let error = #expect(throws: SettingsError.self) { try read(text, environment: environment) }
        let problems = try #require(error).problems
        #expect(problems.count == 1, "\(problems)")
        return problems.first?.description ?? ""
    }

    @Test func filesAndTexts() throws {
        try inTemporaryDirectory { directory in
            let certificate = try directory.write("tls.crt", Data(Self.certificate.utf8))
            let key = try directory.write("tls.key", Data(Self.key.utf8))
            for text in [
                "    certificate: \(certificate)\n    key: \(key)",
                "    certificate: \(certificate)\n    key_file: \(key)",
                "    certificate: ${CERTIFICATE}\n    key: ${KEY}",
            ] {
                let tls = try #require(
                    try read(text, environment: ["CERTIFICATE": Self.certificate, "KEY": Self.key]))
                #expect(tls.certificate == Self.certificate)
                #expect(tls.key.trimmingCharacters(in: .newlines) == Self.key.trimmingCharacters(in: .newlines))
            }
            #expect(try read("    certificate: \"\"\n    key: \"\"") == nil)
        }
    }

    @Test func certificateAndKeyRequireEachOther() throws {
        try inTemporaryDirectory { directory in
            let certificate = try directory.write("tls.crt", Data(Self.certificate.utf8))
            let key = try directory.write("tls.key", Data(Self.key.utf8))
            #expect(
                try problem("    certificate: \(certificate)").hasPrefix("s.yaml:4: server.tls.certificate: has no key")
            )
            #expect(try problem("    key: \(key)").hasPrefix("s.yaml:4: server.tls.key: has no certificate"))
            #expect(try problem("    key_file: \(key)").hasPrefix("s.yaml:4: server.tls.key_file: has no certificate"))
            #expect(
                try problem("    certificate: \(certificate)\n    key: \(key)\n    key_file: \(key)")
                    .hasPrefix("s.yaml:6: server.tls.key_file: conflicts with key"))
        }
    }

    @Test func invalidFilesAreReported() throws {
        try inTemporaryDirectory { directory in
            let certificate = try directory.write("tls.crt", Data(Self.certificate.utf8))
            let key = try directory.write("tls.key", Data(Self.key.utf8))
            let text = try directory.write("tls.txt", Data("hello".utf8))
            let encrypted = try directory.write(
                "locked.key", Data(Self.key.replacing("PRIVATE", with: "ENCRYPTED PRIVATE").utf8))
            let cases = [
                ("/nowhere/tls.crt", key, "s.yaml:4: server.tls.certificate: file"),
                (text, key, "s.yaml:4: server.tls.certificate: \"\(text)\" contains no PEM certificate"),
                (
                    key, key,
                    "s.yaml:4: server.tls.certificate: \"\(key)\" contains a private key instead of a certificate"
                ),
                (certificate, "/nowhere/tls.key", "s.yaml:5: server.tls.key: file"),
                (certificate, text, "s.yaml:5: server.tls.key: \"\(text)\" contains no PEM private key"),
                (certificate, certificate, "s.yaml:5: server.tls.key: \"\(certificate)\" contains a certificate"),
                (certificate, encrypted, "s.yaml:5: server.tls.key: \"\(encrypted)\" contains an encrypted key"),
            ]
            for (first, second, expected) in cases {
                let problem = try problem("    certificate: \(first)\n    key: \(second)")
                #expect(problem.hasPrefix(expected), "\(problem)")
            }
        }
    }

    /// A key that lost its PEM lines on the way through the environment must not appear in a log.
    @Test func aKeyIsNeverQuoted() throws {
        try inTemporaryDirectory { directory in
            let certificate = try directory.write("tls.crt", Data(Self.certificate.utf8))
            let secret = "MC4CAQAwBQYDK2VwBCIEIFhYc2VjcmV0c2VjcmV0"
            let file = try directory.write("bare.key", Data(secret.utf8))
            for text in ["    key: ${KEY}", "    key_file: \(file)"] {
                let problem = try problem("    certificate: \(certificate)\n" + text, environment: ["KEY": secret])
                #expect(!problem.contains("MC4CAQ"), "\(problem)")
                #expect(problem.contains("neither a PEM private key nor the path of one"))
            }
        }
    }
}
