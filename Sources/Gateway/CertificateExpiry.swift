import Foundation
import NIOSSL
import Settings
import SimpleAICore

extension GatewayApplication {
    /// Warns about a server certificate that is not valid yet, has expired, or expires within seven days.
    static func certificateWarnings(_ settings: Settings, now: Date = Date()) -> [GatewayStartError] {
        // An unreadable certificate is an error at start.
        guard let tls = settings.server.tls,
            let certificate = try? NIOSSLCertificate.fromPEMBytes(Array(tls.certificate.utf8)).first
        else { return [] }
        let end = Date(timeIntervalSince1970: TimeInterval(certificate.notValidAfter))
        let start = Date(timeIntervalSince1970: TimeInterval(certificate.notValidBefore))
        guard start <= now else {
            return [
                GatewayStartError(
                    "the certificate is not valid before \(start.formatted(.iso8601)); set the clock of this machine, or use "
                        + "another certificate and reload the settings (SIGHUP)",
                    at: ["server", "tls", "certificate"])
            ]
        }
        let days = 7
        guard end < now.addingTimeInterval(TimeInterval(days) * 86_400) else { return [] }
        let state = end < now ? "expired on" : "expires within \(days) days, on"
        return [
            GatewayStartError(
                "the certificate \(state) \(end.formatted(.iso8601)); renew it, and reload the settings (SIGHUP)",
                at: ["server", "tls", "certificate"])
        ]
    }
}
