import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

extension ClientFailure {
    /// Translates what the network libraries throw: the only place that knows their errors.
    init(_ error: any Error, target: Target) {
        let authority = target.authority
        switch error {
        case let failure as ClientFailure:
            self = failure
        case let failure as NIOConnectionError:
            self = Self.connecting(failure, target: target)
        case is HTTPParserError:
            self = .notHTTP(reason: "\(error)")
        case let failure as NIOSSLExtraError where failure == .failedToValidateHostname:
            self = .certificate(authority: authority, reason: "it is for another host name")
        case NIOSSLError.handshakeFailed(let reason):
            self = Self.handshake(reason, authority: authority)
        case NIOSSLError.unableToValidateCertificate, NIOSSLError.noCertificateToValidate:
            self = .certificate(authority: authority, reason: "it cannot be validated")
        case is NIOSSLError, is BoringSSLError:
            self = .tls(authority: authority, reason: "\(error)")
        case ChannelError.connectTimeout(let amount):
            self = .unreachable(authority: authority, reason: "no answer within \(Duration(amount).readable)")
        case let failure as IOError where failure.errnoCode == ECONNREFUSED:
            self = .refused(authority: authority)
        case let failure as IOError:
            self = .unreachable(authority: authority, reason: Self.reason(failure))
        default:
            self = .unreachable(authority: authority, reason: "\(error)")
        }
    }

    private static func connecting(_ error: NIOConnectionError, target: Target) -> ClientFailure {
        let attempts = error.connectionErrors.map(\.error)
        guard let first = attempts.first else { return .nameNotFound(host: target.host) }
        let refused = attempts.contains { ($0 as? IOError)?.errnoCode == ECONNREFUSED }
        return refused ? .refused(authority: target.authority) : ClientFailure(first, target: target)
    }

    private static func handshake(_ error: BoringSSLError, authority: String) -> ClientFailure {
        let text = "\(error)"
        guard text.contains("CERTIFICATE_VERIFY_FAILED") else {
            return .tls(authority: authority, reason: text.contains("WRONG_VERSION") ? "it speaks no TLS" : text)
        }
        return .certificate(authority: authority, reason: "expired, self-signed or from an unknown authority")
    }

    private static func reason(_ error: IOError) -> String {
        switch error.errnoCode {
        case ENETUNREACH: "no route to that network"
        case EHOSTUNREACH: "no route to that host"
        case ETIMEDOUT: "no answer"
        case ECONNRESET: "the connection was reset"
        default: error.localizedDescription
        }
    }
}
