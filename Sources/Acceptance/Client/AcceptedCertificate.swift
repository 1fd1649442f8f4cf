import NIOCore
import NIOSSL

/// The only certificate that a peer may show, whatever name and authority it has.
struct AcceptedCertificate: Sendable {
    /// In DER.
    private let bytes: [UInt8]

    /// - Parameter text: in PEM; its first certificate counts.
    /// - Throws: ``ResponseProblem`` if the text contains no certificate.
    init(_ text: String) throws {
        guard let first = try? NIOSSLCertificate.fromPEMBytes(Array(text.utf8)).first,
            let bytes = try? first.toDERBytes()
        else { throw ResponseProblem("the settings contain no certificate; --no-verify-ssl accepts any certificate") }
        self.bytes = bytes
    }

    /// Why another certificate is refused.
    static let problem = ClientFailure.CertificateProblem.stated(
        "it is not the one in the settings (after a change, the gateway has to be reloaded)")

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
