import Foundation
import NIOCore
import RunnerProtocol
import SimpleAICore
import Storage

/// The rules for registrations, and for the addresses of agents' HTTP endpoints. Pure.
struct AgentRules: Sendable {
    /// Time within which an agent has to register on a new socket.
    static let registrationTimeout: Duration = .seconds(10)

    /// The token of all agents whose ids are not in `tokens`; if empty, these agents cannot register.
    var token = ""
    /// An id listed here registers with this token only.
    var tokens: [RunnerID: String] = [:]
    /// Ids of static runners.
    var reserved: Set<RunnerID> = []
    /// Hosts that `http_base_url` may name in addition to the peer's address; in lower case.
    var allowedHosts: Set<ExactString> = []
    /// Whether an address belongs to a proxy, which may stand for any machine.
    var isTrustedProxy: @Sendable (_ address: String) -> Bool = { _ in false }
    /// Silence after which an agent counts as disconnected.
    var runnerTimeout: Duration = .seconds(90)
    /// The invitations and own tokens of runners; nil if this gateway invites no runners.
    var invitations: RunnerTokenStore?

    var acceptsAgents: Bool { !token.isEmpty || !tokens.isEmpty || !(invitations?.isEmpty ?? true) }

    /// Whether an id registers with a token of its own only.
    func hasOwnToken(_ id: RunnerID) -> Bool { tokens[id] != nil || (invitations?.hasOwnToken(id) ?? false) }

    /// - Parameter peer: the peer's address on the WebSocket connection.
    func admit(_ registration: Registration, from peer: String) throws(AgentRefusal) -> AgentAddress {
        guard acceptsAgents else {
            throw AgentRefusal(
                .authFailed,
                "This gateway accepts no agents: its fleet.token is empty, and no runner is invited. Run `simpleai invite` "
                    + "there.")
        }
        let id = registration.runnerID
        // The token is compared first, so that a refusal reveals nothing about ids to clients without a token.
        try checkToken(of: registration, from: peer)
        guard registration.protocolVersion == MessageCodec.protocolVersion else {
            throw AgentRefusal(
                .authFailed, "This gateway supports protocol version \(MessageCodec.protocolVersion).")
        }
        guard !id.rawValue.isEmpty else { throw AgentRefusal(.authFailed, "The runner_id is empty.") }
        // The id occurs in headers and metrics.
        guard id.rawValue.utf8.count <= 128, id.rawValue.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw AgentRefusal(
                .authFailed, "Invalid runner_id: use at most 128 visible ASCII characters without spaces.")
        }
        guard !reserved.contains(id) else {
            throw AgentRefusal(.authFailed, "The runner_id is taken by a runner in the gateway's settings.")
        }
        return try address(of: registration, from: peer)
    }

    private func checkToken(of registration: Registration, from peer: String) throws(AgentRefusal) {
        let id = registration.runnerID
        let verdict =
            tokens[id] != nil
            ? nil
            : invitations?.verdict(
                on: id, token: registration.authToken, ownToken: registration.ownToken, from: AgentAddress.plain(peer))
        switch verdict {
        case .own, .invited, .repeated: return
        case .refused(let reason): throw AgentRefusal(reason, id)
        case .undecided, nil:
            let expected = tokens[id] ?? token
            let isValid = Bearer.isEqual(registration.authToken, expected) && !expected.isEmpty
            guard isValid else { throw AgentRefusal(.authFailed, "Invalid token. Use the gateway's fleet.token.") }
        }
    }

    /// The address of the agent's endpoint. It is checked, because the holder of a shared token must not be able to direct
    /// the gateway's calls to any host.
    private func address(of registration: Registration, from peer: String) throws(AgentRefusal) -> AgentAddress {
        let peer = AgentAddress.plain(peer)
        guard let statedURL = registration.httpBaseURL else {
            guard !isTrustedProxy(peer) else {
                throw AgentRefusal(
                    .protocolError, "The agent connects through a proxy; send http_base_url so that calls reach it.")
            }
            guard (1...65_535).contains(registration.httpPort) else {
                throw AgentRefusal(.protocolError, "Invalid http_port.")
            }
            return AgentAddress(host: peer, port: registration.httpPort)
        }
        guard let address = AgentAddress(url: statedURL) else {
            throw AgentRefusal(.protocolError, "The http_base_url is not a usable http or https URL.")
        }
        guard address.host.isExactly(peer) || allowedHosts.contains(ExactString(address.host)) else {
            throw AgentRefusal(
                .protocolError,
                "The host of http_base_url differs from the agent's address; add it to the gateway's "
                    + "fleet.allowed_hosts.")
        }
        return address
    }
}

