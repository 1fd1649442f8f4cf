import ArgumentParser

@main
enum Main {
    static func main() async {
        await CommandLineEntry.run(SimpleAI.self)
    }
}

/// The root command: lists the subcommands and does nothing itself.
struct SimpleAI: AsyncParsableCommand {
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "simpleai",
        abstract: "A fleet of GPU machines behind one OpenAI-compatible endpoint, with an acceptance suite.",
        version: version,
        subcommands: [
            ServeCommand.self, RunnerCommand.self, TestCommand.self, DevCommand.self, TokenCommand.self,
            KeysCommand.self, FleetCommand.self, WakeCommand.self, SleepCommand.self, ExplainCommand.self,
            ConfigCommand.self,
        ])
}
