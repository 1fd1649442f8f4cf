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

    func validate() throws {
        // Before the invitation, which withdraws the former one.
        guard !revoke else { return }
        try JoinAddress(gatewayURL ?? "ws://gateway.lan:8080").check(id: id)
    }

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
            let address = try gateway.address()
            let join = try gatewayURL.map(JoinAddress.init) ?? JoinAddress(of: address)
            let client = try await gateway.client(at: address)
            guard !revoke else { return try await withdraw(client) }
            let response = try await client.send(
                "POST", "/admin/api/invitations", body: JSONEncoder().encode(Body(runnerID: id, address: self.address)))
            guard response.isSuccess else {
                throw CommandFailure("the gateway refused the request: \(response.errorMessage)")
            }
            if json { return print(String(decoding: response.body, as: UTF8.self)) }
            guard let invitation = try? JSONDecoder().decode(Invitation.self, from: response.body) else {
                throw CommandFailure("the response is not from a SimpleAI gateway; check --url")
            }
            if let note = join.note { StandardError.write("note: \(note)") }
            print(RunnerProposal.joinCommand(gateway: join.url, id: id, token: invitation.token))
            StandardError.write("Run this line on \(id) within ten minutes. It can be used once.")
            if join.isReadableOnTheNetwork {
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
}
