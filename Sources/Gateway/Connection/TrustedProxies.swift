import Relay
import SimpleAICore

/// Who asks, where proxies stand between: whom the settings trust is believed about the address that its request came
/// from, and nobody else is.
///
/// Proxies add to the right of what they got, and what stands to the left of the first that is not trusted may be made
/// up. So the address that counts is the right-most one that is not trusted.
struct TrustedProxies: Sendable {
    /// Proxies in a row; whoever claims more is looked for no further.
    private static let mostHops = 32

    private let networks: [IPNetwork]

    init(_ networks: [IPNetwork]) {
        self.networks = networks
    }

    /// Whether what this peer says about others is worth reading.
    func believes(_ peer: IPAddress?) -> Bool {
        guard !networks.isEmpty, let peer else { return false }
        return networks.contains { $0.contains(peer) }
    }

    /// - Parameters:
    ///   - peer: the other end of the connection.
    ///   - forwardedFor: the values of `X-Forwarded-For`, in their order.
    ///   - forwarded: the values of `Forwarded` (RFC 7239), in their order.
    /// - Returns: the client's address as far as it is known for sure: the nearest trusted proxy's, where that does not
    ///   tell, and the peer's, where two headers tell different stories, since a proxy that writes one of them passes the
    ///   other on as it came.
    func client(of peer: IPAddress?, forwardedFor: [String], forwarded: [String]) -> IPAddress? {
        guard let peer, believes(peer) else { return peer }
        switch (forwardedFor.isEmpty, forwarded.isEmpty) {
        case (true, true): return peer
        case (false, true): return walk(from: peer, Self.list(forwardedFor))
        case (true, false): return walk(from: peer, Self.elements(forwarded))
        case (false, false):
            let told = walk(from: peer, Self.list(forwardedFor))
            return told == walk(from: peer, Self.elements(forwarded)) ? told : peer
        }
    }

    /// - Parameter hops: what proxies have told, the nearest one first; nil for what is no address.
    private func walk(from peer: IPAddress, _ hops: [IPAddress?]) -> IPAddress {
        var nearest = peer
        for hop in hops.prefix(Self.mostHops) {
            guard let hop else { return nearest }
            guard believes(hop) else { return hop }
            nearest = hop
        }
        return nearest
    }

    // MARK: Reading

    /// From the right, and no further than it matters: the rest may be long.
    private static func list(_ values: [String]) -> [IPAddress?] {
        var rest = values.joined(separator: ",")[...]
        var hops: [IPAddress?] = []
        while hops.count < mostHops {
            let comma = rest.utf8.lastIndex(of: UInt8(ascii: ","))
            let last = comma.map { rest[$0...].utf8.dropFirst() } ?? rest.utf8
            hops.append(node(Substring(trimmed(last))))
            guard let comma else { break }
            rest = rest[..<comma]
        }
        return hops
    }

    /// The `for` of each element. A header that is not well-formed to the letter tells nothing: with one quote too many a
    /// client could swallow what the proxy adds.
    private static func elements(_ values: [String]) -> [IPAddress?] {
        var reader = ForwardedReader(values.joined(separator: ","))
        return reader.elements()?.reversed().map { element in element.node.flatMap { node($0[...]) } } ?? []
    }

    private static func trimmed(_ text: Substring.UTF8View) -> Substring.UTF8View {
        var text = text.drop(while: Byte.isBlank)
        while let last = text.last, Byte.isBlank(last) { text.removeLast() }
        return text
    }

    /// An address, in brackets or not, with a port or not; nil for `unknown`, obfuscated names and everything else.
    private static func node(_ text: Substring) -> IPAddress? {
        if let address = IPAddress(text) { return address }
        let bytes = text.utf8
        if bytes.first == UInt8(ascii: "[") {
            guard let end = bytes.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            let port = text[end...].dropFirst()
            return port.isEmpty || isPort(port) ? IPAddress(text[..<end].dropFirst()) : nil
        }
        // The first colon: an IPv6 address in front of a port has to be in brackets.
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), isPort(text[colon...]) else { return nil }
        return IPAddress(text[..<colon])
    }

    private static func isPort(_ text: Substring) -> Bool {
        text.first == ":" && (2...6).contains(text.utf8.count)
            && text.utf8.dropFirst().allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }
}
