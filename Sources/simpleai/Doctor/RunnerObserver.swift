import Foundation
import Installation
import OperatingSystem
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
            loaded = try RunnerSettingsFile.load(path: path, environment: ProcessInfo.processInfo.environment)
        } catch {
            return .init(document: .invalid(error.problems))
        }
        let settings = loaded.settings
        var runner = SystemDescription.Runner(
            document: .valid(settings, path: path, warnings: loaded.warnings))
        runner.service = await path.hasPrefix("/etc/simpleai/") ? SystemService.runner.state() : nil
        let observer = FileObserver(user: runner.service?.user)
        runner.files = [observer.file(path, .settings)]
        if RunnerTokenText.isInvitation(settings.token) {
            runner.files.append(observer.file(absolute(settings.stateFile), .ownToken))
            runner.hasRegistered = hasRegistered(settings)
        }
        runner.listener = system.listener(
            settings.listen.host, settings.listen.port, isOwn: runner.service?.activity == "active" || isAgentRunning)
        runner.missingPrograms = missingPrograms(settings)
        guard !system.isOffline else { return runner }
        await observeGateway(settings, &runner)
        for (index, engine) in settings.engines.enumerated() {
            // An engine that the agent starts does not run without it.
            guard engine.command.isEmpty || isAgentRunning else { continue }
            runner.engines.append(
                await system.engine(
                    id: settings.id.rawValue, url: engine.url, key: "engines[\(index)]", apiKey: engine.apiKey,
                    tls: RunnerSettings().tls))
        }
        await observeCard(settings, &runner)
        return runner
    }

    private func absolute(_ file: String) -> String {
        guard !file.hasPrefix("/"), path.hasPrefix("/etc/simpleai/"),
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
        let probe = HTTPProbe(
            timeout: .seconds(5), verifiesCertificates: settings.tls.verify, authorities: settings.tls.caFile)
        let reply = await probe.get("/health", of: url)
        runner.gateway = reply.outcome
        runner.gatewayVersion = reply.json?["version"] as? String
        runner.clockDifference = reply.clockDifference
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
        let interfaces = LocalNetwork.interfaces()
        guard let interface = interfaces.first?.name else { return }
        let address = try? String(contentsOfFile: "/sys/class/net/\(interface)/address", encoding: .utf8)
        let mac = address.flatMap { MACAddress($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
        runner.hasHardwareAddress = mac.map { $0.bytes.contains { $0 != 0 } } ?? false
        guard let shown = await SystemService.output(of: "ethtool", [interface], within: .seconds(5)), shown.isSuccess
        else { return }
        runner.wakeOnLAN = EthtoolOutput.wakeOnLAN(in: String(decoding: shown.output, as: UTF8.self), interface)
    }
}
