import NIOCore
import NIOSSL
import Relay
import Settings
import SimpleAICore

/// Everything that settings decide about calls and connections, as one snapshot that never changes: a reload makes a
/// new one and swaps it whole. A call, and a connection, keep the one that they began with.
final class GatewayRules: Sendable {
    let settings: Settings
    let classes: ClassTable
    let policy: AccessPolicy
    let limits: LimitRules
    let proxies: TrustedProxies
    let origins: AllowedOrigins
    let callLimits: CallState.Limits
    let upstreamTimeouts: UpstreamTimeouts
    /// Nil: plain HTTP.
    let tls: NIOSSLContext?

    /// - Throws: `GatewayStartError` for a certificate that cannot be used.
    init(_ settings: Settings) throws(GatewayStartError) {
        self.settings = settings
        classes = ClassTable(settings)
        policy = AccessPolicy(
            classes: classes, wakeRoles: settings.wake.roles, showsMembers: settings.models.showMembers,
            exactPolicy: PlacementPolicy(settings.routing.policy), grants: settings.policies)
        limits = LimitRules(
            caller: settings.limits.caller, address: settings.limits.address, grants: settings.policies)
        proxies = TrustedProxies(settings.server.trustedProxies)
        origins = AllowedOrigins(settings.server.corsOrigins)
        callLimits = CallState.Limits(settings.routing)
        let timeouts = settings.routing.timeouts
        upstreamTimeouts = UpstreamTimeouts(
            connect: TimeAmount(timeouts.connect), firstByte: TimeAmount(timeouts.firstByte),
            gap: TimeAmount(timeouts.gap))
        tls = if let tls = settings.server.tls { try NIOSSLContext(tls) } else { nil }
    }

    /// Whether this caller is told which runner served.
    func showsRunner(to caller: Caller?) -> Bool {
        switch settings.expose.runner {
        case .all: true
        case .admin: caller?.isAdmin ?? false
        case .none: false
        }
    }
}
