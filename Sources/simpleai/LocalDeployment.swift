import Foundation
import LocalFleet
import Logging
import SimpleAICore

/// A complete fleet on this machine, for `--local`, as the acceptance suite uses it.
struct LocalDeployment: Sendable {
    /// A short description of the fleet.
    let description: String
    /// Base URL of the gateway.
    let url: String
    /// Mints a token of the local issuer.
    let token: @Sendable (_ user: String?, _ role: String?) async throws -> String
    /// Mints an expired token.
    let expiredToken: (@Sendable () async throws -> String)?
    /// UDP port to which the virtual machines copy every magic packet; nil if there are no copies.
    let packetPort: Int?
    /// Puts the virtual machines that slept at the start (those behind `class:big`) to sleep again; nil if they cannot
    /// have woken.
    let sleepMachine: (@Sendable () async throws -> Void)?
}

/// Runs `body` with a local fleet, which ends when `body` returns or throws.
///
/// - Parameters:
///   - shape: the number and speed of its machines.
///   - powerIsCut: whether magic packets reach the machines without effect.
/// - Throws: what `body` throws, or the reason why the fleet does not start.
func withLocalDeployment<Result: Sendable>(
    _ shape: FleetShape, powerIsCut: Bool = false, _ body: @escaping @Sendable (LocalDeployment) async throws -> Result
) async throws -> Result {
    var options = shape.options
    if powerIsCut { options.forEachMachine { $0.faults.isPowerCut = true } }
    // Longer than a boot takes, and short enough for a test that waits for the timeout.
    if powerIsCut || shape.hasFailingWakes { options.wakeTimeout = .seconds(8) }
    return try await LocalFleet.withRunning(options, logger: .silent) { fleet in
        try await body(LocalDeployment(fleet, powerIsCut: powerIsCut, faults: shape.faultDescription))
    }
}

extension LocalDeployment {
    init(_ fleet: LocalFleet.Running, powerIsCut: Bool, faults: String) {
        // Machines without power are asleep already and cannot execute commands.
        let sleepMachine: @Sendable () async throws -> Void = { try await fleet.putSleepersToSleep() }
        self.init(
            description: "the local fleet: \(fleet.machines.count) machines, simulated engines"
                + (powerIsCut ? ", power cut" : "") + faults,
            url: fleet.url,
            token: { user, role in try fleet.token(user: user ?? "operator", roles: role.map { [Role($0)] } ?? []) },
            expiredToken: {
                let hoursAgo = Date(timeIntervalSinceNow: -3 * 3600)
                return try fleet.token(user: "operator", lifetime: .seconds(3600), issuedAt: hoursAgo)
            },
            packetPort: fleet.packetPort,
            sleepMachine: powerIsCut ? nil : sleepMachine)
    }
}
