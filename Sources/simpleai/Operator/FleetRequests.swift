import Acceptance
import Foundation

/// The response of `GET /admin/api/fleet`.
struct FleetState: Decodable, Hashable, Sendable {
    struct Machine: Decodable, Hashable, Sendable {
        struct Wake: Decodable, Hashable, Sendable {
            let id: String
            let ageMs: Int
            let tookMs: Int?
            /// `awake`, `failed`, or nil while it is in progress.
            let outcome: String?
        }

        let id: String
        let state: String
        /// Why it cannot serve; nil if it can, or if a gateway of an earlier release does not report it.
        let stateReason: String?
        let machineType: String
        let slots: Int
        let active: Int
        let isEjected: Bool
        let isFallingAsleep: Bool
        let sleepProblem: String?
        let bootMs: Int?
        let wakeEtaMs: Int?
        let lastWake: Wake?
        let loading: String?
        let models: [String]
        let loaded: [String]
    }

    let leases: Int
    let waiting: Int
    let runners: [Machine]
}

/// The gateway's response to a command for a machine.
struct MachineCommandResponse: Decodable {
    let state: String
    let wake: String?
}

/// Requests to `/admin/api/fleet` and `/admin/api/machines`.
struct FleetRequests {
    let client: OperatorClient

    func fleet() async throws -> FleetState { try Self.decode(try await send("GET", "/admin/api/fleet")) }
    func document() async throws -> String {
        String(decoding: try await send("GET", "/admin/api/fleet"), as: UTF8.self)
    }
    func wake(_ id: String) async throws -> MachineCommandResponse { try await send(command: "wake", to: id) }
    func sleep(_ id: String) async throws -> MachineCommandResponse { try await send(command: "sleep", to: id) }

    /// - Throws: `CommandFailure` if the gateway does not list the machine.
    func machine(_ id: String) async throws -> FleetState.Machine {
        guard let machine = try await fleet().runners.first(where: { $0.id == id }) else {
            throw CommandFailure("the gateway no longer lists \(id)")
        }
        return machine
    }

    private func send(command: String, to id: String) async throws -> MachineCommandResponse {
        let name = id.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? id
        return try Self.decode(try await send("POST", "/admin/api/machines/\(name)/\(command)"))
    }

    private func send(_ method: String, _ path: String) async throws -> Data {
        let response = try await client.send(method, path)
        guard response.isSuccess else {
            throw CommandFailure("the gateway refused the request: \(response.errorMessage)")
        }
        return response.body
    }

    private static func decode<Value: Decodable>(_ body: Data) throws -> Value {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        do {
            return try decoder.decode(Value.self, from: body)
        } catch {
            throw CommandFailure("the response is not from a SimpleAI gateway; check --url")
        }
    }
}
