import Foundation

/// A tone as a WAV file: 16 kHz, 16 bits, one channel. A comment in the file states that it is simulated.
struct SimulatedSound {
    static let bytesPerSecond = 32_000
    /// The longest tone; longer texts get this one.
    private static let maxWords = 600
    private static let samplesPerWord = 1_600

    /// One pitch for each word of the text.
    private let pitches: [Double]

    /// - Parameter text: its number of words determines the length of the tone, a tenth of a second for each.
    init(of text: String, seed: UInt64) {
        let words = text.split(whereSeparator: \.isWhitespace).prefix(Self.maxWords).map(String.init)
        pitches = (words.isEmpty ? [""] : words).map { word in
            220 * (1 + Double((seed ^ SimulatedResponse.hash([word])) % 12) / 12)
        }
    }

    var wordCount: Int { pitches.count }

    /// The file up to the samples.
    var header: [UInt8] {
        let comment = Array("This sound is simulated.\0\0".utf8)
        let list = Array("INFOICMT".utf8) + Self.number(comment.count) + comment
        let size = wordCount * Self.samplesPerWord * 2
        var bytes = Array("RIFF".utf8) + Self.number(4 + 24 + 8 + list.count + 8 + size) + Array("WAVEfmt ".utf8)
        bytes +=
            Self.number(16) + [1, 0, 1, 0] + Self.number(16_000) + Self.number(Self.bytesPerSecond) + [2, 0, 16, 0]
        bytes += Array("LIST".utf8) + Self.number(list.count) + list
        return bytes + Array("data".utf8) + Self.number(size)
    }

    /// The samples of one word.
    func samples(ofWord index: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.samplesPerWord * 2)
        for sample in 0..<Self.samplesPerWord {
            // Fades in and out, so that the words are audible.
            let volume = 8_000 * sin(.pi * Double(sample) / Double(Self.samplesPerWord))
            let value = Int16(volume * sin(2 * .pi * pitches[index] * Double(sample) / 16_000))
            bytes.append(UInt8(truncatingIfNeeded: value))
            bytes.append(UInt8(truncatingIfNeeded: value >> 8))
        }
        return bytes
    }

    private static func number(_ value: Int) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    /// The length of an uploaded sound in seconds: as its WAV header states it, otherwise estimated from its size.
    static func seconds(of file: ArraySlice<UInt8>) -> Double {
        let bytes = Array(file)
        func number(at place: Int) -> Int? {
            guard place >= 0, place + 4 <= bytes.count else { return nil }
            return (0..<4).reduce(0) { $0 | Int(bytes[place + $1]) << (8 * $1) }
        }
        guard bytes.starts(with: "RIFF".utf8), bytes.dropFirst(8).starts(with: "WAVE".utf8), let rate = number(at: 28),
            rate > 0
        else { return Double(bytes.count) / Double(bytesPerSecond) }
        var place = 12
        while let size = number(at: place + 4) {
            if bytes[place...].starts(with: "data".utf8) {
                return Double(min(size, bytes.count - place - 8)) / Double(rate)
            }
            place += 8 + size + size % 2
        }
        return 0
    }
}
