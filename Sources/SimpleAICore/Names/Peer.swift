/// The address of a client, as precise as it identifies one: an IPv4 address, or the /64 network of an IPv6 address,
/// whose owner chooses the last 64 bits.
public enum Peer: Hashable, Sendable {
    case v4(UInt32)
    case v6(UInt64)
    /// Not an IP address, such as a Unix socket of this host.
    case local

    public init(_ address: IPAddress?) {
        switch address {
        case nil: self = .local
        case let address?: self = address.v4.map(Peer.v4) ?? .v6(address.high)
        }
    }
}

extension Peer: CustomStringConvertible {
    /// The address, or the network with its prefix length.
    public var description: String {
        switch self {
        case .v4(let address): "\(IPAddress(v4: address))"
        case .v6(let network): "\(IPAddress(high: network, low: 0))/64"
        case .local: "local"
        }
    }
}
