import Foundation
import Gateway
import Installation
import LocalFleet
import Settings
import SimpleAICore
import Storage

/// Observes the gateway of this machine.
struct GatewayObserver: Sendable {
    private let path: String
    private let system: SystemObserver
    /// The working directory of a gateway that runs with these settings.
    private let runningFolder: String?

    init(_ path: String, _ system: SystemObserver) {
        self.path = path
        self.system = system
        runningFolder = GatewayView.folder(of: path)
    }

    func describe() async -> SystemDescription.Gateway {
        let loaded: LoadedSettings
        do throws(SettingsError) {
            guard FileManager.default.fileExists(atPath: path) else { return .init(document: .missing([path])) }
            guard !SystemObserver.isClosed(path) else { return .init(document: .closed(path)) }
            loaded = try SettingsFile.load(
                path: path, environment: InstalledEnvironment(settings: path, of: .gateway).variables)
        } catch {
            var gateway = SystemDescription.Gateway(document: .invalid(error.problems))
            gateway.service = await SystemService.gateway.state()
            return gateway
        }
        let settings = loaded.settings
        var gateway = SystemDescription.Gateway(
            document: .valid(settings, path: path, warnings: warnings(loaded)))
        do throws(GatewayStartError) {
            try GatewayApplication.check(settings)
        } catch {
            gateway.startProblem = loaded.problem(error).description
        }
        gateway.service = await isService ? SystemService.gateway.state() : nil
        let observer = FileObserver(user: gateway.service?.user)
        gateway.service?.isObservable = observer.canJudge
        if observer.canJudge { gateway.files = files(loaded, observer) }
        gateway.damagedData = damagedData(settings)
        gateway.hasInvitedRunners = hasInvitedRunners(settings)
        gateway.ownTokens = await OwnTokenTrial(auth: settings.auth, absolute: absolute).run()
        gateway.running = await GatewayView(
            settings: settings, path: path, token: adminToken(settings),
            isTokenProven: givenToken == nil && gateway.ownTokens.contains { $0.outcome == .accepted }
        ).running()
        gateway.listener = await system.listener(
            settings.server.host, settings.server.port, isOwn: gateway.running != nil, service: gateway.service)
        guard !system.isOffline else { return gateway }
        let wakesAgents = gateway.running?.machines?.contains { $0.isAgent && $0.canBeWoken } ?? false
        async let issuers = issuers(settings)
        async let engines = EngineProbe.run(engineProbes(settings))
        gateway.issuers = await issuers
        gateway.engines = await engines
        // It blocks its thread, which would delay the others.
        gateway.wakePackets = await WakePacketProbe.run(
            WakePacketProbe.probes(settings, wakesAgents: wakesAgents))
        return gateway
    }

    /// The unit runs with the settings in /etc; another file belongs to another process.
    private var isService: Bool { GatewayView.canonical(path).hasPrefix("/etc/simpleai/") }

    /// Paths in settings are relative to the working directory: the service's, or that of the gateway that runs.
    @Sendable private func absolute(_ file: String) -> String {
        guard !file.hasPrefix("/") else { return file }
        let service = "/var/lib/simpleai"
        let isInstalled = isService && FileManager.default.fileExists(atPath: service)
        guard let folder = isInstalled ? service : runningFolder else { return file }
        return URL(fileURLWithPath: folder + "/" + file).standardizedFileURL.path
    }

    /// Without those that a check of doctor's own covers better.
    private func warnings(_ loaded: LoadedSettings) -> [SettingsProblem] {
        loaded.warnings(and: GatewayApplication.warnings(loaded.settings).map(loaded.problem))
            .filter { !($0.key == "runners" && $0.message.hasPrefix("is empty")) && !isFileCheck($0) }
    }

    /// The files' own checks report those that every user can read, and the classes' own check their members.
    private func isFileCheck(_ warning: SettingsProblem) -> Bool {
        let isKey = warning.key == "server.tls.key" && warning.message.contains("is readable by every user")
        return isKey || warning.key.hasPrefix("classes.") && warning.message.hasPrefix("no machine lists")
    }

