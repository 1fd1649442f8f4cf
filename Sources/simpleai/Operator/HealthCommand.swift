import ArgumentParser
import Foundation
import Installation
import Settings

/// `simpleai health`: whether a gateway responds, for containers and service managers.
struct HealthCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "health",
        abstract: "Check that a gateway responds: exit code 0 or 1.",
        discussion: """
            Requests /health, without a token. The address is --url, else $SIMPLEAI_URL, else that of the settings file.

            Example: simpleai health --url http://127.0.0.1:8080
            """)

    @Option(help: .init("Gateway URL.", valueName: "base-url"))
    var url: String?
    @Option(
        help: "The settings file with the gateway's address; default ./simpleai.yaml, then /etc/simpleai/simpleai.yaml."
    )
    var config: String?
    @Option(help: .init("Timeout.", valueName: "seconds"))
    var timeout = 5.0

    func validate() throws {
        guard (0.1...600).contains(timeout) else { throw ValidationError("--timeout must be 0.1 to 600 seconds") }
    }

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        let settings = url == nil ? try? SettingsFile.load(path: config, environment: environment).settings : nil
        let address = url ?? environment["SIMPLEAI_URL"] ?? settings.map(Self.address) ?? "http://127.0.0.1:8080"
        // The certificate is for the name that clients use, not for a loopback address.
        let probe = HTTPProbe(timeout: .seconds(timeout), verifiesCertificates: url != nil)
        let reply = await probe.get("/health", of: address)
        guard reply.outcome == .status(200), reply.json?["status"] as? String == "ok" else {
            let reason = reply.outcome == .status(200) ? "it is no gateway" : reply.outcome.explanation
            throw CommandFailure("\(address) is not healthy: \(reason)")
        }
        print("\(address) is healthy\((reply.json?["version"] as? String).map { ", version \($0)" } ?? "").")
    }

    /// The address at which a gateway with these settings can be reached on this machine.
    static func address(of settings: Settings) -> String {
        let scheme = settings.server.tls == nil ? "http" : "https"
        let host =
            switch settings.server.host {
            case "0.0.0.0": "127.0.0.1"
            case "::": "[::1]"
            case let host where host.contains(":"): "[\(host)]"
            case let host: host
            }
        return "\(scheme)://\(host):\(settings.server.port)"
    }
}
