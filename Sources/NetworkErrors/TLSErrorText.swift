import Foundation
import NIOSSL

/// Text for operators that describes errors of the TLS library.
enum TLSErrorText {
    static func of(_ error: NIOSSLError, _ certificate: NIOSSLCertificate?, _ now: Date) -> String {
        switch error {
        case .handshakeFailed(let reason), .shutdownFailed(let reason): of(reason, certificate, now)
        case .unableToValidateCertificate, .noCertificateToValidate: untrusted(certificate, now)
        case .noSuchFilesystemObject: "the file does not exist"
        case .failedToLoadCertificate: "it contains no PEM certificate"
        case .failedToLoadPrivateKey: "it contains no PEM private key"
        case .cannotMatchULabel, .cannotFindPeerIP: "TLS: the name in the certificate is invalid"
        case .uncleanShutdown: "the TLS connection was truncated"
        default: "the TLS connection was lost"
        }
    }

    static func of(_ error: NIOSSLExtraError) -> String {
        switch error {
        case .failedToValidateHostname: "TLS: the certificate is for another host"
        case .serverHostnameImpossibleToMatch, .cannotUseIPAddressInSNI, .invalidSNIHostname:
            "TLS: the host name is not valid in a certificate"
        case .unknownPrivateKeyFileType: "it is not a PEM or DER private key"
        default: "the TLS connection was lost"
        }
    }

    private static let notTLS = ["WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "UNEXPECTED_RECORD"]

    static func of(_ error: BoringSSLError, _ certificate: NIOSSLCertificate?, _ now: Date) -> String {
        let text = String(describing: error)
        if text.contains("CERTIFICATE_VERIFY_FAILED") { return untrusted(certificate, now) }
        if notTLS.contains(where: text.contains) { return "TLS: the peer does not support TLS on this port" }
        if text.contains("EOF") || error == .zeroReturn { return "TLS: the connection was closed during the handshake" }
        // The library's reasons are names such as TLSV1_ALERT_PROTOCOL_VERSION, which an operator can search for.
        guard let name = text.firstMatch(of: /OPENSSL_internal:([A-Z0-9_]+)/)?.1 else {
            return "TLS: the handshake failed"
        }
        return "TLS: \(name.replacing("_", with: " ").lowercased())"
    }

    private static func untrusted(_ certificate: NIOSSLCertificate?, _ now: Date) -> String {
        guard let certificate else {
            return "TLS: the certificate has expired, or no trusted authority signed it"
        }
        let end = Date(timeIntervalSince1970: TimeInterval(certificate.notValidAfter))
        let beginning = Date(timeIntervalSince1970: TimeInterval(certificate.notValidBefore))
        if end < now { return "TLS: certificate expired on \(day(end))" }
        if beginning > now { return "TLS: certificate is not valid before \(day(beginning))" }
        return "TLS: no trusted authority signed the certificate"
    }

    private static func day(_ date: Date) -> String { date.formatted(.iso8601.year().month().day()) }
}