    private func files(_ loaded: LoadedSettings, _ observer: FileObserver) -> [SystemDescription.File] {
        let settings = loaded.settings
        let state = absolute(settings.fleet.stateFile)
        var files = [observer.file(path, .settings), observer.file(state, .state)]
        if !settings.keys.database.isEmpty {
            files.append(observer.file(absolute(settings.keys.database), .keyDatabase))
        }
        let tokens = RunnerTokenStore.path(stateFile: state)
        if FileManager.default.fileExists(atPath: tokens) { files.append(observer.file(tokens, .runnerTokens)) }
        for named in loaded.namedFiles {
            files.append(observer.file(absolute(named.path), named.key == "server.tls.key" ? .tlsKey : .input))
        }
        // The private key lies beside the public one that the settings name.
        for issuer in settings.auth.issuers {
            guard case .file(let keySet) = issuer.keys else { continue }
            let key = TokenKeyFiles(directory: (absolute(keySet) as NSString).deletingLastPathComponent).key
            if FileManager.default.fileExists(atPath: key) { files.append(observer.file(key, .tokenKey)) }
        }
        return files
    }

    private func damagedData(_ settings: Settings) -> [SystemDescription.DamagedData] {
        var damaged: [SystemDescription.DamagedData] = []
        let database = absolute(settings.keys.database)
        let files = FileManager.default
        if !settings.keys.database.isEmpty, files.isReadableFile(atPath: database),
            let reason = KeyStore.fault(path: database)
        {
            damaged.append(.init(path: database, reason: reason))
        }
        let tokens = RunnerTokenStore.path(stateFile: absolute(settings.fleet.stateFile))
        guard files.isReadableFile(atPath: tokens) else { return damaged }
        do throws(RunnerTokenStoreError) {
            _ = try RunnerTokenStore(path: tokens)
        } catch {
            if case .unusable(_, let reason) = error { damaged.append(.init(path: tokens, reason: reason)) }
        }
        return damaged
    }

    private func hasInvitedRunners(_ settings: Settings) -> Bool {
        let path = RunnerTokenStore.path(stateFile: absolute(settings.fleet.stateFile))
        return (try? RunnerTokenStore(path: path)).map { !$0.isEmpty } ?? false
    }

    // MARK: What responds

    private var givenToken: String? { system.token ?? ProcessInfo.processInfo.environment["SIMPLEAI_TOKEN"] }

    private func adminToken(_ settings: Settings) -> String? {
        if let givenToken { return givenToken }
        for issuer in settings.auth.issuers {
            guard case .file(let keySet) = issuer.keys else { continue }
            let files = TokenKeyFiles(directory: (absolute(keySet) as NSString).deletingLastPathComponent)
            if let mint = try? files.tokenMint(), mint.issuer == issuer.issuer {
                return try? mint.token(user: "doctor", roles: [issuer.adminRole], lifetime: .seconds(60))
            }
        }
        return nil
    }

    private func engineProbes(_ settings: Settings) -> [EngineProbe] {
        settings.runners.enumerated().map { index, runner in
            EngineProbe(
                id: runner.id.rawValue, url: runner.url, key: "runners[\(index)]", apiKey: runner.apiKey,
                tls: runner.tls, canBeWoken: runner.wake != nil && settings.wake.enabled)
        }
    }

    /// All at the same time, in the order of the settings.
    private func issuers(_ settings: Settings) async -> [SystemDescription.Issuer] {
        guard settings.auth.mode != .none else { return [] }
        return await withTaskGroup(of: (Int, SystemDescription.Issuer).self) { group in
            for (index, issuer) in settings.auth.issuers.enumerated() {
                let probe = IssuerProbe(issuer, absolute)
                group.addTask { (index, await probe.run()) }
            }
            var states: [(Int, SystemDescription.Issuer)] = []
            for await state in group { states.append(state) }
            return states.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }
}
