import NIOCore
import NIOSSL
import Synchronization

/// Finds the underlying cause of a failure by inspecting the peer's certificate.
///
/// The TLS library only reports that a certificate is invalid, and a TLS port does not respond to plain HTTP. A second
/// connection, on which only the beginning of a handshake is sent, shows which of the two it is.
final class FailureExplanation: Sendable {
    private let target: Target
    private let group: any EventLoopGroup
    /// Whether plain HTTP has already been compared with TLS: a deployment that drops calls must not receive a second
    /// connection for each.
    private let hasLooked = Mutex(false)

    init(target: Target, group: any EventLoopGroup) {
        self.target = target
        self.group = group
    }

    /// The failure, with the most precise cause that can be found.
    func whole(_ failure: ClientFailure) async -> ClientFailure {
        switch failure {
        case .certificate(let authority, let problem) where problem == .untrusted || problem == .otherHost:
            guard let chain = await certificates() else { return failure }
            let look = CertificateDiagnosis(chain: chain, host: target.host)
            let reason = problem == .otherHost ? look.otherHost : look.problem
            return .certificate(authority: authority, reason.map { .stated($0) } ?? problem)
        case .closedWithoutResponse(let authority), .notHTTP(let authority, _):
            return await isTLSPort() ? .speaksTLS(authority: authority) : failure
        default:
            return failure
        }
    }

    /// The failure behind a response: TLS servers often refuse plain HTTP with a 400.
    func failure(behind exchange: Exchange) async -> ClientFailure? {
        guard exchange.status == 400, exchange.json == nil, await isTLSPort() else { return nil }
        return .speaksTLS(authority: target.authority)
    }

    private func isTLSPort() async -> Bool {
        let isFirst = hasLooked.withLock { hasLooked in
            defer { hasLooked = true }
            return !hasLooked
        }
        guard !target.usesTLS, isFirst else { return false }
        return await certificates() != nil
    }

    private func certificates() async -> [NIOSSLCertificate]? {
        await PeerCertificates.shown(by: target, group: group, within: .seconds(3))
    }
}
