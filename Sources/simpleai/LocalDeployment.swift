import Foundation
import LocalFleet
import Logging
import SimpleAICore

/// A whole fleet on this machine, for `--local`: what the acceptance suite needs to know of it.
struct LocalDeployment: Sendable {
    /// What kind of fleet it is, in a few words.
    let description: String
    /// Base URL of the gateway.
    let url: String
    /// Mints a token of the local issuer.
    let token: @Sendable (_ user: String?, _ role: String?) async throws -> String
    /// Mints a token that has expired already.
    let expiredToken: (@Sendable () async throws -> String)?
    /// UDP port to which the virtual machines copy every magic packet; nil when they copy none.
    let packetPort: Int?
    /// Puts the virtual machines that slept at the start (those behind `class:big`) to sleep again; nil when they cannot
    /// have woken.
    let sleepMachine: (@Sendable () async throws -> Void)?
}

/// Runs `body` with a local fleet, which ends when `body` returns or throws.
///
/// - Parameters:
///   - shape: how many machines it has, and how fast they are.
///   - powerIsCut: whether magic packets arrive at the machines and wake nothing.
/// - Throws: what `body` throws, or the reason why the fleet does not start.
func withLocalDeployment<Result: Sendable>(
    _ shape: FleetShape, powerIsCut: Bool = false, _ body: @escaping @Sendable (LocalDeployment) async throws -> Result
) async throws -> Result {
    var options = shape.options
    if powerIsCut { options.forEachMachine { $0.faults.isPowerCut = true } }
    // Long enough to be sure that nothing boots, short enough to wait for it.
    if powerIsCut || shape.someWakesFail { options.wakeTimeout = .seconds(8) }
    return try await LocalFleet.withRunning(options, logger: .silent) { fleet in
        try await body(LocalDeployment(fleet, powerIsCut: powerIsCut, faults: shape.faultsInWords))
    }
}

extension LocalDeployment {
    init(_ fleet: LocalFleet.Running, powerIsCut: Bool, faults: String) {
        // A machine without power sleeps anyway, and cannot be asked.
        let sleepMachine: @Sendable () async throws -> Void = { try await fleet.sleepAgain() }
        self.init(
            description: "the local fleet: \(fleet.machines.count) machines, simulated engines"
                + (powerIsCut ? ", the power cut" : "") + faults,
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
