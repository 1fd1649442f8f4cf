import Foundation

/// A small PNG (RFC 2083): a gradient whose colours depend on the prompt. A comment in the file states that it is
/// simulated.
struct SimulatedPicture {
    static let side = 32

    let png: [UInt8]

    init(of prompt: String, seed: UInt64, number: Int) {
        var random = SplitMix64(state: seed ^ SimulatedResponse.hash([prompt, "\(number)"]))
        let colour = (0..<3).map { _ in Int.random(in: 0...255, using: &random) }
        var rows: [UInt8] = []
        for row in 0..<Self.side {
            rows.append(0)
            for column in 0..<Self.side {
                for part in colour { rows.append(UInt8((part + 4 * row + 4 * column) % 256)) }
            }
        }
        let size = Self.number(UInt32(Self.side))
        png =
            [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
            + Self.chunk("IHDR", size + size + [8, 2, 0, 0, 0])
            + Self.chunk("tEXt", Array("Comment\0This picture is simulated.".utf8))
            + Self.chunk("IDAT", Self.stored(rows)) + Self.chunk("IEND", [])
    }

    var base64: String { Data(png).base64EncodedString() }

    private static func chunk(_ name: String, _ data: [UInt8]) -> [UInt8] {
        let content = Array(name.utf8) + data
        return number(UInt32(data.count)) + content + number(checksum(of: content))
    }

    /// The zlib format (RFC 1950) with one block that is not compressed (RFC 1951 §3.2.4).
    private static func stored(_ bytes: [UInt8]) -> [UInt8] {
        let count = UInt16(bytes.count)
        var sums = (low: UInt32(1), high: UInt32(0))
        for byte in bytes {
            sums.low = (sums.low + UInt32(byte)) % 65_521
            sums.high = (sums.high + sums.low) % 65_521
        }
        let lengths = [count, ~count].flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
        return [0x78, 0x01, 0x01] + lengths + bytes + number(sums.high << 16 | sums.low)
    }

    private static func checksum(of bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(UInt32.max) { sum, byte in
            (0..<8).reduce(sum ^ UInt32(byte)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
        }
    }

    private static func number(_ value: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }
}
