import Foundation
public import NIOSSL

/// TLS towards servers of others: identity providers, engines, gateways and web hooks.
public enum OutgoingTLS {
    /// The file of `SSL_CERT_FILE`, the variable in which OpenSSL, curl and Go look for the authorities to trust instead of
    /// the system's; empty where it is not set.
    public static let environmentFile = ProcessInfo.processInfo.environment["SSL_CERT_FILE"] ?? ""

    /// Checks certificates, by name or address, against the authorities of a PEM file.
    /// - Parameter authoritiesFile: a PEM file that settings name; empty: that of `SSL_CERT_FILE`, and without one the
    ///   system's authorities. A file that cannot be read is an error of the connection, never a reason to trust others.
    public static func configuration(
        authoritiesFile: String = "", environmentFile: String = environmentFile
    ) -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        let file = authoritiesFile.isEmpty ? environmentFile : authoritiesFile
        if !file.isEmpty { configuration.trustRoots = .file(file) }
        return configuration
    }

    /// What is to blame, in words, if a configuration with that file makes no context.
    public static func source(of authoritiesFile: String, environmentFile: String = environmentFile) -> String {
        if !authoritiesFile.isEmpty { return "the certificate file \(authoritiesFile)" }
        return environmentFile.isEmpty ? "TLS" : "the certificate file \(environmentFile) of SSL_CERT_FILE"
    }
}
