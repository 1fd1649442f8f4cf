import Foundation
import Gateway
import Installation
import LocalFleet
import OperatingSystem
import Settings

/// The questions of `simpleai setup`, and what it writes.
struct GatewaySetup {
    private static let issuer = "https://tokens.simpleai.internal"
    private static let audience = "simpleai"

    private let command: SetupCommand
    private let questions: Questions
    private var options: GatewaySetupOptions { command.gateway }

    init(command: SetupCommand) {
        self.command = command
        questions = Questions(yes: command.yes)
    }

    func run() async throws {
        let file = InstalledFile.gateway(in: command.folder)
        guard try command.mayWrite(file) else {
            return print("\(file.path) exists; nothing to do.")
        }
        let port = try choosePort()
        let host = chooseHost()
        var engines = await findEngines(excluding: port)
        var classes = proposeClasses(engines)
        let isAccepted = engines.isEmpty || questions.confirm("Use this? It can be edited later.", default: true)
        if !isAccepted { (engines, classes) = (engines.filter { command.engine.contains($0.url) }, []) }
        let identity = chooseIdentity()
        let proposal = GatewayProposal(
            host: host, port: port, identity: identity, engines: engines, classes: classes, stateFolder: stateFolder)
        try Self.makeFolder(command.folder, mode: 0o755)
        if case .ownKey = identity { try makeKey() }
        let settings = try check(proposal, file)
        let kept = try file.write(proposal.settings, group: "simpleai")
        if let kept { print("Kept the previous settings as \(kept).") }
        try makeStateFolder()
        print("Wrote \(file.path).")
        try await start(proposal, file, address: HealthCommand.address(of: settings))
    }

    // MARK: Questions

    private func choosePort() throws -> Int {
        if let port = options.port { return port }
        for port in 8080..<8100 where ListenerProbe.outcome(options.host ?? "0.0.0.0", port) == .free {
            if port != 8080 { print("Port 8080 is in use by another program; the gateway gets port \(port).") }
            return port
        }
        throw CommandFailure("the ports 8080 to 8099 are all in use; choose one with --port")
    }

    private func chooseHost() -> String {
        if let host = options.host { return host }
        let choice = questions.choose(
            "Which clients may connect?",
            ["programs on this machine only", "all machines that reach this one; each call needs a token"])
        return choice == 0 ? "127.0.0.1" : "0.0.0.0"
    }

    private func findEngines(excluding port: Int) async -> [FoundEngine] {
        let search = EngineSearch(excluded: [port])
        var engines = await command.namedEngines()
        engines += await search.onThisMachine()
        let scans =
            options.scanNetwork
            ?? questions.confirm(
                "Search the other machines on this network for engines, too? It connects to their usual ports.",
                default: false)
        if scans {
            let hosts = LocalNetwork.neighbours(of: LocalNetwork.interfaces())
            print("Searching \(hosts.count) addresses…")
            engines += await search.onNetwork(hosts)
        }
        var seen: Set<String> = []
        engines = engines.filter { seen.insert($0.url).inserted }
        if engines.isEmpty {
            print(
                "No engine found on the usual ports (\(FoundEngine.ports.map { "\($0.port)" }.joined(separator: ", "))). Start "
                    + "one, for example Ollama or llama-server, and add it under `runners`; or name it now with --engine URL."
            )
        }
        for engine in engines {
            let models = engine.models.prefix(6).map(\.id).joined(separator: ", ")
            print("Engine \(engine.url) (\(engine.kind.rawValue)): \(models.isEmpty ? "no models" : models)")
        }
        return engines
    }

    private func proposeClasses(_ engines: [FoundEngine]) -> [ClassProposal.ModelClass] {
        guard options.classes.isEmpty else {
            return options.classes.map { text in
                let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
                return .init(name: parts[0], models: parts[1].split(separator: ",").map(String.init))
            }
        }
        let proposed = ClassProposal.classes(for: engines)
        for entry in proposed { print("Class \(entry.name): \(entry.models.joined(separator: ", "))") }
        return proposed
    }

    private func chooseIdentity() -> GatewayProposal.Identity {
        if let issuer = options.issuer { return .provider(issuer: issuer, audience: options.audience ?? Self.audience) }
        let choice = questions.choose(
            "Who issues the tokens of callers?",
            [
                "this machine: setup makes a key, and `simpleai token` prints tokens",
                "an OpenID Connect provider (Keycloak, Authentik, Entra ID, …)",
            ])
        if choice == 1 {
            let issuer = questions.ask("Issuer URL", default: "") { text in
                text.hasPrefix("https://") || text.hasPrefix("http://")
                    ? nil : "Enter a URL, as in the claim `iss` of its tokens."
            }
            return .provider(issuer: issuer, audience: questions.ask("Audience (claim `aud`)", default: Self.audience))
        }
        return .ownKey(keySet: keyFiles.keySet, issuer: Self.issuer, audience: Self.audience, algorithm: "ES256")
    }

