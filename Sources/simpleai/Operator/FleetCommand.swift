import Acceptance
import ArgumentParser
import Foundation

/// `simpleai fleet`: shows the state of every machine.
struct FleetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fleet",
        abstract: "Show the machines of a running gateway: states, models, calls and last wakes.",
        discussion: """
            In a terminal the table is updated until Ctrl-C; elsewhere it is printed once. `simpleai wake NAME` and \
            `simpleai sleep NAME` act on a machine.

            Example: simpleai fleet --once
            """)

    @Flag(help: "Print the gateway's JSON response once.")
    var json = false
    @Flag(help: "Print the table once, even in a terminal.")
    var once = false
    @Option(help: .init("Refresh interval of the live table.", valueName: "seconds"))
    var every = 1.0
    @OptionGroup(title: "Gateway") var gateway: OperatorOptions

    func validate() throws {
        guard (0.1...3600).contains(every) else { throw ValidationError("--every must be 0.1 to 3600 seconds") }
    }

    func run() async throws {
        try await reporting {
            let requests = FleetRequests(client: try await gateway.client())
            if json { return print(try await requests.document()) }
            let fleet = try await requests.fleet()
            guard !once, FleetScreen.isTerminal() else {
                return print(FleetTable(fleet: fleet).lines.joined(separator: "\n"))
            }
            try await watch(requests, from: fleet)
        }
    }

    /// Runs until Ctrl-C. While the gateway does not respond, a message replaces the table.
    private func watch(_ requests: FleetRequests, from fleet: FleetState) async throws {
        let signals = InterruptSignals.listen()
        let every = every
        try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            group.addTask {
                for await _ in signals { break }
                // Immediately: if a request hangs, no later code restores the cursor.
                FleetScreen.showCursor()
                throw ExitCode(130)
            }
            group.addTask {
                var screen = FleetScreen()
                screen.draw(FleetTable(fleet: fleet).lines)
                while true {
                    try await Task.sleep(for: .seconds(every))
                    do {
                        screen.draw(FleetTable(fleet: try await requests.fleet()).lines)
                    } catch {
                        try Task.checkCancellation()
                        screen.draw([OperatorText.of(error)])
                    }
                }
            }
            try await group.next()
        }
    }
}
