import Foundation
public import NIOSSL

/// TLS configuration for connections to external servers: identity providers, engines, gateways and web hooks.
public enum OutgoingTLS {
    /// The file of `SSL_CERT_FILE`, the variable in which OpenSSL, curl and Go look for the authorities to trust
    /// instead of the system's; empty if it is not set.
    public static let environmentFile = ProcessInfo.processInfo.environment["SSL_CERT_FILE"] ?? ""

    /// Verifies certificates, by name or address, against the authorities in a PEM file.
    /// - Parameter authoritiesFile: a PEM file from the settings; empty: that of `SSL_CERT_FILE`, or else the system's
    ///   authorities. An unreadable file is an error of the connection, and never falls back to other authorities.
    public static func configuration(
        authoritiesFile: String = "", environmentFile: String = environmentFile
    ) -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        let file = authoritiesFile.isEmpty ? environmentFile : authoritiesFile
        if !file.isEmpty { configuration.trustRoots = .file(file) }
        return configuration
    }

    /// The source of the authorities as text, for the error message if a configuration with that file creates no
    /// context.
    public static func source(of authoritiesFile: String, environmentFile: String = environmentFile) -> String {
        if !authoritiesFile.isEmpty { return "the certificate file \(authoritiesFile)" }
        return environmentFile.isEmpty ? "TLS" : "the certificate file \(environmentFile) of SSL_CERT_FILE"
    }
}
