import Foundation
import Gateway
import Installation
import LocalFleet
import Settings
import SimpleAICore
import Storage

/// Observes the gateway of this machine.
struct GatewayObserver {
    private let path: String
    private let system: SystemObserver

    init(_ path: String, _ system: SystemObserver) {
        self.path = path
        self.system = system
    }

    func describe() async -> SystemDescription.Gateway {
        let loaded: LoadedSettings
        do throws(SettingsError) {
            guard FileManager.default.fileExists(atPath: path) else { return .init(document: .missing([path])) }
            loaded = try SettingsFile.load(path: path, environment: ProcessInfo.processInfo.environment)
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
        gateway.files = files(loaded, user: gateway.service?.user)
        gateway.damagedData = damagedData(settings)
        gateway.hasInvitedRunners = hasInvitedRunners(settings)
        gateway.running = await running(settings)
        gateway.listener = system.listener(
            settings.server.host, settings.server.port, isOwn: gateway.running != nil)
        guard !system.isOffline else { return gateway }
        async let issuers = issuers(settings)
        async let engines = engines(settings)
        async let packet = WakePacketProbe(settings.wake).run()
        gateway.issuers = await issuers
        gateway.engines = await engines
        let canWake =
            settings.runners.contains { !($0.wake?.macs.isEmpty ?? true) }
            || gateway.running?.machines?.contains { $0.isAgent && $0.canBeWoken } ?? false
        gateway.packet = canWake ? await packet : nil
        return gateway
    }

    /// The unit runs with the settings in /etc; another file belongs to another process.
    private var isService: Bool { path.hasPrefix("/etc/simpleai/") }

    /// The service's working directory, to which paths in its settings are relative.
    private func absolute(_ file: String) -> String {
        guard !file.hasPrefix("/"), isService, FileManager.default.fileExists(atPath: "/var/lib/simpleai") else {
            return file
        }
        return URL(fileURLWithPath: "/var/lib/simpleai/" + file).standardizedFileURL.path
    }

    /// Without those that a check of doctor's own covers better.
    private func warnings(_ loaded: LoadedSettings) -> [SettingsProblem] {
        loaded.warnings(and: GatewayApplication.warnings(loaded.settings).map(loaded.problem))
            .filter { !($0.key == "runners" && $0.message.hasPrefix("is empty")) }
    }

    private func files(_ loaded: LoadedSettings, user: String?) -> [SystemDescription.File] {
        let settings = loaded.settings
        let observer = FileObserver(user: user)
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
        if !settings.keys.database.isEmpty, let reason = KeyStore.fault(path: database) {
            damaged.append(.init(path: database, reason: reason))
        }
        let tokens = RunnerTokenStore.path(stateFile: absolute(settings.fleet.stateFile))
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

    private func running(_ settings: Settings) async -> SystemDescription.Running? {
        guard settings.server.port > 0 else { return nil }
        let url = HealthCommand.address(of: settings)
        // The certificate is for the name that clients use, not for a loopback address.
        var probe = HTTPProbe(timeout: .seconds(3), verifiesCertificates: false)
        let health = await probe.get("/health", of: url)
        guard health.json?["status"] as? String == "ok" else { return nil }
        let ready = await probe.get("/ready", of: url)
        probe.token = await adminToken(settings)
        let fleet = probe.token == nil ? nil : await probe.get("/admin/api/fleet", of: url)
        return .init(
            version: health.json?["version"] as? String, isReady: ready.outcome == .status(200),
            machines: (fleet?.json?["runners"] as? [[String: Any]])?.map(Self.machine))
    }

    private func adminToken(_ settings: Settings) async -> String? {
        if let token = system.token ?? ProcessInfo.processInfo.environment["SIMPLEAI_TOKEN"] { return token }
        for issuer in settings.auth.issuers {
            guard case .file(let keySet) = issuer.keys else { continue }
            let files = TokenKeyFiles(directory: (absolute(keySet) as NSString).deletingLastPathComponent)
            if let mint = try? files.tokenMint(), mint.issuer == issuer.issuer {
                return try? mint.token(user: "doctor", roles: [issuer.adminRole], lifetime: .seconds(60))
            }
        }
        return nil
    }

    private static func machine(_ entry: [String: Any]) -> SystemDescription.Running.Machine {
        let wake = entry["last_wake"] as? [String: Any]
        return .init(
            id: entry["id"] as? String ?? "", state: entry["state"] as? String ?? "",
            reason: entry["state_reason"] as? String, models: entry["models"] as? [String] ?? [],
            isAgent: entry["is_agent"] as? Bool ?? false, canBeWoken: entry["can_be_woken"] as? Bool ?? false,
            isEjected: entry["is_ejected"] as? Bool ?? false, lastWakeFailed: wake?["outcome"] as? String == "failed",
            sleepProblem: entry["sleep_problem"] as? String)
    }

    private func engines(_ settings: Settings) async -> [SystemDescription.EngineState] {
        await withTaskGroup(of: (Int, SystemDescription.EngineState).self) { group in
            for (index, runner) in settings.runners.enumerated() {
                group.addTask { [system] in
                    var state = await system.engine(
                        id: runner.id.rawValue, url: runner.url, key: "runners[\(index)]", apiKey: runner.apiKey,
                        tls: runner.tls)
                    state.canBeWoken = runner.wake != nil && settings.wake.enabled
                    return (index, state)
                }
            }
            var states: [(Int, SystemDescription.EngineState)] = []
            for await state in group { states.append(state) }
            return states.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    private func issuers(_ settings: Settings) async -> [SystemDescription.Issuer] {
        var issuers: [SystemDescription.Issuer] = []
        guard settings.auth.mode != .none else { return [] }
        for issuer in settings.auth.issuers { issuers.append(await IssuerProbe(issuer, absolute).run()) }
        return issuers
    }
}
