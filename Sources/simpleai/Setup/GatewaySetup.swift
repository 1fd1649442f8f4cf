import Foundation
import Gateway
import Installation
import LocalFleet
import OperatingSystem
import Settings
import SimpleAICore

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
        let own = await portOfRunningGateway(file)
        let port = try choosePort(own: own)
        let host = try chooseHost()
        let (engines, classes) = try await chooseEngines(excluding: port)
        let (identity, mint) = try chooseIdentity()
        let starts = try command.startsService(questions)
        let proposal = GatewayProposal(
            host: host, port: port, identity: identity, engines: engines, classes: classes, stateFolder: stateFolder)
        let settings = try check(proposal, file, mint)
        // From here on, files are written: what may fail comes before the settings, which make an installation complete.
        try command.makeFolder()
        try SetupCommand.makeStateFolder(stateFolder, user: "simpleai")
        if let mint { try writeKey(mint) }
        if let copy = try file.write(proposal.settings, group: "simpleai") {
            print("Kept the previous settings as \(copy).")
        }
        print("Wrote \(file.path).")
        let address = HealthCommand.address(of: settings)
        if starts {
            try await SystemService.gateway.start()
            try await awaitResponse(of: address)
            print("Started \(SystemService.gateway.unit).")
        }
        for line in nextSteps(proposal, file, address, isStarted: starts, own: own).lines { print(line) }
    }

    // MARK: Questions

    /// The port on which the gateway runs whose settings are replaced; nil if it does not run.
    private func portOfRunningGateway(_ file: InstalledFile) async -> Int? {
        let environment = ProcessInfo.processInfo.environment
        guard FileManager.default.fileExists(atPath: file.path),
            let settings = try? SettingsFile.load(path: file.path, environment: environment).settings
        else { return nil }
        let probe = HTTPProbe(timeout: .seconds(2), verifiesCertificates: false)
        let reply = await probe.get("/health", of: HealthCommand.address(of: settings)).json
        return reply?["status"] as? String == "ok" && reply?["version"] is String ? settings.server.port : nil
    }

    private func choosePort(own: Int?) throws -> Int {
        let choice = PortChoice(
            host: options.host ?? "0.0.0.0", hostOption: "--host", option: "--port", own: own,
            isLater: command.start == false)
        if let port = options.port { return try choice.check(port) }
        let port = try choice.first(in: 8080..<8100)
        if port != 8080, port != own {
            print("Port 8080 is in use by another program; the gateway gets port \(port).")
        }
        return port
    }

    private func chooseHost() throws -> String {
        if let host = options.host { return host }
        let choice = try questions.choose(
            "Which clients may connect?",
            ["programs on this machine only", "all machines that reach this one; each call needs a token"])
        return choice == 0 ? "127.0.0.1" : "0.0.0.0"
    }

    private func chooseEngines(
        excluding port: Int
    ) async throws -> (engines: [FoundEngine], classes: [ClassProposal.ModelClass]) {
        let named = FoundEngine.distinct(await command.namedEngines())
        let engines = FoundEngine.distinct(try await named + findEngines(excluding: port))
        if engines.isEmpty {
            print(
                "No engine found on the usual ports (\(FoundEngine.ports.map { "\($0.port)" }.joined(separator: ", "))). Start "
                    + "one, for example Ollama or llama-server, and add it under `runners`; or name it now with --engine URL."
            )
        }
        for engine in engines { print("Engine \(engine.summary)") }
        let classes = proposeClasses(engines)
        let isAccepted = try engines.isEmpty || questions.confirm("Use this? It can be edited later.", default: true)
        return isAccepted ? (engines, classes) : (named, [])
    }

    private func findEngines(excluding port: Int) async throws -> [FoundEngine] {
        let search = EngineSearch(excluded: [port])
        let engines = await search.onThisMachine()
        let scans =
            try options.scanNetwork
            ?? questions.confirm(
                "Search the other machines on this network for engines, too? It connects to their usual ports.",
                default: false)
        guard scans else { return engines }
        let hosts = LocalNetwork.neighbours(of: LocalNetwork.interfaces())
        print("Searching \(hosts.count) addresses…")
        return engines + (await search.onNetwork(hosts))
    }

    private func proposeClasses(_ engines: [FoundEngine]) -> [ClassProposal.ModelClass] {
        guard options.classes.isEmpty else {
            return options.classes.map { text in
                let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
                return .init(name: parts[0], models: parts[1].split(separator: ",").map(String.init))
            }
        }
        let proposed = ClassProposal.classes(for: engines)
        for entry in proposed {
            print("Class \(entry.name): \(JSONString.visible(entry.models.joined(separator: ", ")))")
        }
        return proposed
    }

    /// - Returns: the mint of the token key, if the gateway gets one.
    private func chooseIdentity() throws -> (GatewayProposal.Identity, TokenMint?) {
        if let issuer = options.issuer {
            return (.provider(issuer: issuer, audience: options.audience ?? Self.audience), nil)
        }
        let choice = try questions.choose(
            "Who issues the tokens of callers?",
            [
                "this machine: setup makes a key, and `simpleai token` prints tokens",
                "an OpenID Connect provider (Keycloak, Authentik, Entra ID, …)",
            ])
        if choice == 1 {
            let issuer = try questions.ask("Issuer URL", default: "") { text in
                text.hasPrefix("https://") || text.hasPrefix("http://")
                    ? nil : "Enter a URL, as in the claim `iss` of its tokens."
            }
            let audience = try questions.ask("Audience (claim `aud`)", default: Self.audience)
            return (.provider(issuer: issuer, audience: audience), nil)
        }
        let mint =
            try existingMint()
            ?? TokenMint(
                key: SigningKey(generating: .es256), issuer: Self.issuer, audience: Self.audience)
        return (identity(of: mint, keySet: keyFiles.keySet), mint)
    }

    private func identity(of mint: TokenMint, keySet: String) -> GatewayProposal.Identity {
        .ownKey(
            keySet: keySet, issuer: mint.issuer, audience: mint.audience, algorithm: mint.key.algorithm.rawValue)
    }

    // MARK: Files

    private var keyFiles: TokenKeyFiles {
        TokenKeyFiles(directory: SetupCommand.absolute(command.folder) + "/tokens")
    }

    private var stateFolder: String {
        if let folder = command.stateDirectory { return SetupCommand.absolute(folder) }
        return geteuid() == 0 && command.directory == nil
            ? "/var/lib/simpleai" : SetupCommand.absolute(command.folder)
    }

    /// The mint of the key that exists: tokens that were made with it stay valid.
    private func existingMint() throws -> TokenMint? {
        let files = keyFiles
        do {
            return try files.existingMint(issuer: Self.issuer, audience: Self.audience)
        } catch TokenKeyFiles.Failure.noDetails(let path, let reason) {
            throw CommandFailure("\(path) states no issuer and audience (\(reason)); correct it, or delete it")
        } catch let failure as SigningKey.Failure {
            throw CommandFailure("\(files.key) is \(failure); move it to another place, and setup makes a new key")
        }
    }

    private func writeKey(_ mint: TokenMint) throws {
        let files = keyFiles
        do {
            let completion = try files.complete(mint, copySuffix: InstalledFile.copySuffix)
            for copy in completion.copies { print("Kept a file of another key as \(copy).") }
            print(
                completion.madeKey
                    ? "Made the token key \(files.key) (private: keep it secret)." : "Kept the token key \(files.key).")
        } catch PrivateFile.Failure.exists(let path) {
            throw CommandFailure("another program has made \(path) meanwhile; run setup again")
        }
    }

    /// Checks the settings exactly as `config check` does, before anything is written.
    ///
    /// The gateway reads the key set when it checks its settings. The set may not be there yet, so a copy takes its place.
    private func check(_ proposal: GatewayProposal, _ file: InstalledFile, _ mint: TokenMint?) throws -> Settings {
        guard let mint else { return try check(proposal, file) }
        let folder = try TemporaryFolder.make(beside: command.folder)
        defer { try? FileManager.default.removeItem(at: folder) }
        let keySet = folder.appendingPathComponent("jwks.json")
        try Data(PublicJSONWebKey.keySet([mint.key.publicKey]).utf8).write(to: keySet)
        var checked = proposal
        checked.identity = identity(of: mint, keySet: keySet.path)
        return try check(checked, file)
    }

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

    /// - Parameter own: the port of the gateway that still runs with its former settings.
    private func nextSteps(
        _ proposal: GatewayProposal, _ file: InstalledFile, _ address: String, isStarted: Bool, own: Int?
    ) -> NextSteps {
        let isInstalled = command.directory == nil && geteuid() == 0
        let hasUnit = isInstalled && SystemService.isPresent
        var start = NextSteps.Start.done
        if !isStarted, let own {
            print("The gateway on port \(own) still runs with its former settings.")
            start = .restart(hasUnit ? "systemctl restart simpleai" : "simpleai serve")
        } else if !isStarted {
            start = .command(hasUnit ? "systemctl enable --now simpleai" : "simpleai serve")
        }
        let token: NextSteps.Token =
            switch proposal.identity {
            case .ownKey: isInstalled ? .installedKey : .key(path: keyFiles.key)
            case .provider: .provider
            }
        return NextSteps(
            address: address, model: proposal.classes.first.map { "class:\($0.name)" } ?? "MODEL", token: token,
            start: start, settingsFile: command.directory == nil ? nil : file.path, usesSudo: SetupCommand.usesSudo)
    }
}
