import SimpleAICore

/// An image of a request: base64 (RFC 4648 §4, with padding) without a media type, which is determined from its first
/// bytes.
struct OllamaImage: Sendable {
    /// Without line breaks.
    let base64: ArraySlice<UInt8>
    let mediaType: String

    /// - Parameter field: the name of the value in errors.
    init(_ value: JSONSlice, field: String) throws(GatewayError) {
        guard value.bytes.first == UInt8(ascii: "\"") else {
            throw OllamaFields.refusal(of: field, "must be a string that contains an image in base64")
        }
        var text = value.bytes.dropFirst().dropLast()
        var isBase64 = Self.isBase64(text)
        // Some encoders escape slashes, and some tools break lines.
        if !isBase64, text.contains(UInt8(ascii: "\\")) {
            text = Array(JSONString.decode(value.bytes).utf8)[...]
            text = text.filter { $0 != 0x0A && $0 != 0x0D }[...]
            isBase64 = Self.isBase64(text)
        }
        guard isBase64 else {
            throw OllamaFields.refusal(of: field, "must be base64 with padding, without a \"data:\" prefix")
        }
        guard let mediaType = Self.mediaType(of: Self.firstBytes(of: text)) else {
            throw OllamaFields.refusal(
                of: field, "must be an image in a common format (JPEG, PNG, GIF, WebP, BMP, TIFF, AVIF or HEIC)")
        }
        (base64, self.mediaType) = (text, mediaType)
    }

    func write(to writer: inout OllamaWriter) {
        writer.beginObject()
        writer.key("type")
        writer.string("image_url")
        writer.key("image_url")
        writer.beginObject()
        writer.key("url")
        writer.string(plain: Array("data:\(mediaType);base64,".utf8)[...], base64)
        writer.endObject()
        writer.endObject()
    }

    private static func isBase64(_ text: ArraySlice<UInt8>) -> Bool {
        guard !text.isEmpty, text.count.isMultiple(of: 4) else { return false }
        let padding = text.suffix(2).reversed().prefix { $0 == UInt8(ascii: "=") }.count
        return isDigit.withUnsafeBufferPointer { isDigit in
            text.dropLast(padding).withUnsafeBytes { bytes in
                for byte in bytes where !isDigit[Int(byte)] { return false }
                return true
            }
        }
    }

    private static let isDigit: [Bool] = (0...UInt8.max).map { digit($0) != nil }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte - UInt8(ascii: "A")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): byte - UInt8(ascii: "a") + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0") + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }

    /// The first twelve bytes of the image, or all of a shorter one.
    private static func firstBytes(of text: ArraySlice<UInt8>) -> [UInt8] {
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        for byte in text.prefix(16) {
            guard let digit = digit(byte) else { break }
            bits = bits << 6 | UInt32(digit)
            count += 6
            guard count >= 8 else { continue }
            count -= 8
            bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
        }
        return bytes
    }

    /// The media type by the signatures of the WHATWG MIME Sniffing Standard §6.1, and by the brands of ISO BMFF files.
    private static func mediaType(of bytes: [UInt8]) -> String? {
        func has(_ signature: [UInt8], at offset: Int = 0) -> Bool { bytes.dropFirst(offset).starts(with: signature) }
        func has(_ signature: String, at offset: Int = 0) -> Bool { has(Array(signature.utf8), at: offset) }
        if has([0xFF, 0xD8, 0xFF]) { return "image/jpeg" }
        if has([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) { return "image/png" }
        if has("GIF87a") || has("GIF89a") { return "image/gif" }
        if has("RIFF"), has("WEBP", at: 8) { return "image/webp" }
        if has("BM") { return "image/bmp" }
        if has([0x49, 0x49, 0x2A, 0x00]) || has([0x4D, 0x4D, 0x00, 0x2A]) { return "image/tiff" }
        guard has("ftyp", at: 4) else { return nil }
        if has("avif", at: 8) || has("avis", at: 8) { return "image/avif" }
        return ["heic", "heix", "mif1", "msf1"].contains { has($0, at: 8) } ? "image/heic" : nil
    }
}
