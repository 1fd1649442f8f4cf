import NIOCore
import NIOSSL
import Synchronization

/// Finds the underlying cause of a failure by inspecting the peer's certificate.
///
/// The TLS library only reports that a certificate is invalid, and a TLS port does not respond to plain HTTP. A second
/// connection, on which the client sends only the beginning of a handshake, shows the cause.
final class FailureExplanation: Sendable {
    private let deployment: DeploymentAddress
    private let group: any EventLoopGroup
    /// Whether the suite has already tried TLS on the port. It tries once: a deployment that drops calls must not receive a
    /// second connection for each call.
    private let hasTriedTLS = Mutex(false)

    init(deployment: DeploymentAddress, group: any EventLoopGroup) {
        self.deployment = deployment
        self.group = group
    }

    /// Returns the failure with the most precise cause that can be found.
    func explained(_ failure: ClientFailure) async -> ClientFailure {
        switch failure {
        case .certificate(let authority, let problem) where problem == .untrusted || problem == .otherHost:
            guard let chain = await certificates() else { return failure }
            let diagnosis = CertificateDiagnosis(chain: chain, host: deployment.host)
            let reason = problem == .otherHost ? diagnosis.otherHost : diagnosis.problem
            return .certificate(authority: authority, reason.map { .stated($0) } ?? problem)
        case .closedWithoutResponse(let authority), .notHTTP(let authority, _):
            return await isTLSPort() ? .requiresTLS(authority: authority) : failure
        default:
            return failure
        }
    }

    /// The failure that a response indicates, or nil: TLS servers often refuse plain HTTP with 400.
    func failure(behind exchange: Exchange) async -> ClientFailure? {
        guard exchange.status == 400, exchange.json == nil, await isTLSPort() else { return nil }
        return .requiresTLS(authority: deployment.authority)
    }

    private func isTLSPort() async -> Bool {
        let isFirst = hasTriedTLS.withLock { hasTriedTLS in
            defer { hasTriedTLS = true }
            return !hasTriedTLS
        }
        guard !deployment.usesTLS, isFirst else { return false }
        return await certificates() != nil
    }

    private func certificates() async -> [NIOSSLCertificate]? {
        await PeerCertificates.shown(by: deployment, group: group, within: .seconds(3))
    }
}
