import Foundation
import Installation
import OperatingSystem
import Settings
import SimpleAICore

/// `simpleai setup --runner`: the questions about an agent, and what it writes.
struct RunnerSetup {
    private let command: SetupCommand
    private let questions: Questions
    private var options: RunnerSetupOptions { command.agent }

    init(command: SetupCommand) {
        self.command = command
        questions = Questions(yes: command.yes)
    }

    func run() async throws {
        let file = InstalledFile.runner(in: command.folder)
        guard try command.mayWrite(file) else { return print("\(file.path) exists; nothing to do.") }
        let gateway = try chooseGateway()
        let id = try options.id ?? questions.ask("Id of this machine", default: HostName.own)
        warnAboutName(id)
        let token = try chooseToken(id)
        let port = try choosePort(file)
        let engines = await chooseEngines()
        let starts = try command.startsService(questions)
        let proposal = RunnerProposal(
            gateway: gateway, id: id, token: token, port: port, engines: engines,
            stateFile: "\(stateFolder)/state.json",
            sleepCommand: options.sleep ? ["systemctl", "suspend"] : [])
        let loaded = try check(proposal, file)
        await checkGateway(loaded.settings)
        try command.makeFolder()
        try SetupCommand.makeStateFolder(stateFolder, user: "simpleai-runner")
        if let kept = try file.write(proposal.settings, group: "simpleai-runner") {
            print("Kept the previous settings as \(kept).")
        }
        print("Wrote \(file.path).")
        let sudo = SetupCommand.usesSudo ? "sudo " : ""
        let config = command.directory == nil ? "" : " --config \(ShellText.word(file.path))"
        if starts {
            try await SystemService.runner.start()
            print("Started \(SystemService.runner.unit).")
        } else {
            print("Start it:  \(sudo)simpleai runner\(config)")
        }
        print("Trouble:   \(sudo)simpleai doctor\(config)")
    }

    private func chooseGateway() throws -> String {
        let text = try options.url ?? questions.ask("URL of the gateway (ws://HOST:PORT)", default: "")
        guard !text.isEmpty else {
            throw CommandFailure(
                "--gateway is required: run the line that `simpleai invite NAME` prints on the gateway")
        }
        // People copy the URL of a browser.
        if text.hasPrefix("http://") { return "ws://" + text.dropFirst(7) }
        if text.hasPrefix("https://") { return "wss://" + text.dropFirst(8) }
        return text
    }

    private func chooseToken(_ id: String) throws -> String {
        let token =
            try options.token ?? questions.ask("Invitation (from `simpleai invite \(id)` on the gateway)", default: "")
        guard !token.isEmpty else {
            throw CommandFailure(
                "--token is required: run the line that `simpleai invite \(ShellText.word(id))` prints on the gateway")
        }
        if RunnerTokenText.isInvitation(token), RunnerTokenText.invitationID(of: token) == nil {
            throw CommandFailure("the invitation is incomplete; copy the whole line that `simpleai invite` prints")
        }
        return token
    }

    /// An invitation that was pasted on another machine would register that machine under this name.
    private func warnAboutName(_ id: String) {
        let name = HostName.own
        let short = name.split(separator: ".").first.map(String.init) ?? name
        guard options.id != nil, id.lowercased() != name.lowercased(), id.lowercased() != short.lowercased() else {
            return
        }
        StandardStream.error.write("note: this machine is called \(name), and registers as \(id)\n")
    }

    private func choosePort(_ file: InstalledFile) throws -> Int {
        let choice = PortChoice(
            host: "0.0.0.0", hostOption: "--host", option: "--listen-port", own: portOfRunningAgent(file),
            isLater: command.start == false)
        return try options.listenPort.map { try choice.check($0) } ?? choice.first(in: 8081..<8100)
    }

    /// The port of the agent whose settings are replaced; nil if another program has it, as far as this user can see.
    private func portOfRunningAgent(_ file: InstalledFile) -> Int? {
        guard FileManager.default.fileExists(atPath: file.path),
            let loaded = try? RunnerSettingsFile.load(
                path: file.path, environment: ProcessInfo.processInfo.environment),
            ListeningProcess(port: loaded.settings.listen.port)?.name == "simpleai"
        else { return nil }
        return loaded.settings.listen.port
    }

    private func chooseEngines() async -> [FoundEngine] {
        let engines = FoundEngine.distinct(await command.namedEngines() + EngineSearch().onThisMachine())
        if engines.isEmpty {
            print(
                "No engine found on the usual ports; \(FoundEngine.ports[0].name) at its usual port is assumed. Name others with --engine URL."
            )
        }
        for engine in engines { print("Engine \(engine.summary)") }
        return engines
    }

    private var stateFolder: String {
        let folder =
            command.stateDirectory
            ?? (geteuid() == 0 && command.directory == nil ? "/var/lib/simpleai-runner" : command.folder)
        return SetupCommand.absolute(folder)
    }

    private func check(_ proposal: RunnerProposal, _ file: InstalledFile) throws -> LoadedRunnerSettings {
        do {
            return try RunnerSettingsFile.parse(proposal.settings, name: file.path, environment: [:])
        } catch {
            throw CommandFailure(
                "these answers give no valid settings, and none were written: \(OperatorText.of(error))")
        }
    }

    /// The agent retries forever, but a person at the terminal wants to know now.
    private func checkGateway(_ settings: RunnerSettings) async {
        if settings.sendsTokenInTheClear {
            SetupCommand.warn(
                "\(settings.gateway) is not encrypted; others on the network can read the token. Use wss:// unless you "
                    + "trust the network")
        }
        guard let url = settings.gatewayBaseURL else { return }
        let reply = await HTTPProbe().get("/health", of: url)
        guard reply.outcome != .status(200) else { return }
        SetupCommand.warn(
            "the gateway \(url) does not respond now (\(reply.outcome.explanation)); the agent keeps trying, and the "
                + "invitation is valid for ten minutes")
    }
}
