/// Determines the client's address behind proxies: only proxies that the settings trust may state the address that a
/// request came from.
///
/// Each proxy appends an address on the right. The client's address is the right-most untrusted one, because everything
/// to its left may be forged.
package struct TrustedProxies: Sendable {
    /// Maximum number of proxies in a row; longer chains are not followed.
    private static let maxHops = 32

    private let networks: [IPNetwork]

    package init(_ networks: [IPNetwork]) {
        self.networks = networks
    }

    /// Whether the forwarded addresses that this peer states are trusted.
    package func trusts(_ peer: IPAddress?) -> Bool {
        guard !networks.isEmpty, let peer else { return false }
        return networks.contains { $0.contains(peer) }
    }

    /// - Parameters:
    ///   - peer: the other end of the connection.
    ///   - forwardedFor: the values of `X-Forwarded-For`, in their order.
    ///   - forwarded: the values of `Forwarded` (RFC 7239), in their order.
    /// - Returns: the client's address as far as it is reliable: the last trusted proxy's address if that proxy states
    ///   none; the peer's if the two headers disagree, because a proxy that writes one passes the other on unchanged.
    package func client(of peer: IPAddress?, forwardedFor: [String], forwarded: [String]) -> IPAddress? {
        guard let peer, trusts(peer) else { return peer }
        switch (forwardedFor.isEmpty, forwarded.isEmpty) {
        case (true, true): return peer
        case (false, true): return walk(from: peer, Self.list(forwardedFor))
        case (true, false): return walk(from: peer, Self.elements(forwarded))
        case (false, false):
            let stated = walk(from: peer, Self.list(forwardedFor))
            return stated == walk(from: peer, Self.elements(forwarded)) ? stated : peer
        }
    }

    /// - Parameter hops: the addresses that proxies state, the nearest one first; nil for an invalid address.
    private func walk(from peer: IPAddress, _ hops: [IPAddress?]) -> IPAddress {
        var nearest = peer
        for hop in hops.prefix(Self.maxHops) {
            guard let hop else { return nearest }
            guard trusts(hop) else { return hop }
            nearest = hop
        }
        return nearest
    }

    // MARK: Reading

    /// Parses from the right, and only as far as needed: the list may be long.
    private static func list(_ values: [String]) -> [IPAddress?] {
        var rest = values.joined(separator: ",")[...]
        var hops: [IPAddress?] = []
        while hops.count < maxHops {
            let comma = rest.utf8.lastIndex(of: UInt8(ascii: ","))
            let last = comma.map { rest[$0...].utf8.dropFirst() } ?? rest.utf8
            hops.append(node(Substring(trimmed(last))))
            guard let comma else { break }
            rest = rest[..<comma]
        }
        return hops
    }

    /// The `for` of each element. A malformed header yields no address: otherwise a client could hide what the proxy
    /// appends with one extra quote.
    private static func elements(_ values: [String]) -> [IPAddress?] {
        var parser = ForwardedHeaderParser(values.joined(separator: ","))
        return parser.elements()?.reversed().map { element in element.node.flatMap { node($0[...]) } } ?? []
    }

    private static func trimmed(_ text: Substring.UTF8View) -> Substring.UTF8View {
        var text = text.drop(while: Byte.isBlank)
        while let last = text.last, Byte.isBlank(last) { text.removeLast() }
        return text
    }

    /// Parses an address, with or without brackets and port; nil for `unknown`, obfuscated names and everything else.
    private static func node(_ text: Substring) -> IPAddress? {
        if let address = IPAddress(text) { return address }
        let bytes = text.utf8
        if bytes.first == UInt8(ascii: "[") {
            guard let end = bytes.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            let port = text[end...].dropFirst()
            return port.isEmpty || isPort(port) ? IPAddress(text[..<end].dropFirst()) : nil
        }
        // The first colon: an IPv6 address before a port has to be in brackets.
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), isPort(text[colon...]) else { return nil }
        return IPAddress(text[..<colon])
    }

    private static func isPort(_ text: Substring) -> Bool {
        text.first == ":" && (2...6).contains(text.utf8.count)
            && text.utf8.dropFirst().allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }
}
