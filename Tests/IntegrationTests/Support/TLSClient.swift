import NIOCore
import NIOSSL
import Settings
import StandIn

/// What clients of a gateway with TLS use. They trust everybody: whom they talk to is for the test to look at.
enum TLSClient {
    /// - Parameters:
    ///   - protocols: what is offered, best first.
    ///   - maximum: the newest version of TLS that the client knows.
    static func context(_ protocols: [String], maximum: TLSVersion? = nil) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateVerification = .none
        configuration.applicationProtocols = protocols
        configuration.minimumTLSVersion = .tlsv1
        configuration.maximumTLSVersion = maximum
        // A client of a test that closes does not wait for a goodbye.
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
    /// The certificate that the gateway has shown, in DER.
    func certificate() async throws -> [UInt8] {
        try await channel.nioSSL_peerCertificate().get()?.toDERBytes() ?? []
    }
}
