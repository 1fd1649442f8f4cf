import Acceptance
import ArgumentParser
import Installation
import Settings
import SimpleAICore

/// The URL at which a machine that joins reaches the gateway, `ws` or `wss`.
struct JoinAddress {
    let url: String
    /// What the user should know about an address that the user has not stated.
    let note: String?

    /// - Parameter text: an `http`, `https`, `ws` or `wss` URL, as typed.
    /// - Throws: `ValidationError` if the URL begins differently.
    init(_ text: String) throws {
        let schemes = ["http": "ws", "https": "wss", "ws": "ws", "wss": "wss"]
        let written = text.prefix { $0 != ":" }
        guard let scheme = schemes[written.lowercased()], text.dropFirst(written.count).hasPrefix("://") else {
            throw ValidationError("--gateway '\(text)' is not a URL; use one such as ws://gateway.lan:8080")
        }
        url = scheme + text.dropFirst(written.count)
        note = nil
    }

    /// The address of this gateway; a loopback address is replaced by this machine's.
    init(of gateway: GatewayAddress) throws {
        let deployment = try DeploymentAddress(gateway.url)
        let scheme = deployment.usesTLS ? "wss" : "ws"
        // Without a path, the agent adds the protocol's.
        let path = deployment.basePath.isEmpty ? "" : deployment.basePath + GatewayPath.agents
        guard deployment.isLoopback, let own = LocalRoute.ownAddress else {
            url = "\(scheme)://\(deployment.authority)\(path)"
            note = nil
            return
        }
        let host = own.contains(":") ? "[\(own)]" : own
        url = "\(scheme)://\(host):\(deployment.port)\(path)"
        var sentences = ["\(own) is this machine's address; --gateway states another"]
        if case .settings(let path, let settings) = gateway.origin {
            if settings.server.host != "0.0.0.0", settings.server.host != "::" {
                sentences.append(
                    "In \(path), set server.host to 0.0.0.0: the gateway accepts only this machine's connections")
            }
        } else {
            sentences.append("The gateway has to listen on it (server.host: 0.0.0.0)")
        }
        if deployment.usesTLS { sentences.append("Its certificate has to be valid for the address in the line") }
        note = sentences.joined(separator: ". ")
    }

    /// Whether other hosts can read what the machine sends.
    var isReadableOnTheNetwork: Bool {
        url.hasPrefix("ws://") && (try? DeploymentAddress("http" + url.dropFirst(2)))?.isLoopback == false
    }

    /// Requires that the settings of a machine with this id and address are valid, before it is invited.
    ///
    /// - Throws: `ValidationError` with the reason.
    func check(id: String) throws {
        let proposal = RunnerProposal(
            gateway: url, id: id, token: "token-of-this-check-0123456789abcdef", port: 8081, engines: [],
            stateFile: "state.json")
        do throws(SettingsError) {
            _ = try RunnerSettingsFile.parse(
                proposal.settings, name: "runner.yaml", environment: [:], hostName: "runner")
            for (key, value) in [("id", id), ("gateway", url)] where value.contains("${") {
                throw SettingsError(
                    problems: [.init(file: "", line: 0, key: key, message: "contains ${, which settings replace")])
            }
        } catch {
            for problem in error.problems {
                let option = problem.key == "gateway" ? "--gateway '\(url)'" : "the id"
                throw ValidationError("\(option) \(problem.message)")
            }
        }
    }
}
