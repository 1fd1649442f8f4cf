import Acceptance
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
            Requests /health, without a token. The address is --url, else that of the file of --config, else $SIMPLEAI_URL, else \
            that of the settings file in the usual places. A settings file that cannot be used is a failure.

            Example: simpleai health --url http://127.0.0.1:8080
            """)

    @Option(help: .init("Gateway URL.", valueName: "base-url"))
    var url: String?
    @Option(
        help:
            "The settings file with the gateway's address; default ./simpleai.yaml, then /etc/simpleai/simpleai.yaml.",
        completion: .file())
    var config: String?
    @Option(help: .init("Timeout.", valueName: "seconds"))
    var timeout = 5.0

    func validate() throws {
        guard (0.1...600).contains(timeout) else { throw ValidationError("--timeout must be 0.1 to 600 seconds") }
    }

    func run() async throws {
        let address = try address()
        // No token is sent. On this machine, the certificate is for the name that clients use, not for a loopback address.
        let isRemote = address.isGiven && (try? DeploymentAddress(address.url))?.isLoopback == false
        let probe = HTTPProbe(timeout: .seconds(timeout), verifiesCertificates: isRemote)
        let reply = await probe.get("/health", of: address.url)
        guard reply.outcome == .status(200), reply.json?["status"] as? String == "ok" else {
            let reason = reply.outcome == .status(200) ? "it is not a gateway" : reply.outcome.explanation
            throw CommandFailure("\(address.url) is not healthy: \(reason)")
        }
        print("\(address.url) is healthy\((reply.json?["version"] as? String).map { ", version \($0)" } ?? "").")
    }

    private func address() throws -> GatewayAddress {
        if let url { return GatewayAddress(url: url, origin: .given) }
        if let config { return try GatewayAddress.stated(by: config) }
        if let given = ProcessInfo.processInfo.environment["SIMPLEAI_URL"], !given.isEmpty {
            return GatewayAddress(url: given, origin: .given)
        }
        return try GatewayAddress.installed()
    }

    /// The address at which a gateway with these settings can be reached on this machine.
    static func address(of settings: Settings) -> String { GatewayAddress.url(of: settings) }
}
