import Foundation

/// Sounds and pictures in responses, verified as far as their containers allow it.
enum MediaContent {
    // MARK: Sounds

    /// - Parameter type: the media type of the response.
    /// - Returns: what the sound is, as a phrase.
    /// - Throws: a problem if the sound is cut, empty or of another format than stated.
    static func sound(_ bytes: [UInt8], type: String) throws(ResponseProblem) -> String {
        guard !bytes.isEmpty else { throw ResponseProblem("the audio is empty") }
        if bytes.starts(with: "RIFF".utf8) { return try wave(bytes) }
        let subtype = type.prefix { $0 != ";" }.split(separator: "/").last.map { $0.lowercased() } ?? ""
        let isStated: Bool? =
            switch subtype {
            case "wav", "x-wav", "wave", "vnd.wave": false
            case "mpeg", "mp3": bytes.starts(with: "ID3".utf8) || isFrameSync(bytes, mask: 0xE0)
            case "aac": bytes.starts(with: "ADIF".utf8) || isFrameSync(bytes, mask: 0xF0)
            case "flac", "x-flac": bytes.starts(with: "fLaC".utf8)
            case "ogg", "opus": bytes.starts(with: "OggS".utf8)
            default: nil
            }
        guard isStated ?? true else { throw ResponseProblem("the body is not audio of the type \(type)") }
        return "\(bytes.count) bytes of \(type)"
    }

    private static func isFrameSync(_ bytes: [UInt8], mask: UInt8) -> Bool {
        bytes.count > 1 && bytes[0] == 0xFF && bytes[1] & mask == mask
    }

    /// Engines that do not know the length beforehand state one that no file has.
    private static let unknownLengths: ClosedRange<UInt32> = 0x7FFF_0000...UInt32.max

    private static func wave(_ bytes: [UInt8]) throws(ResponseProblem) -> String {
        guard bytes.dropFirst(8).starts(with: "WAVE".utf8), let stated = number(in: bytes, at: 4) else {
            throw ResponseProblem("the body begins like a WAV file, but is none")
        }
        let isKnown = stated != 0 && !unknownLengths.contains(stated)
        if isKnown, Int(stated) + 8 > bytes.count {
            throw ResponseProblem("the WAV file is cut: \(bytes.count) of \(Int(stated) + 8) bytes")
        }
        var position = 12
        while let length = number(in: bytes, at: position + 4) {
            guard bytes[position..<position + 4].elementsEqual("data".utf8) else {
                position += 8 + Int(length) + Int(length & 1)
                continue
            }
            let available = bytes.count - position - 8
            let isLengthKnown = isKnown && length != 0 && !unknownLengths.contains(length)
            if isLengthKnown, Int(length) > available {
                throw ResponseProblem("the WAV file is cut: \(available) of \(length) bytes of samples")
            }
            guard isKnown ? length > 0 && available > 0 : available > 0 else {
                throw ResponseProblem("the WAV file has no samples")
            }
            return "\(bytes.count) bytes of WAV"
        }
        throw ResponseProblem("the WAV file has no samples")
    }

    /// A number in little-endian order; nil beyond the end.
    private static func number(in bytes: [UInt8], at position: Int) -> UInt32? {
        guard position >= 0, position + 4 <= bytes.count else { return nil }
        return bytes[position..<position + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }

    // MARK: Pictures

    /// - Parameter entry: an element of `data`.
    /// - Returns: what the picture is, as a phrase.
    static func picture(in entry: JSONValue) throws(ResponseProblem) -> String {
        if let text = entry["b64_json"]?.string, !text.isEmpty { return try picture(base64: text) }
        guard let url = entry["url"]?.string, !url.isEmpty else {
            throw ResponseProblem("the image has neither `b64_json` nor `url`")
        }
        if url.hasPrefix("data:"), let comma = url.firstIndex(of: ",") {
            return try picture(base64: String(url[comma...].dropFirst()))
        }
        guard url.contains("/") else { throw ResponseProblem("the `url` of the image is none") }
        return "the URL of one image"
    }

    private static func picture(base64 text: String) throws(ResponseProblem) -> String {
        guard let data = Data(base64Encoded: text) else { throw ResponseProblem("`b64_json` is not base64") }
        let bytes = [UInt8](data)
        // The smallest files of each format.
        let formats: [(name: String, beginning: [UInt8], minimum: Int, end: [UInt8])] = [
            ("PNG", [0x89] + Array("PNG\r\n".utf8) + [0x1A, 0x0A], 67, Array("IEND".utf8)),
            ("JPEG", [0xFF, 0xD8, 0xFF], 107, [0xFF, 0xD9]), ("WebP", Array("RIFF".utf8), 26, []),
            ("GIF", Array("GIF8".utf8), 26, [0x3B]),
        ]
        guard let format = formats.first(where: { bytes.starts(with: $0.beginning) }) else {
            throw ResponseProblem("the image is neither PNG, JPEG, WebP nor GIF")
        }
        if format.name == "WebP" {
            guard bytes.dropFirst(8).starts(with: "WEBP".utf8), let length = number(in: bytes, at: 4) else {
                throw ResponseProblem("the image is neither PNG, JPEG, WebP nor GIF")
            }
            guard Int(length) + 8 <= bytes.count else { throw ResponseProblem("the WebP image is cut") }
        }
        // Programs may write a few bytes after the end.
        guard bytes.count >= format.minimum, contains(format.end, in: bytes.suffix(1024)) else {
            throw ResponseProblem("the \(format.name) image is cut (\(bytes.count) bytes)")
        }
        return "one \(format.name) image of \(bytes.count) bytes"
    }

    private static func contains(_ pattern: [UInt8], in bytes: ArraySlice<UInt8>) -> Bool {
        bytes.indices.contains { bytes[$0...].starts(with: pattern) }
    }

    // MARK: Vectors

    /// - Parameter vector: an array of numbers, or base64 of 32-bit numbers.
    /// - Returns: what the vector is, as a phrase.
    static func vector(_ vector: JSONValue?) throws(ResponseProblem) -> String {
        if let text = vector?.string {
            guard let bytes = Data(base64Encoded: text), !bytes.isEmpty, bytes.count % 4 == 0 else {
                throw ResponseProblem("the vector is not base64 of 32-bit numbers")
            }
            guard bytes.contains(where: { $0 != 0 }) else { throw ResponseProblem("the vector is zero") }
            return "a vector of \(bytes.count / 4) numbers"
        }
        guard let elements = vector?.array, !elements.isEmpty else {
            throw ResponseProblem("the response has no vector")
        }
        let numbers = elements.compactMap(\.number)
        guard numbers.count == elements.count else {
            throw ResponseProblem("the vector has an element that is not a number")
        }
        guard numbers.contains(where: { $0 != 0 }) else { throw ResponseProblem("the vector is zero") }
        return "a vector of \(numbers.count) numbers"
    }
}
