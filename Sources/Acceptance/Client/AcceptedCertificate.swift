import NIOCore
import NIOSSL

/// The only certificate that a peer may show, whatever name and authority it has.
struct AcceptedCertificate: Sendable {
    private let path: String
    /// In DER.
    private let bytes: [UInt8]

    /// - Parameter path: of a PEM file; its first certificate counts.
    /// - Throws: ``ResponseProblem`` if the file contains no certificate.
    init(path: String) throws {
        guard let first = try? NIOSSLCertificate.fromPEMFile(path).first, let bytes = try? first.toDERBytes() else {
            throw ResponseProblem("cannot read a certificate from \(path); --no-verify-ssl accepts any certificate")
        }
        self.path = path
        self.bytes = bytes
    }

    /// Why another certificate is refused.
    var problem: ClientFailure.CertificateProblem {
        .stated("it is not the one in \(path) (after a change, the gateway has to be reloaded)")
    }

    func handler(context: NIOSSLContext, serverHostname: String?) throws -> NIOSSLClientHandler {
        let bytes = bytes
        return try NIOSSLClientHandler(
            context: context, serverHostname: serverHostname,
            customVerificationCallback: { certificates, verdict in
                let shown = certificates.first.flatMap { try? $0.toDERBytes() }
                verdict.succeed(shown == bytes ? .certificateVerified : .failed)
            })
    }
}
