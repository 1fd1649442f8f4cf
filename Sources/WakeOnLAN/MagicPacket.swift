public import SimpleAICore

/// The payload that wakes a machine: six bytes `FF`, its hardware address sixteen times, and the SecureOn password if
/// the machine requires one (AMD, *Magic Packet Technology*, publication 20213).
public struct MagicPacket: Hashable, Sendable {
    public let mac: MACAddress
    /// Zero, four or six bytes.
    public let secureOn: [UInt8]

    /// A packet for a machine without a SecureOn password.
    public init(mac: MACAddress) {
        self.mac = mac
        secureOn = []
    }

    /// Returns nil unless the password has zero, four or six bytes, the lengths that network cards support.
    public init?(mac: MACAddress, secureOn: [UInt8]) {
        guard Self.passwordLengths.contains(secureOn.count) else { return nil }
        self.mac = mac
        self.secureOn = secureOn
    }

    public var bytes: [UInt8] {
        var bytes = [UInt8](repeating: 0xFF, count: Self.synchronizationLength)
        bytes.reserveCapacity(Self.bareLength + secureOn.count)
        for _ in 0..<Self.repetitions { bytes += mac.bytes }
        return bytes + secureOn
    }

    private static let synchronizationLength = 6
    private static let repetitions = 16
    private static let bareLength = synchronizationLength + repetitions * 6
    private static let passwordLengths: Set = [0, 4, 6]
}

extension MagicPacket {
    /// Finds the first packet in a UDP payload, at any position, as a network card does. The bytes after it are the
    /// password if their number is a valid length, and are ignored otherwise. Returns nil if there is no packet.
    public init?(decoding payload: some Collection<UInt8>) {
        let payload = Array(payload)
        guard payload.count >= Self.bareLength else { return nil }
        for start in 0...(payload.count - Self.bareLength) {
            guard let mac = Self.address(in: payload, at: start) else { continue }
            let rest = payload[(start + Self.bareLength)...]
            self.mac = mac
            secureOn = Self.passwordLengths.contains(rest.count) ? Array(rest) : []
            return
        }
        return nil
    }

    /// The address in the packet that begins at `start`, where at least `bareLength` bytes follow.
    private static func address(in payload: [UInt8], at start: Int) -> MACAddress? {
        let addresses = start + synchronizationLength
        guard payload[start..<addresses].allSatisfy({ $0 == 0xFF }) else { return nil }
        let first = payload[addresses..<(addresses + 6)]
        // No machine has the address FF:FF:FF:FF:FF:FF: in a longer run of FF the packet begins later.
        guard first.contains(where: { $0 != 0xFF }) else { return nil }
        for offset in 6..<(repetitions * 6) where payload[addresses + offset] != payload[addresses + offset % 6] {
            return nil
        }
        return MACAddress(bytes: first)
    }
}