/// Why an agent is refused; code and message are sent to it.
struct AgentRefusal: Error, Hashable {
    let code: ProtocolErrorCode
    let message: String

    init(_ code: ProtocolErrorCode, _ message: String) {
        self.code = code
        self.message = message
    }
}

extension AgentRefusal {
    /// The refusal of an invitation or of a runner's own token.
    init(_ reason: RunnerCredentials.Refusal, _ id: RunnerID) {
        let invite = "run `simpleai invite \(id)` on the gateway"
        let message =
            switch reason {
            case .wrongToken:
                "Invalid token: \(id) has a token of its own. If this machine has lost it, \(invite) for a new one."
            case .unknownInvitation:
                "Unknown invitation: this gateway did not issue it, or has issued a newer one; \(invite)."
            case .used: "The invitation was already used. It admits one machine; \(invite) for another."
            case .expired: "The invitation has expired: it is valid for ten minutes; \(invite) for another."
            case .otherRunner(let other):
                "The invitation is for the runner \(other), not for \(id). Use that id, or \(invite)."
            case .otherAddress(let address):
                "The invitation is for the machine at \(address) only. Use it there, or \(invite)."
            case .noOwnToken:
                "An invitation requires own_token: \(RunnerTokenText.ownPrefix) and 51 random letters and digits."
            }
        self.init(.authFailed, message)
    }

    /// The gateway could not store the runner's own token.
    init(_ error: RunnerTokenStoreError) {
        self.init(
            .authFailed, "The gateway could not store the token; its log has the reason. The invitation is unused.")
    }
}

/// The address of an agent's HTTP endpoint.
struct AgentAddress: Hashable {
    var isSecure = false
    /// In lower case; an IP address in its usual form, without brackets.
    var host: String
    var port: Int
    /// Empty, or beginning with a slash and not ending with one.
    var pathPrefix = ""

    init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Nil unless this is a plain http or https URL: without user, query and fragment.
    init?(url text: String) {
        guard let url = URLComponents(string: text), let scheme = url.scheme?.lowercased(), let host = url.encodedHost,
            scheme == "http" || scheme == "https", !host.isEmpty, host.utf8.count <= 253, url.user == nil,
            url.password == nil, url.query == nil, url.fragment == nil
        else { return nil }
        isSecure = scheme == "https"
        let name = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        self.host = Self.plain(name)
        port = url.port ?? (isSecure ? 443 : 80)
        guard (1...65_535).contains(port) else { return nil }
        var prefix = url.percentEncodedPath
        while prefix.hasSuffix("/") { prefix.removeLast() }
        if prefix.hasSuffix("/v1") { prefix.removeLast(3) }
        guard prefix.isEmpty || prefix.hasPrefix("/"), prefix.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else { return nil }
        pathPrefix = prefix
    }

    /// The canonical form of an address, for comparisons: `::ffff:10.0.0.1` becomes `10.0.0.1`.
    static func plain(_ host: String) -> String {
        guard let address = try? SocketAddress(ipAddress: host, port: 0), let text = address.ipAddress else {
            return host.lowercased()
        }
        let mapped = "::ffff:"
        if text.lowercased().hasPrefix(mapped), text.contains(".") { return String(text.dropFirst(mapped.count)) }
        return text
    }
}