    // MARK: Files

    private var keyFiles: TokenKeyFiles { TokenKeyFiles(directory: Self.absolute(command.folder) + "/tokens") }

    private var stateFolder: String {
        if let folder = command.stateDirectory { return Self.absolute(folder) }
        return geteuid() == 0 && command.directory == nil ? "/var/lib/simpleai" : Self.absolute(command.folder)
    }

    private static func absolute(_ path: String) -> String {
        let url = URL(fileURLWithPath: path).standardizedFileURL.path
        return url.count > 1 && url.hasSuffix("/") ? String(url.dropLast()) : url
    }

    /// Makes the token key, unless there is one: tokens that were made with it stay valid.
    private func makeKey() throws {
        let files = keyFiles
        if FileManager.default.fileExists(atPath: files.key), FileManager.default.fileExists(atPath: files.keySet) {
            return print("Kept the token key \(files.key).")
        }
        let mint = TokenMint(
            key: try SigningKey(generating: .es256), issuer: Self.issuer, audience: Self.audience)
        try files.write(mint, replacing: false)
        print("Made the token key \(files.key) (private: keep it secret).")
    }

    private static func makeFolder(_ path: String, mode: Int) throws {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: mode])
        } catch {
            throw CommandFailure("the folder \(path) cannot be created: \(OperatorText.of(error))")
        }
    }

    private func makeStateFolder() throws {
        guard !FileManager.default.fileExists(atPath: stateFolder) else { return }
        try Self.makeFolder(stateFolder, mode: 0o700)
        if let user = getpwnam("simpleai") { _ = chown(stateFolder, user.pointee.pw_uid, user.pointee.pw_gid) }
    }

    /// Checks the settings exactly as `config check` does, before they are written.
    private func check(_ proposal: GatewayProposal, _ file: InstalledFile) throws -> Settings {
        do {
            let loaded = try SettingsFile.parse(
                proposal.settings, name: file.path, environment: [:])
            try GatewayApplication.check(loaded.settings)
            return loaded.settings
        } catch {
            throw CommandFailure(
                "these answers give no valid settings, and none were written: \(OperatorText.of(error))")
        }
    }

    // MARK: Next steps

    /// - Parameter address: the URL at which the gateway can be reached on this machine.
    private func start(_ proposal: GatewayProposal, _ file: InstalledFile, address: String) async throws {
        let isStarted = command.startsService(questions)
        if isStarted {
            try await SystemService.gateway.start()
            try await awaitResponse(of: address)
            print("Started \(SystemService.gateway.unit).")
        }
        for line in nextSteps(proposal, file, address: address, isStarted: isStarted) { print(line) }
    }

    /// systemd reports a start before the gateway listens; a call that is made at once must not fail.
    private func awaitResponse(of address: String) async throws {
        let deadline = ContinuousClock.now.advanced(by: .seconds(10))
        let probe = HTTPProbe(timeout: .seconds(2), verifiesCertificates: false)
        while true {
            let outcome = await probe.get("/health", of: address).outcome
            if outcome == .status(200) { return }
            guard ContinuousClock.now < deadline else {
                throw CommandFailure(
                    "\(SystemService.gateway.unit) was started, but \(address) does not respond after 10 s "
                        + "(\(outcome.explanation)); see journalctl -u \(SystemService.gateway.unit), or run simpleai doctor"
                )
            }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    private func nextSteps(
        _ proposal: GatewayProposal, _ file: InstalledFile, address: String, isStarted: Bool
    ) -> [String] {
        let isDefault = command.directory == nil
        var lines: [String] = [""]
        if !isStarted {
            let config = isDefault ? "" : " --config \(ShellText.word(file.path))"
            lines.append(
                SystemService.isPresent && isDefault && geteuid() == 0
                    ? "Start it:         systemctl enable --now simpleai" : "Start it:         simpleai serve\(config)")
        }
        let model = proposal.classes.first.map { "class:\($0.name)" } ?? "MODEL"
        let token: String
        switch proposal.identity {
        case .ownKey:
            token = "$(simpleai token\(isDefault && geteuid() == 0 ? "" : " --key \(ShellText.word(keyFiles.key))"))"
        case .provider: token = "TOKEN"
        }
        lines += [
            "First response:   curl \(address)/v1/chat/completions -H \"Authorization: Bearer \(token)\" \\",
            "                    -H 'Content-Type: application/json' \\",
            "                    -d '{\"model\":\"\(model)\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}'",
            "Another machine:  simpleai invite NAME", "Trouble:          simpleai doctor",
        ]
        return lines
    }
}
