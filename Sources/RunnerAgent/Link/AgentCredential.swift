import Foundation
import OperatingSystem
import Settings
import SimpleAICore
import Synchronization

/// The token with which this machine registers.
///
/// An invitation in the settings is exchanged for a token that the agent generates: it is stored before it is sent, so that
/// an acknowledgement that is lost costs nothing. A later invitation in the settings replaces it.
final class AgentCredential: Sendable {
    private static let maxFileSize = 64 << 10

    /// The content of the state file.
    struct Stored: Codable, Hashable {
        var runnerID: String
        /// The public part of the invitation that the token is for.
        var invitation: String
        var token: String
        /// Whether a gateway has registered the token.
        var isRegistered: Bool

        enum CodingKeys: String, CodingKey {
            case runnerID = "runner_id"
            case invitation, token
            case isRegistered = "is_registered"
        }
    }

    private let configured: String
    private let file: StoredFile
    private let stored: Mutex<Stored?>

    /// - Throws: `RunnerAgentStartError` if the settings contain an invitation and the state file cannot be used.
    init(_ settings: RunnerSettings) throws(RunnerAgentStartError) {
        configured = settings.token
        file = StoredFile(path: settings.stateFile)
        guard RunnerTokenText.isInvitation(settings.token) else {
            stored = Mutex(nil)
            return
        }
        guard let invitation = RunnerTokenText.invitationID(of: settings.token) else {
            throw RunnerAgentStartError(
                "the invitation in `token` is incomplete; copy the whole line that `simpleai invite` prints")
        }
        if let known = try Self.read(file), known.runnerID.isExactly(settings.id.rawValue),
            known.invitation.isExactly(invitation), RunnerTokenText.isOwn(known.token)
        {
            stored = Mutex(known)
            return
        }
        let made = Stored(
            runnerID: settings.id.rawValue, invitation: invitation, token: RunnerTokenText.makeOwn(),
            isRegistered: false)
        try Self.write(made, to: file)
        stored = Mutex(made)
    }

    /// The tokens of a registration: after the exchange the own one, before it the invitation and the own one.
    var registration: (authToken: String, ownToken: String?) {
        stored.withLock { stored in
            guard let stored else { return (configured, nil) }
            return stored.isRegistered ? (stored.token, nil) : (configured, stored.token)
        }
    }

    /// The token that the gateway's calls have to contain.
    var secret: String { stored.withLock { $0?.token } ?? configured }

    /// The gateway has registered the agent.
    /// - Throws: `RunnerAgentStartError` if the file cannot be written; the next registration repeats the exchange.
    func registered() throws(RunnerAgentStartError) {
        let changed: Stored? = stored.withLock { stored in
            guard stored?.isRegistered == false else { return nil }
            stored?.isRegistered = true
            return stored
        }
        if let changed { try Self.write(changed, to: file) }
    }

    private static func read(_ file: StoredFile) throws(RunnerAgentStartError) -> Stored? {
        do throws(StoredFile.Failure) {
            guard let bytes = try file.read(atMost: maxFileSize) else { return nil }
            // A damaged file contains no usable token; the invitation may still be valid.
            return try? JSONDecoder().decode(Stored.self, from: Data(bytes))
        } catch {
            throw RunnerAgentStartError("\(file.path) cannot be read: \(error); correct it, or set another state_file")
        }
    }

    private static func write(_ stored: Stored, to file: StoredFile) throws(RunnerAgentStartError) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        guard let bytes = try? encoder.encode(stored) else { return }
        do throws(StoredFile.Failure) {
            try file.replace(with: Array(bytes) + [UInt8(ascii: "\n")], mode: 0o600)
        } catch {
            throw RunnerAgentStartError(
                "\(file.path) cannot be written: \(error); make its directory writable, or set another state_file")
        }
    }
}
