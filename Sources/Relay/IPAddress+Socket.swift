public import NIOCore
public import SimpleAICore

extension IPAddress {
    /// Nil unless this is the address of an IP socket: Unix domain sockets have none.
    public init?(_ address: SocketAddress?) {
        // The address is at the same offset on all platforms, after family, port and flow.
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
