import Foundation
import HTTPTypes
import Hummingbird
import Scheduling
import SimpleAICore

/// `/admin/api/fleet` and `/admin/api/machines/{id}/wake`, `…/sleep`: administrators list the fleet, and wake machines
/// and put them to sleep.
struct FleetAdministration: Sendable {
    enum Command: String {
        case wake, sleep
    }

    private static let machines = "/admin/api/machines/"

    let control: ControlHandlers

    /// `GET`: every machine with its current state in the scheduler.
    func report(for request: Request, _ context: ControlContext) async throws -> Response {
        _ = try await control.admin(of: request, context)
        return ControlHandlers.json(FleetReport(fleet: control.services.scheduler.snapshot()).json)
    }

    /// `POST`: 202 if the command was accepted, 200 if the machine is already in that state, 400 if it is impossible.
    func command(for request: Request, _ context: ControlContext) async throws -> Response {
        let admin = try await control.admin(of: request, context)
        guard let (id, command) = Self.command(in: request.uri.path) else {
            throw GatewayError(.notFound, "Path not found.")
        }
        switch command {
        case .wake: return try wake(id, for: admin)
        case .sleep: return try sleep(id, for: admin)
        }
    }

    /// The machine and the command that a path names. Ids may contain any character, percent-encoded or not.
    static func command(in path: String) -> (RunnerID, Command)? {
        guard path.hasPrefix(machines), let slash = path.lastIndex(of: "/") else { return nil }
        guard let command = Command(rawValue: String(path[path.index(after: slash)...])) else { return nil }
        guard let id = PercentEncoding.decoded(path[..<slash].dropFirst(machines.count)), !id.isEmpty else {
            return nil
        }
        return (RunnerID(id), command)
    }

    private func wake(_ id: RunnerID, for admin: Caller) throws(GatewayError) -> Response {
        switch control.services.scheduler.wakeMachine(id) {
        case .started(let wake):
            control.audit("wake_machine", of: id.rawValue, by: admin)
            return Self.response(id, "waking", wake, .accepted)
        case .inProgress(let wake):
            control.audit("wake_machine", of: id.rawValue, by: admin)
            return Self.response(id, "waking", wake, .accepted)
        case .alreadyAwake: return Self.response(id, "awake", nil, .ok)
        case .unknownMachine: throw Self.unknown(id)
        case .impossible(let reason): throw Self.impossible("Cannot wake \(id): \(reason).")
        }
    }

    private func sleep(_ id: RunnerID, for admin: Caller) throws(GatewayError) -> Response {
        switch control.services.scheduler.sleepMachine(id) {
        case .commandSent:
            control.audit("sleep_machine", of: id.rawValue, by: admin)
            return Self.response(id, "falling_asleep", nil, .accepted)
        case .alreadyAsleep: return Self.response(id, "asleep", nil, .ok)
        case .unknownMachine: throw Self.unknown(id)
        case .impossible(let reason): throw Self.impossible("Cannot put \(id) to sleep: \(reason).")
        }
    }

    private static func response(
        _ id: RunnerID, _ state: String, _ wake: WakeID?, _ status: HTTPResponse.Status
    ) -> Response {
        let wake = wake.map { ",\"wake\":\(JSONString.encode($0.rawValue))" } ?? ""
        return ControlHandlers.json(
            "{\"object\":\"machine\",\"id\":\(JSONString.encode(id.rawValue)),\"state\":\"\(state)\"\(wake)}",
            status: status)
    }

    private static func unknown(_ id: RunnerID) -> GatewayError {
        GatewayError(.notFound, "Unknown machine \"\(id)\". GET /admin/api/fleet lists the machines.")
    }

    private static func impossible(_ sentence: String) -> GatewayError { GatewayError(.invalidRequest, sentence) }
}
