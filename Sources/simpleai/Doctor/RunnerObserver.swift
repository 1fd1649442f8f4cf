import Foundation
import Installation
import OperatingSystem
import RunnerAgent
import Settings
import SimpleAICore

/// Observes the runner agent of this machine.
struct RunnerObserver {
    private let path: String
    private let system: SystemObserver

    init(_ path: String, _ system: SystemObserver) {
        self.path = path
        self.system = system
    }

    func describe() async -> SystemDescription.Runner {
        let loaded: LoadedRunnerSettings
        do throws(SettingsError) {
            guard FileManager.default.fileExists(atPath: path) else { return .init(document: .missing([path])) }
            guard !SystemObserver.isClosed(path) else { return .init(document: .closed(path)) }
            loaded = try RunnerSettingsFile.load(
                path: path, environment: InstalledEnvironment(settings: path, of: .runner).variables)
        } catch {
            return .init(document: .invalid(error.problems))
        }
        let settings = loaded.settings
        var runner = SystemDescription.Runner(
            document: .valid(settings, path: path, warnings: loaded.warnings))
        runner.service = await isService ? SystemService.runner.state() : nil
        let observer = FileObserver(user: runner.service?.user)
        runner.service?.isObservable = observer.canJudge
        if observer.canJudge { runner.files = [observer.file(path, .settings)] }
        if observer.canJudge, RunnerTokenText.isInvitation(settings.token) {
            runner.files.append(observer.file(absolute(settings.stateFile), .ownToken))
            runner.hasRegistered = hasRegistered(settings)
        }
        let isAgentRunning = isAgentRunning
        runner.listener = await system.listener(
            settings.listen.host, settings.listen.port, isOwn: runner.service?.activity == "active" || isAgentRunning,
            service: runner.service)
        runner.missingPrograms = missingPrograms(settings)
        guard !system.isOffline else { return runner }
        // An engine that the agent starts does not run without it.
        let probes = settings.engines.enumerated().filter { $0.element.command.isEmpty || isAgentRunning }.map {
            EngineProbe(
                id: settings.id.rawValue, url: $0.element.url, key: "engines[\($0.offset)]", apiKey: $0.element.apiKey,
                tls: RunnerSettings().tls,
                kind: $0.element.kind)
        }
        async let engines = EngineProbe.run(probes)
        await observeGateway(settings, &runner)
        if isAgentRunning, !settings.baseURL.isEmpty {
            let probe = DoctorProbe(verifiesCertificates: false)
            runner.ownAddress = await probe.get("/health", of: settings.baseURL).outcome
        }
        await observeCard(settings, &runner)
        runner.engines = await engines
        return runner
    }

    private var isService: Bool { GatewayView.canonical(path).hasPrefix("/etc/simpleai/") }

    private func absolute(_ file: String) -> String {
        guard !file.hasPrefix("/"), isService,
            FileManager.default.fileExists(atPath: "/var/lib/simpleai-runner")
        else { return file }
        return URL(fileURLWithPath: "/var/lib/simpleai-runner/" + file).standardizedFileURL.path
    }

    /// Whether an agent runs on this machine: a process that was started as `simpleai runner`.
    private var isAgentRunning: Bool {
        let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return processes.contains { process in
            guard Int(process) != nil, let data = FileManager.default.contents(atPath: "/proc/\(process)/cmdline")
            else {
                return false
            }
            let words = data.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
            return words.count > 1 && words[0].hasSuffix("simpleai") && words[1] == "runner"
        }
    }

    private func hasRegistered(_ settings: RunnerSettings) -> Bool? {
        guard let data = FileManager.default.contents(atPath: absolute(settings.stateFile)) else {
            return FileManager.default.fileExists(atPath: absolute(settings.stateFile)) ? nil : false
        }
        let stored = (try? JSONSerialization.jsonObject(with: data)) as? [String: Any]
        let isCurrent =
            stored?["invitation"] as? String == RunnerTokenText.invitationID(of: settings.token)
            && stored?["runner_id"] as? String == settings.id.rawValue
        return isCurrent && stored?["is_registered"] as? Bool ?? false
    }

    private func observeGateway(_ settings: RunnerSettings, _ runner: inout SystemDescription.Runner) async {
        guard let url = settings.gatewayBaseURL else { return }
        let probe = DoctorProbe(
            timeout: .seconds(5), verifiesCertificates: settings.tls.verify, authorities: settings.tls.caFile)
        let reply = await probe.get("/health", of: url)
        runner.gateway = reply.outcome
        runner.gatewayVersion = reply.json?["version"] as? String
        runner.clockDifference = reply.clockDifference
        guard reply.outcome == .status(200) else { return }
        runner.isGateway = reply.json?["status"] as? String == "ok"
        guard runner.isGateway ?? false else { return }
        let trial = await RegistrationTrial.run(
            settings, stateFile: absolute(settings.stateFile), timeout: .seconds(5))
        if case .refused(let reason) = trial { runner.refusal = reason }
    }

    private func missingPrograms(_ settings: RunnerSettings) -> [SystemDescription.MissingProgram] {
        var commands = settings.engines.enumerated().map { ("engines[\($0.offset)].command", $0.element.command) }
        commands.append(("power.sleep_command", settings.power.sleepCommand))
        return commands.compactMap { key, command in
            guard let program = command.first,
                ExecutableFile.path(of: program, searchPath: ExecutableFile.searchPath) == nil
            else { return nil }
            return .init(key: key, program: program)
        }
    }

    /// The network card, and its setting of Wake-on-LAN, which `ethtool` shows to root.
    private func observeCard(_ settings: RunnerSettings, _ runner: inout SystemDescription.Runner) async {
        let interface: String?
        switch settings.mac {
        case .none: return
        case .address(let mac): interface = Self.interface(with: mac)
        case .automatic:
            interface = URLComponents(string: settings.gateway)?.encodedHost.flatMap(OutgoingInterface.name)
        }
        guard let interface else { return }
        let mac = Self.hardwareAddress(of: interface)
        runner.hasHardwareAddress = mac.map { $0.bytes.contains { $0 != 0 } } ?? false
        guard let shown = await SystemService.output(of: "ethtool", [interface], within: .seconds(5)), shown.isSuccess
        else { return }
        runner.wakeOnLAN = EthtoolOutput.wakeOnLAN(in: String(decoding: shown.output, as: UTF8.self), interface)
    }

    private static func hardwareAddress(of interface: String) -> MACAddress? {
        let text = try? String(contentsOfFile: "/sys/class/net/\(interface)/address", encoding: .utf8)
        return text.flatMap { MACAddress($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
    }

    private static func interface(with mac: MACAddress) -> String? {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/sys/class/net")) ?? []
        return names.sorted().first { hardwareAddress(of: $0) == mac }
    }
}
