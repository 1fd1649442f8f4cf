import Acceptance
import ArgumentParser
import Foundation
import Installation
import SimpleAICore

/// `simpleai invite NAME`: lets a machine join without a shared secret.
struct InviteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "invite",
        abstract: "Invite a machine: print the one line to run on it.",
        discussion: """
            The line contains a one-time token, which is valid for ten minutes and for this id only. The machine's agent \
            exchanges it for a token of its own. --revoke withdraws both; the machine is disconnected.

            Example: simpleai invite GPU-SERVER-1
            """)

    @Argument(help: "The machine's id: its name in the fleet.")
    var id: String
    @Option(help: .init("Accept the invitation only from this IP address.", valueName: "address"))
    var address: String?
    @Option(
        name: .customLong("gateway"),
        help: .init(
            "URL of the gateway for the machine (default: from --url, or this machine's address).", valueName: "url"))
    var gatewayURL: String?
    @Flag(help: "Withdraw the invitation and the token of this machine.")
    var revoke = false
    @Flag(help: "Print the gateway's JSON response.")
    var json = false
    @OptionGroup(title: "Gateway") var gateway: OperatorOptions

    private struct Body: Encodable {
        let runnerID: String
        let address: String?

        enum CodingKeys: String, CodingKey {
            case runnerID = "runner_id"
            case address
        }
    }

    private struct Invitation: Decodable {
        let token: String
        let path: String
    }

    func run() async throws {
        try await reporting {
            let client = try await gateway.client()
            guard !revoke else { return try await withdraw(client) }
            let response = try await client.send(
                "POST", "/admin/api/invitations", body: JSONEncoder().encode(Body(runnerID: id, address: address)))
            guard response.isSuccess else {
                throw CommandFailure("the gateway refused the request: \(response.errorMessage)")
            }
            if json { return print(String(decoding: response.body, as: UTF8.self)) }
            guard let invitation = try? JSONDecoder().decode(Invitation.self, from: response.body) else {
                throw CommandFailure("the response is not from a SimpleAI gateway; check --url")
            }
            let url = try joinURL()
            print(RunnerProposal.joinCommand(gateway: url, id: id, token: invitation.token))
            StandardError.write("Run this line on \(id) within ten minutes. It can be used once.")
            if url.hasPrefix("ws://"), !Self.isLoopback(url) {
                StandardError.write(
                    "warning: ws:// is not encrypted; others on the network can read the token. Give the gateway a certificate "
                        + "(server.tls), or run the line only on a network that you trust")
            }
        }
    }

    private func withdraw(_ client: OperatorClient) async throws {
        let name = id.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? id
        let response = try await client.send("DELETE", "/admin/api/invitations/\(name)")
        guard response.isSuccess else {
            throw CommandFailure("the gateway refused the request: \(response.errorMessage)")
        }
        print("Withdrawn: the invitation and the token of \(id).")
    }

    /// The URL that the machine can reach: a loopback address is replaced by this machine's.
    private func joinURL() throws -> String {
        if let gatewayURL { return Self.webSocketURL(gatewayURL) }
        let deployment = try DeploymentAddress(
            try gateway.url ?? OperatorOptions.fallbackURL(ProcessInfo.processInfo.environment["SIMPLEAI_URL"]))
        var url = deployment.description
        if Self.isLoopback(url), let address = LocalNetwork.address {
            let scheme = deployment.usesTLS ? "https" : "http"
            url = "\(scheme)://\(address):\(deployment.port)\(deployment.basePath)"
            StandardError.write(
                "note: \(address) is this machine's address; --gateway states another. The gateway has to listen on it "
                    + "(server.host: 0.0.0.0)")
        }
        return Self.webSocketURL(url)
    }

    private static func webSocketURL(_ url: String) -> String {
        if url.hasPrefix("https://") { return "wss://" + url.dropFirst(8) }
        return url.hasPrefix("http://") ? "ws://" + url.dropFirst(7) : url
    }

    private static func isLoopback(_ url: String) -> Bool {
        ["://127.", "://localhost", "://[::1]"].contains { url.contains($0) }
    }
}
