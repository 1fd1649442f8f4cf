import Acceptance
import ArgumentParser
import Foundation

/// `simpleai wake NAME`.
struct WakeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wake", abstract: "Wake a machine of a running gateway.",
        discussion: "Example: simpleai wake gpu-server --wait")

    @Argument(help: "The machine's id, as `simpleai fleet` shows it.")
    var name: String
    @Flag(help: "Wait until the machine is ready; exit with 1 if the wake fails.")
    var wait = false
    @OptionGroup(title: "Gateway") var gateway: OperatorOptions

    func run() async throws {
        try await reporting {
            let requests = FleetRequests(client: try await gateway.client())
            let response = try await requests.wake(name)
            guard response.state == "waking" else { return print("\(name) is already awake.") }
            print("Wake of \(name) started (\(response.wake ?? "")).")
            if wait { try await waitUntilAwake(requests) }
        }
    }

    /// Ends because the gateway gives up after its `wake.timeout`.
    private func waitUntilAwake(_ requests: FleetRequests) async throws {
        while true {
            let machine = try await requests.machine(name)
            switch machine.state {
            case "ready":
                return print("\(name) is ready after \(TextColumns.time(machine.lastWake?.tookMs ?? 0)).")
            case "waking", "unknown", "checking", "loading": try await Task.sleep(for: .milliseconds(250))
            default: throw CommandFailure("\(name) did not wake up; its state is \(FleetTable.state(of: machine))")
            }
        }
    }
}

/// `simpleai sleep NAME`.
struct SleepCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sleep",
        abstract: "Put an idle machine of a running gateway to sleep, if the gateway can wake it again.",
        discussion: """
            Waits for the outcome, which takes about 20 seconds, because a sleeping machine cannot report it. A sleep \
            command that fails, hangs, or leaves the machine awake is reported by the machine's agent, or by the \
            gateway itself if the runner's settings state how it puts the machine to sleep (`runners[].sleep`). In \
            that case the exit code is 1, and the reason and the end of the command's output are printed.

            Example: simpleai sleep gpu-server
            """)

    /// Maximum time until the outcome; longer than a gateway waits for an agent to reconnect, or for its own command, the
    /// machine's suspension and the next probe.
    private static let timeout: Duration = .seconds(70)
    /// Maximum time from the machine's return to the report of the reason.
    private static let reasonTimeout: Duration = .seconds(3)

    @Argument(help: "The machine's id, as `simpleai fleet` shows it.")
    var name: String
    @OptionGroup(title: "Gateway") var gateway: OperatorOptions

    func run() async throws {
        try await reporting {
            let requests = FleetRequests(client: try await gateway.client())
            guard try await requests.sleep(name).state == "falling_asleep" else {
                return print("\(name) is already asleep.")
            }
            var outcome = SleepOutcome(deadline: .now + Self.timeout, reasonTimeout: Self.reasonTimeout)
            while true {
                switch outcome.look(at: try await requests.machine(name), now: .now) {
                case .undecided: try await Task.sleep(for: .milliseconds(100))
                case .asleep: return print("\(name) is asleep.")
                case .failed(let reason): throw CommandFailure("putting \(name) to sleep failed: \(reason)")
                }
            }
        }
    }
}
