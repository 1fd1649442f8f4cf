import Synchronization

/// `x-request-id`: the caller's if it is valid (1 to 128 visible ASCII characters), otherwise a new one.
package enum RequestID {
    /// A Weyl sequence from a random start, as in splitmix64: its numbers are unique in this process, unlikely to occur
    /// in another one, and need no system call. They need not be secret.
    private static let sequence = Atomic<UInt64>(UInt64.random(in: .min ... .max))
    private static let step: UInt64 = 0x9e37_79b9_7f4a_7c15
    private static let digits = Array("0123456789abcdef".utf8)

    package static func id(stated: String?) -> CallID {
        if let stated, (1...128).contains(stated.utf8.count), stated.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) {
            return CallID(stated)
        }
        let number = sequence.wrappingAdd(step, ordering: .relaxed).newValue
        return CallID(
            String(unsafeUninitializedCapacity: 20) { bytes in
                for (index, byte) in "req-".utf8.enumerated() { bytes[index] = byte }
                for index in 0..<16 { bytes[4 + index] = digits[Int(number >> UInt64(60 - 4 * index) & 0xF)] }
                return 20
            })
    }
}
