import Acceptance
import Foundation
import LocalFleet
import OperatingSystem
import SimpleAICore

/// Shows the state of a running local fleet: a live table in a terminal, elsewhere a line for each change.
struct DevView {
    private let fleet: LocalFleet.Running
    private let requests: FleetRequests
    private let isTerminal: Bool
    /// The states in the announcement, by machine: only differences from them are reported.
    private let announced: [String: String]

    private static let interval: Duration = .milliseconds(250)

    init(_ fleet: LocalFleet.Running, isTerminal: Bool = FleetScreen.isTerminal()) throws {
        self.fleet = fleet
        self.isTerminal = isTerminal
        announced = Dictionary(
            uniqueKeysWithValues: fleet.machines.map {
                ($0.id.rawValue, $0.status.phase == .awake ? "ready" : $0.status.phase.rawValue)
            })
        requests = FleetRequests(
            client: try OperatorClient(
                deployment: DeploymentAddress(fleet.url), token: fleet.tokens.admin, timeout: .seconds(10)))
    }

    /// Runs until the task is cancelled.
    func run() async throws {
        var screen = FleetScreen()
        defer { if isTerminal { FleetScreen.showCursor() } }
        var before = announced
        while true {
            let state: FleetState
            do {
                state = try await requests.fleet()
            } catch {
                try Task.checkCancellation()
                try await Task.sleep(for: Self.interval)
                continue
            }
            if isTerminal {
                screen.draw([""] + FleetTable(fleet: state, more: powerColumn).lines)
            } else {
                before = reportChanges(state, since: before)
            }
            try await Task.sleep(for: Self.interval)
        }
    }

    /// A column with the machines' own power states, which the gateway cannot observe.
    private var powerColumn: FleetTable.Column {
        FleetTable.Column(
            title: "POWER",
            cells: Dictionary(
                uniqueKeysWithValues: fleet.machines.map { machine in
                    let status = machine.status
                    return (machine.id.rawValue, "\(status.phase.rawValue), \(status.packetsForThisMachine) packets")
                }))
    }

    private func reportChanges(_ state: FleetState, since before: [String: String]) -> [String: String] {
        var now: [String: String] = [:]
        for machine in state.runners {
            let state = FleetTable.state(of: machine)
            now[machine.id] = state
            guard let old = before[machine.id], old != state else { continue }
            let took = machine.lastWake?.tookMs.map { ", after \(TextColumns.time($0))" } ?? ""
            let isWoken = machine.state == "ready" && old.hasPrefix("waking")
            Self.writeLine("\(TextColumns.printable(machine.id)): \(old) → \(state)\(isWoken ? took : "")")
        }
        return now
    }

    private static func writeLine(_ line: String) { StandardStream.output.write(line + "\n") }
}
