import Settings
import SimpleAICore

/// The runner agent: its way to the gateway, and the power of its machine.
enum RunnerChecks {
    /// Clocks that differ more make logs of the two machines useless, and tokens with short lives invalid.
    private static let maxClockDifference: Int64 = 30

    @Sendable static func findings(in system: SystemDescription) -> [Finding] {
        guard let runner = system.runner, let settings = runner.document.content else { return [] }
        return ListenerChecks.listener(
            runner.listener, "\(settings.listen.host):\(settings.listen.port)", "listen.host", "listen.port")
            + address(runner, settings) + link(runner, settings, system.version) + power(runner, settings)
            + programs(runner)
    }

    /// The address to which the gateway sends calls.
    private static func address(
        _ runner: SystemDescription.Runner, _ settings: RunnerSettings
    ) -> [Finding] {
        let gateway = URLHost.of(settings.gateway) ?? ""
        if HostName.isLoopback(settings.listen.host), settings.baseURL.isEmpty, !HostName.isLoopback(gateway) {
            return [
                Finding(
                    "runner.loopback",
                    "the agent listens on \(settings.listen.host), which the gateway at \(gateway) cannot reach",
                    fix: "set listen.host: 0.0.0.0, or base_url to the address of a proxy on this machine")
            ]
        }
        if HostName.isLoopback(URLHost.of(settings.baseURL) ?? ""), !HostName.isLoopback(gateway) {
            return [
                Finding(
                    "runner.base-url",
                    "base_url is \(settings.baseURL), which is another machine for the gateway at \(gateway)",
                    fix: "remove base_url, or set it to the address of this machine on the gateway's network")
            ]
        }
        switch runner.ownAddress {
        case nil, .status: return []
        case let outcome?:
            return [
                Finding(
                    "runner.base-url", .warning,
                    "calls of the gateway go to base_url, \(settings.baseURL), and from this machine \(outcome.explanation)",
                    fix: "remove base_url, or set it to the address of this machine on the gateway's network")
            ]
        }
    }

    private static func link(
        _ runner: SystemDescription.Runner, _ settings: RunnerSettings, _ version: String
    ) -> [Finding] {
        var findings: [Finding] = []
        switch runner.gateway {
        case .status(200) where runner.isGateway ?? true, nil: break
        case .status(200):
            findings.append(
                Finding(
                    "runner.no-gateway", "\(settings.gateway) is not a gateway: another program responds there",
                    fix: "correct `gateway`: ws://HOST:PORT of the gateway"))
        case .status(let status):
            findings.append(
                Finding(
                    "runner.no-gateway", "\(settings.gateway) is not a gateway: /health returns status \(status)",
                    fix: "correct `gateway`: ws://HOST:PORT of the gateway, without the path of a proxy's web page"))
        case .untrusted(let reason)?:
            findings.append(
                Finding(
                    "runner.gateway-untrusted", "the certificate of \(settings.gateway) is not accepted: \(reason)",
                    fix: "set tls.ca_file to the authority's certificate"))
        case .refused?:
            findings.append(
                Finding(
                    "runner.gateway-refused", "the gateway \(settings.gateway) refuses connections",
                    fix: "start it there, with server.host: 0.0.0.0, or correct `gateway`"))
        case let outcome?:
            findings.append(
                Finding(
                    "runner.gateway-unreachable",
                    "the gateway \(settings.gateway) cannot be reached: \(outcome.explanation)",
                    fix: "check the name, the network and the firewall between the two machines"))
        }
        if let refusal = runner.refusal {
            findings.append(
                Finding(
                    "runner.refused", "the gateway \(settings.gateway) refuses this agent: \(refusal)",
                    fix:
                        "run `simpleai invite \(settings.id)` on the gateway, and set `id` and `token` as its line states"
                ))
        }
        if runner.hasRegistered == false {
            findings.append(
                Finding(
                    "runner.not-registered",
                    "this machine has not exchanged its invitation yet; it is valid for ten minutes",
                    fix:
                        "start the agent (systemctl start simpleai-runner); if it is refused, run `simpleai invite \(settings.id)` "
                        + "on the gateway again"))
        }
        if settings.sendsTokenInTheClear {
            findings.append(
                Finding(
                    "runner.plain-websocket", .warning,
                    "\(settings.gateway) is not encrypted: others on the network can read the token",
                    fix: "give the gateway a certificate (server.tls) and use wss://, unless you trust the network"))
        }
        if let difference = runner.clockDifference, abs(difference) > maxClockDifference {
            findings.append(
                Finding(
                    "clock.skew",
                    "this clock is \(abs(difference)) s \(difference > 0 ? "behind" : "ahead of") the gateway's",
                    fix: "set the clock: timedatectl set-ntp true"))
        }
        if let other = runner.gatewayVersion, other != version {
            findings.append(
                Finding(
                    "version.differs", .warning, "the gateway is version \(other), this machine has \(version)",
                    fix: "upgrade the older one"))
        }
        return findings
    }

    private static func power(_ runner: SystemDescription.Runner, _ settings: RunnerSettings) -> [Finding] {
        var findings: [Finding] = []
        if runner.hasHardwareAddress == false, settings.mac == .automatic {
            findings.append(
                Finding(
                    "runner.no-mac", .warning,
                    "the network card to the gateway has no hardware address: it cannot be woken",
                    fix:
                        "connect the machine by cable, or set mac: to the address of the wired card; mac: none if it never sleeps"
                ))
        }
        // Only matters for machines that are put to sleep.
        guard !settings.power.sleepCommand.isEmpty, settings.mac != .none else { return findings }
        switch runner.wakeOnLAN {
        case .disabled(let interface):
            findings.append(
                Finding(
                    "runner.wake-on-lan-off",
                    "Wake-on-LAN of \(interface) is switched off: once asleep, this machine cannot be woken",
                    fix:
                        "ethtool -s \(interface) wol g; to keep it: WakeOnLan=magic in a .link file of systemd-networkd"
                ))
        case .unsupported(let interface):
            findings.append(
                Finding(
                    "runner.wake-on-lan-unsupported",
                    "\(interface) does not support Wake-on-LAN: once asleep, this machine cannot be woken",
                    fix: "use another network card, or remove power.sleep_command"))
        case .enabled, nil: break
        }
        return findings
    }

    private static func programs(_ runner: SystemDescription.Runner) -> [Finding] {
        runner.missingPrograms.map { missing in
            Finding(
                "runner.missing-program", "\(missing.key) names \(missing.program), which is not installed",
                fix: "install it, or use its full path")
        }
    }
}
