import ArgumentParser
import CBuildVersion

@main
enum Main {
    static func main() async {
        await CommandLineEntry.run(SimpleAI.self)
    }
}

/// The root command: lists the subcommands and does nothing itself.
struct SimpleAI: AsyncParsableCommand {
    /// As scripts/stamp-version has written it.
    static let version = String(cString: simpleai_build_version())

    static let configuration = CommandConfiguration(
        commandName: "simpleai",
        abstract: "A fleet of GPU machines behind one OpenAI-compatible endpoint, with an acceptance suite.",
        discussion: """
            A gateway: `setup`, then `serve`. A machine: `invite` on the gateway prints the line to run there. When something \
            does not work: `doctor`.

            Example: simpleai setup
            """,
        version: version,
        subcommands: [
            ServeCommand.self, RunnerCommand.self, TestCommand.self, DevCommand.self, TokenCommand.self,
            KeysCommand.self, FleetCommand.self, WakeCommand.self, SleepCommand.self, ExplainCommand.self,
            ConfigCommand.self, SetupCommand.self, InviteCommand.self, DoctorCommand.self, HealthCommand.self,
            BackupCommand.self, RestoreCommand.self,
        ])
}
