import Foundation
import NIOCore
import RunnerProtocol
import SimpleAICore

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

    var acceptsAgents: Bool { !token.isEmpty || !tokens.isEmpty }

    /// - Parameter peer: the peer's address on the WebSocket connection.
    func admit(_ registration: Registration, from peer: String) throws(AgentRefusal) -> AgentAddress {
        guard acceptsAgents else {
            throw AgentRefusal(.authFailed, "This gateway accepts no agents: its fleet.token is empty.")
        }
        let id = registration.runnerID
        // The token is compared first, so that a refusal reveals nothing about ids to clients without a token.
        let expected = tokens[id] ?? token
        let isValid = Bearer.isEqual(registration.authToken, expected) && !expected.isEmpty
        guard isValid else { throw AgentRefusal(.authFailed, "Invalid token. Use the gateway's fleet.token.") }
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
