import Foundation
import NIOPosix
import NIOSSL
import OutgoingTLS
import RunnerProtocol
public import Settings
import SimpleAICore
import WebSocketTransport

/// Finds out whether a gateway would register this machine's agent, without registering it.
///
/// The message has the agent's token and id, and an address that no gateway accepts. A gateway checks the token and the id
/// first: what it refuses shows which of them is wrong. An agent that is connected keeps its connection.
public enum RegistrationTrial {
    public enum Outcome: Hashable, Sendable {
        /// Token and id are in order.
        case accepted
        /// In the gateway's words.
        case refused(String)
        /// The gateway cannot be asked, or the agent has no token yet that may be sent twice.
        case unknown
    }

    private static let address = "invalid"

    /// - Parameter stateFile: the absolute path of the file of the machine's own token.
    public static func run(_ settings: RunnerSettings, stateFile: String, timeout: Duration) async -> Outcome {
        guard let token = token(settings, stateFile), let gateway = WebSocketAddress(settings.gateway) else {
            return .unknown
        }
        return await withTaskGroup(of: Outcome.self) { group in
            group.addTask { await ask(gateway, settings, token) }
            group.addTask {
                try? await Task.sleep(for: timeout)
                return .unknown
            }
            defer { group.cancelAll() }
            return await group.next() ?? .unknown
        }
    }

    /// The token that the agent sends; nil for an invitation, which can be used once.
    private static func token(_ settings: RunnerSettings, _ stateFile: String) -> String? {
        guard RunnerTokenText.isInvitation(settings.token) else { return settings.token }
        guard let data = FileManager.default.contents(atPath: stateFile),
            let stored = try? JSONDecoder().decode(AgentCredential.Stored.self, from: data), stored.isRegistered,
            stored.runnerID.isExactly(settings.id.rawValue),
            let invitation = RunnerTokenText.invitationID(of: settings.token),
            stored.invitation.isExactly(invitation)
        else { return nil }
        return stored.token
    }

    private static func ask(_ gateway: WebSocketAddress, _ settings: RunnerSettings, _ token: String) async -> Outcome {
        var options = WebSocketOptions()
        options.connectTimeout = .seconds(3)
        var configuration = OutgoingTLS.configuration(authoritiesFile: settings.tls.caFile)
        if !settings.tls.verify { configuration.certificateVerification = .none }
        let group = MultiThreadedEventLoopGroup.singleton
        guard
            let connection = try? await WebSocketClient.connect(
                to: gateway, tls: gateway.isSecure ? try NIOSSLContext(configuration: configuration) : nil,
                options: options, on: group)
        else { return .unknown }
        defer { connection.socket.abort() }
        let registration = Registration(
            runnerID: settings.id, runnerName: settings.name, httpPort: 0, authToken: token,
            status: RunnerStatus(health: .unhealthy), httpBaseURL: address)
        connection.send(MessageCodec.text(.register(registration)))
        for await message in connection.messages {
            guard case .text(let text) = message, let response = try? MessageCodec.gatewayMessage(text) else {
                continue
            }
            guard case .error(let code, let reason) = response else { continue }
            return code == .authFailed ? .refused(reason) : .accepted
        }
        return .unknown
    }
}
