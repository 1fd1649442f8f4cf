import NIOCore
import NIOSSL
import Relay
package import Settings
package import SimpleAICore

/// An immutable snapshot of all settings that calls and connections use. A reload replaces it with a new one; calls and
/// connections keep the snapshot that they started with.
package final class DataPlaneRules: Sendable {
    package let settings: Settings
    package let access: AccessRules
    let callLimits: CallState.Limits
    let upstreamTimeouts: UpstreamTimeouts
    /// Nil for plain HTTP.
    let tls: NIOSSLContext?

    /// - Throws: `GatewayStartError` for an unusable certificate.
    package init(_ settings: Settings, _ access: AccessRules) throws(GatewayStartError) {
        self.settings = settings
        self.access = access
        callLimits = CallState.Limits(settings.routing)
        let timeouts = settings.routing.timeouts
        upstreamTimeouts = UpstreamTimeouts(
            connect: TimeAmount(timeouts.connect), firstByte: TimeAmount(timeouts.firstByte),
            gap: TimeAmount(timeouts.gap))
        tls = if let tls = settings.server.tls { try NIOSSLContext(tls) } else { nil }
    }
}

extension CallState.Limits {
    init(_ routing: Settings.Routing) {
        let afterSend: CallState.AfterSend =
            switch routing.afterSend {
            case .staleOnly: .staleOnly
            case .never: .never
            case .always: .always
            }
        self.init(moves: routing.failoverAttempts, afterSend: afterSend)
    }
}
