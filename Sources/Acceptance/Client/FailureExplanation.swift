import NIOCore
import NIOSSL
import Synchronization

/// Finds out what a failure really means, where a look at the peer's certificate tells.
///
/// The TLS library says only that a certificate is not good, and plain http gets no answer from a TLS port. A second
/// connection, on which nothing but the beginning of a handshake is sent, shows which it is.
final class FailureExplanation: Sendable {
    private let target: Target
    private let group: any EventLoopGroup
    /// Whether plain http was compared with TLS already: a deployment that drops calls is not to be called twice each.
    private let hasLooked = Mutex(false)

    init(target: Target, group: any EventLoopGroup) {
        self.target = target
        self.group = group
    }

    /// The failure, as precisely as it can be said.
    func whole(_ failure: ClientFailure) async -> ClientFailure {
        switch failure {
        case .certificate(let authority, let problem) where problem == .untrusted || problem == .otherHost:
            guard let chain = await certificates() else { return failure }
            let look = CertificateLook(chain: chain, host: target.host)
            let reason = problem == .otherHost ? look.otherHost : look.distrust
            return .certificate(authority: authority, reason.map { .stated($0) } ?? problem)
        case .closedWithoutAnswer(let authority), .notHTTP(let authority, _):
            return await isTLSPort() ? .speaksTLS(authority: authority) : failure
        default:
            return failure
        }
    }

    /// The failure that an answer hides: TLS servers like to tell plain http with a 400 that it is in the wrong place.
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
