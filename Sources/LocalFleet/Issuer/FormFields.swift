import Foundation

/// The fields of an `application/x-www-form-urlencoded` body, in order; names may repeat.
struct FormFields {
    private let fields: [(name: String, value: String)]

    /// Returns nil if a percent sign is not followed by two hexadecimal digits.
    init?(_ body: String) {
        var fields: [(String, String)] = []
        for pair in body.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = Self.decode(parts[0]), let value = Self.decode(parts.count > 1 ? parts[1] : "") else {
                return nil
            }
            fields.append((name, value))
        }
        self.fields = fields
    }

    init(_ fields: [(name: String, value: String)]) {
        self.fields = fields
    }

    subscript(_ name: String) -> [String] {
        fields.filter { $0.name == name }.map(\.value)
    }

    var encoded: String {
        fields.map { Self.encode($0.name) + "=" + Self.encode($0.value) }.joined(separator: "&")
    }

    private static func decode(_ text: Substring) -> String? {
        text.replacing("+", with: " ").removingPercentEncoding
    }

    private static func encode(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: unreserved) ?? ""
    }

    /// The unreserved characters of RFC 3986 §2.3: ASCII letters and digits only.
    private static let unreserved = CharacterSet(
        charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
}
