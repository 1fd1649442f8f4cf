/// The numbers of an RSA public key, big-endian and without leading zeros, with checks for weak keys.
struct RSAParameters {
    let modulus: [UInt8]
    let exponent: [UInt8]

    init(modulus: [UInt8], exponent: [UInt8]) {
        self.modulus = Array(modulus.drop { $0 == 0 })
        self.exponent = Array(exponent.drop { $0 == 0 })
    }

    var modulusBits: Int {
        guard let first = modulus.first else { return 0 }
        return modulus.count * 8 - first.leadingZeroBitCount
    }

    /// Whether the exponent is odd, above 1 and at most 32 bits long. With exponent 1, every signature equals its
    /// message.
    var hasSoundExponent: Bool {
        guard let last = exponent.last, last & 1 == 1, exponent.count <= 4 else { return false }
        return exponent != [1]
    }

    /// Whether the modulus has the fingerprint of CVE-2017-15361 (ROCA), so that it can be factored: modulo every prime of
    /// `rocaPrimes`, it is a power of 65537. A sound modulus has the fingerprint with a probability of one in a hundred
    /// million.
    var isFactorable: Bool {
        Self.rocaPrimes.allSatisfy { prime in
            let remainder = modulus.reduce(0) { ($0 << 8 | Int($1)) % prime }
            var power = 1
            repeat {
                if power == remainder { return true }
                power = power * 65537 % prime
            } while power != 1
            return false
        }
    }

    /// Small primes modulo which not every number is a power of 65537.
    private static let rocaPrimes = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157]
}
