import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

extension ClientFailure {
    /// Translates an error of the network libraries.
    init(_ error: any Error, deployment: DeploymentAddress) {
        let authority = deployment.authority
        switch error {
        case let failure as ClientFailure:
            self = failure
        case let failure as NIOConnectionError:
            self = Self.connecting(failure, deployment: deployment)
        case is HTTPParserError:
            self = .notHTTP(authority: authority, reason: Self.violation(error))
        case let failure as NIOSSLExtraError where failure == .failedToValidateHostname:
            self = .certificate(authority: authority, .otherHost)
        case NIOSSLError.handshakeFailed(let reason):
            self = Self.handshake(reason, authority: authority)
        case NIOSSLError.unableToValidateCertificate, NIOSSLError.noCertificateToValidate:
            self = .certificate(authority: authority, .untrusted)
        case NIOSSLError.uncleanShutdown:
            self = .closedWithoutResponse(authority: authority)
        case let failure as BoringSSLError:
            self = Self.handshake(failure, authority: authority)
        case is NIOSSLError:
            self = .tls(authority: authority, reason: "the connection was lost")
        case ChannelError.connectTimeout(let amount):
            self = .unreachable(authority: authority, reason: "no response within \(Duration(amount).readable)")
        case let failure as IOError where failure.errnoCode == ECONNREFUSED:
            self = .refused(authority: authority)
        case let failure as IOError where [ECONNRESET, EPIPE].contains(failure.errnoCode):
            self = .closedWithoutResponse(authority: authority)
        case let failure as IOError:
            self = .unreachable(authority: authority, reason: ErrorText.of(failure))
        default:
            self = .unreachable(authority: authority, reason: ErrorText.of(error))
        }
    }

    private static func connecting(_ error: NIOConnectionError, deployment: DeploymentAddress) -> ClientFailure {
        let attempts = error.connectionErrors.map(\.error)
        guard let first = attempts.first else { return .nameNotFound(host: deployment.host) }
        let refused = attempts.contains { ($0 as? IOError)?.errnoCode == ECONNREFUSED }
        return refused ? .refused(authority: deployment.authority) : ClientFailure(first, deployment: deployment)
    }

    static func closedDuringHandshake(authority: String) -> ClientFailure {
        .tls(authority: authority, reason: "the connection was closed during the handshake")
    }

    private static func handshake(_ error: BoringSSLError, authority: String) -> ClientFailure {
        let text = "\(error)"
        let noTLS = ["WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "UNEXPECTED_RECORD"]
        if text.contains("CERTIFICATE_VERIFY_FAILED") { return .certificate(authority: authority, .untrusted) }
        if noTLS.contains(where: text.contains) { return .lacksTLS(authority: authority) }
        if text.contains("EOF") { return closedDuringHandshake(authority: authority) }
        // The library's reasons are names such as TLSV1_ALERT_PROTOCOL_VERSION, which an operator can search for.
        let name = text.firstMatch(of: /OPENSSL_internal:([A-Z0-9_]+)/)?.1 ?? "the handshake failed"
        return .tls(authority: authority, reason: name.replacing("_", with: " ").lowercased())
    }

    private static func violation(_ error: any Error) -> String {
        switch error as? HTTPParserError {
        case .invalidVersion?: "invalid HTTP version"
        case .invalidStatus?: "invalid status"
        case .invalidHeaderToken?: "malformed header field"
        case .invalidChunkSize?: "invalid chunk size"
        case .invalidEOFState?, .closedConnection?: "premature end"
        case .headerOverflow?: "header fields too large"
        default: "malformed message"
        }
    }
}
