import Foundation
import Installation
import Settings

/// The gateway that listens on the address of the settings, as its own API shows it.
struct GatewayView {
    /// Maximum time until each machine has a state: a gateway that has just started probes them first.
    private static let settlingTime: Duration = .seconds(5)

    let settings: Settings
    let path: String
    /// An administrator's token; nil: its machines cannot be listed.
    let token: String?
    /// Whether the settings accept the token: then a gateway that refuses it has other settings.
    let isTokenProven: Bool

    /// Nil if no gateway responds.
    func running() async -> SystemDescription.Running? {
        guard settings.server.port > 0 else { return nil }
        let url = HealthCommand.address(of: settings)
        // The certificate is for the name that clients use, not for a loopback address.
        var probe = DoctorProbe(timeout: .seconds(3), verifiesCertificates: false)
        let health = await probe.get("/health", of: url)
        guard health.json?["status"] as? String == "ok" else { return nil }
        var running = SystemDescription.Running(
            version: health.json?["version"] as? String,
            isReady: await probe.get("/ready", of: url).outcome == .status(200), machines: nil)
        if let process = ListeningProcess(port: settings.server.port), let other = process.settingsPath,
            Self.canonical(other) != Self.canonical(path)
        {
            running.difference = "the process \(process.id) uses \(other)"
            return running
        }
        guard let token else { return running }
        probe.token = token
        // The token goes to the gateway of these settings only, not to a program that has taken its port.
        if let tls = settings.server.tls { (probe.certificate, probe.verifiesCertificates) = (tls.certificate, true) }
        let (machines, outcome) = await machines(probe, url)
        running.machines = machines
        switch outcome {
        case .status(let status) where [401, 403].contains(status):
            if !isTokenProven {
                running.tokenRefusal = status
            } else if status == 401 {
                running.difference = "it refuses a token that these settings accept"
            }
        default: break
        }
        return running
    }

    /// The machines, once each of them has a state.
    private func machines(
        _ probe: DoctorProbe, _ url: String
    ) async -> ([SystemDescription.Running.Machine]?, SystemDescription.HTTPOutcome) {
        let deadline = ContinuousClock.now + Self.settlingTime
        while true {
            let fleet = await probe.get("/admin/api/fleet", of: url)
            let machines = (fleet.json?["runners"] as? [[String: Any]])?.map(Self.machine)
            guard machines?.contains(where: { $0.state == "unknown" }) ?? false, ContinuousClock.now < deadline,
                (try? await Task.sleep(for: .milliseconds(250))) != nil
            else { return (machines, fleet.outcome) }
        }
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

    /// The absolute path without links.
    static func canonical(_ path: String) -> String {
        URL(fileURLWithPath: path).resolvingSymlinksInPath().standardizedFileURL.path
    }

    /// The working directory of a process that was started as `simpleai serve` with this settings file.
    static func folder(of path: String) -> String? {
        let wanted = canonical(path)
        let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        for id in processes.compactMap({ Int($0) }) {
            let process = ListeningProcess(id: id, name: "")
            if let used = process.settingsPath, canonical(used) == wanted { return process.folder }
        }
        return nil
    }
}
