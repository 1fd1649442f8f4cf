public import Foundation
public import SimpleAICore

extension LocalFleet {
    /// A running fleet; valid until the body that received it returns.
    public struct Running: Sendable {
        /// The gateway's base URL.
        public let url: String
        /// Creates tokens of the fleet's issuer without a request.
        public let mint: TokenMint
        /// In the order of the options.
        public let machines: [VirtualMachine]
        /// The UDP port of 127.0.0.1 that receives copies of magic packets; nothing listens there unless a test does.
        public let packetPort: Int
        public let tokens: Tokens
        /// The token with which further runners can register.
        public let runnerToken: String

        /// Ids of the machines that were asleep when the fleet started.
        let sleepers: Set<RunnerID>

        public var issuerURL: String { mint.issuer }

        /// Puts the machines to sleep that were asleep when the fleet started.
        public func putSleepersToSleep() async throws {
            try await withThrowingDiscardingTaskGroup { group in
                for machine in machines where sleepers.contains(machine.id) {
                    group.addTask { try await machine.sleep() }
                }
            }
        }

        public func machine(_ id: RunnerID) -> VirtualMachine? {
            machines.first { $0.id == id }
        }

        /// A token of the fleet's issuer.
        ///
        /// - Parameter issuedAt: in the past to create an expired token.
        public func token(
            user: String = "developer", roles: [Role] = [], lifetime: Duration = .seconds(3600),
            issuedAt: Date = Date()
        ) throws -> String {
            try mint.token(user: user, roles: roles, lifetime: lifetime, issuedAt: issuedAt)
        }
    }
}

extension LocalFleet.Running {
    /// One token for each kind of caller that the access rules distinguish.
    public struct Tokens: Hashable, Sendable {
        /// No role: may request classes.
        public let basic: String
        /// `model:specific`: may also request exact models.
        public let specific: String
        public let admin: String

        init(_ mint: TokenMint, lifetime: Duration) throws {
            basic = try mint.token(user: "basic", roles: [], lifetime: lifetime)
            specific = try mint.token(user: "specific", roles: ["model:specific"], lifetime: lifetime)
            admin = try mint.token(user: "admin", roles: ["admin"], lifetime: lifetime)
        }
    }
}
