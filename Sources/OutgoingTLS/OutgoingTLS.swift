import Foundation
public import NIOSSL

/// TLS configuration for connections to external servers: identity providers, engines, gateways and web hooks.
public enum OutgoingTLS {
    /// The value of `SSL_CERT_FILE`: as in OpenSSL, curl and Go, the path of a PEM file with the authorities to trust instead
    /// of the system's. Empty if it is not set.
    public static let environmentFile = ProcessInfo.processInfo.environment["SSL_CERT_FILE"] ?? ""

    /// A client configuration that verifies the peer's certificate, including its host name or address.
    ///
    /// - Parameter authoritiesFile: path of a PEM file from the settings; if empty, `environmentFile` applies, or else the
    ///   system's authorities. If the file is unreadable, connections fail; other authorities never replace it.
    public static func configuration(
        authoritiesFile: String = "", environmentFile: String = environmentFile
    ) -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        let file = authoritiesFile.isEmpty ? environmentFile : authoritiesFile
        if !file.isEmpty { configuration.trustRoots = .file(file) }
        return configuration
    }

    /// The source of the authorities, for the error message of a TLS context that cannot be created.
    public static func source(of authoritiesFile: String, environmentFile: String = environmentFile) -> String {
        if !authoritiesFile.isEmpty { return "the certificate file \(authoritiesFile)" }
        return environmentFile.isEmpty ? "TLS" : "the certificate file \(environmentFile) of SSL_CERT_FILE"
    }
}
