import NIOCore
import NIOSSL
import Settings
import SimpleAICore

extension NIOSSLContext {
    /// The server's TLS context: version 1.2 or later, offering both HTTP versions by ALPN.
    /// - Throws: `GatewayStartError` with the settings key that has to be corrected.
    convenience init(_ tls: Settings.ServerTLS) throws(GatewayStartError) {
        let path = ["server", "tls"]
        let certificates: [NIOSSLCertificate]
        do {
            certificates = try NIOSSLCertificate.fromPEMBytes(Array(tls.certificate.utf8))
        } catch {
            throw GatewayStartError("contains no readable PEM certificate", at: path + ["certificate"])
        }
        let key: NIOSSLPrivateKey
        do {
            key = try NIOSSLPrivateKey(bytes: Array(tls.key.utf8), format: .pem)
        } catch {
            throw GatewayStartError("contains no readable PEM private key", at: path + ["key"])
        }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: certificates.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ClientProtocols.offered
        // The library waits this long for the client's `close_notify` even if it has arrived; nothing depends on it.
        configuration.shutdownTimeout = .milliseconds(500)
        do {
            try self.init(configuration: configuration)
        } catch {
            throw GatewayStartError(
                "does not match server.tls.certificate; use the private key of that certificate",
                at: path + ["key"])
        }
    }
}
