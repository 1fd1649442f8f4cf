import NIOCore
import NIOSSL
import Settings
import StandIn

/// TLS for clients of a gateway. They accept any certificate: the test examines it.
enum TLSClient {
    /// - Parameters:
    ///   - protocols: the ALPN protocols to offer, best first.
    ///   - maximum: the highest TLS version that the client supports.
    static func context(_ protocols: [String], maximum: TLSVersion? = nil) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateVerification = .none
        configuration.applicationProtocols = protocols
        configuration.minimumTLSVersion = .tlsv1
        configuration.maximumTLSVersion = maximum
        // A test's client closes without waiting for the peer's TLS close alert.
        configuration.shutdownTimeout = .milliseconds(20)
        return try NIOSSLContext(configuration: configuration)
    }
}

extension Settings.ServerTLS {
    init(_ certificate: StandInCertificate) {
        self.init(certificate: certificate.certificate, key: certificate.privateKey)
    }
}

extension Wire {
    /// The certificate that the gateway presented, in DER.
    func certificate() async throws -> [UInt8] {
        try await channel.nioSSL_peerCertificate().get()?.toDERBytes() ?? []
    }
}
