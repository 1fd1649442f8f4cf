/// Where somebody comes from, as far as it tells people apart: one IPv4 address, or the network of an IPv6 address, whose
/// last 64 bits are its owner's to choose.
public enum Peer: Hashable, Sendable {
    case v4(UInt32)
    case v6(UInt64)
    /// No IP at all, such as a socket of this machine.
    case local

    public init(_ address: IPAddress?) {
        switch address {
        case nil: self = .local
        case let address?: self = address.v4.map(Peer.v4) ?? .v6(address.high)
        }
    }
}

extension Peer: CustomStringConvertible {
    /// The address, or the network with its length.
    public var description: String {
        switch self {
        case .v4(let address): "\(IPAddress(v4: address))"
        case .v6(let network): "\(IPAddress(high: network, low: 0))/64"
        case .local: "local"
        }
    }
}
