import NIOCore
import NIOSSL
import Relay
import Settings
import SimpleAICore

/// An immutable snapshot of all settings that calls and connections use. A reload replaces it with a new one; calls and
/// connections keep the snapshot that they started with.
final class GatewayRules: Sendable {
    let settings: Settings
    let classes: ClassTable
    let policy: AccessPolicy
    let limits: LimitRules
    let proxies: TrustedProxies
    let origins: AllowedOrigins
    let callLimits: CallState.Limits
    let upstreamTimeouts: UpstreamTimeouts
    /// Nil for plain HTTP.
    let tls: NIOSSLContext?

    /// - Throws: `GatewayStartError` for an unusable certificate.
    init(_ settings: Settings) throws(GatewayStartError) {
        self.settings = settings
        classes = ClassTable(settings)
        policy = AccessPolicy(
            classes: classes, wakeRoles: settings.wake.roles, showsMembers: settings.models.showMembers,
            exactPolicy: PlacementPolicy(settings.routing.policy), grants: settings.policies,
            privilegedRoles: PrivilegedRoles(settings.auth))
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

    /// Whether this caller may see which runner served its call.
    func showsRunner(to caller: Caller?) -> Bool {
        switch settings.expose.runner {
        case .all: true
        case .admin: caller?.isAdmin ?? false
        case .none: false
        }
    }
}
