import NIOCore
import SimpleAICore

/// Where a call comes from, as far as it tells callers apart: one IPv4 address, or the network of an IPv6 address, whose
/// last 64 bits are its owner's to choose.
enum Peer: Hashable, Sendable {
    case v4(UInt32)
    case v6(UInt64)
    /// No IP at all, such as a socket of this machine.
    case local

    init(_ address: IPAddress?) {
        switch address {
        case nil: self = .local
        case let address?: self = address.v4.map(Peer.v4) ?? .v6(address.high)
        }
    }
}

extension IPAddress {
    /// Nil for what is no IP, such as a socket of this machine.
    init?(_ address: SocketAddress?) {
        // Where the address begins in its structure is the same everywhere; in front of it are family, port and flow.
        switch address {
        case .v4:
            guard let number = address?.number(at: 4, as: UInt32.self) else { return nil }
            self.init(v4: number)
        case .v6:
            guard let high = address?.number(at: 8, as: UInt64.self),
                let low = address?.number(at: 16, as: UInt64.self)
            else { return nil }
            self.init(high: high, low: low)
        case .unixDomainSocket, nil:
            return nil
        }
    }
}

extension SocketAddress {
    fileprivate func number<Number: FixedWidthInteger & BitwiseCopyable>(at offset: Int, as: Number.Type) -> Number? {
        withSockAddr { start, size in
            let bytes = UnsafeRawBufferPointer(start: start, count: size)
            guard offset + MemoryLayout<Number>.size <= size else { return nil }
            return Number(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Number.self))
        }
    }
}
