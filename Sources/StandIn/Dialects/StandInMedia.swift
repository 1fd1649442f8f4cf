/// The sounds and pictures of the stand-in.
enum StandInMedia {
    /// A WAV file: 8 kHz, mono, 8 bit; all bytes are ASCII characters.
    static func speech(_ defect: Defect?) -> String {
        let samples = [UInt8](repeating: 0x7F, count: defect == .speechWithoutSamples ? 0 : 800)
        let file =
            Array("RIFF".utf8) + number(UInt32(36 + samples.count)) + Array("WAVEfmt ".utf8) + number(UInt32(16))
            + number(UInt16(1)) + number(UInt16(1)) + number(UInt32(8000)) + number(UInt32(8000)) + number(UInt16(1))
            + number(UInt16(8)) + Array("data".utf8) + number(UInt32(samples.count)) + samples
        return String(decoding: defect == .speechTruncated ? file.prefix(300) : file[...], as: UTF8.self)
    }

    /// A PNG file of one pixel, in base64.
    static func image(_ defect: Defect?) -> String {
        let file =
            "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
        switch defect {
        case .imageTruncated: return String(file.prefix(60))
        case .imageOfNoFormat: return "AAAA"
        default: return file
        }
    }

    private static func number(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }
}
