/// A request target (RFC 9112 §3.2). The only parser of targets, for both planes of the gateway and for agents. Pure.
///
/// Clients append inference paths to base URLs that users type, so these paths are read leniently: doubled and trailing
/// slashes, a repeated first segment (`/v1/v1`) and a `/v1` before another API (`/v1/api/chat`) are ignored, and a
/// percent-encoded letter equals that letter (RFC 3986 §6.2.2.2). All other paths are read exactly as written, so that every access rule (here or in a proxy in front) compares the path
/// that is served.
///
/// Dot segments are not resolved, and `%2F` is not a slash: a path that other software would resolve differently
/// matches no route.
public struct RequestTarget: Hashable, Sendable {
    /// Without scheme, authority, query and fragment; normalized if the path is read leniently.
    public let path: String
    /// Including its question mark; empty for none.
    public let query: String

    public var uri: String { path + query }

    /// First segments of the paths that are read leniently. Health checks need no access rule, and users type their
    /// URLs, too.
    private static let lenientSegments: [String] = roots + ["rerank", "health", "ready"]
    /// First segments of APIs. All but the last of several at the beginning are dropped.
    private static let roots: [String] = [version, "v2", "api", "openai"]
    private static let version = "v1"

    public init(_ uri: String) {
        let origin = Self.originForm(of: uri)
        let end = origin.utf8.firstIndex { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") } ?? origin.endIndex
        let rest = origin[end...].utf8.prefix { $0 != UInt8(ascii: "#") }
        query = String(Substring(rest))
        path = Self.normalizedPath(of: origin[..<end])
    }

    /// The normalized form of a leniently read path; any other path unchanged.
    private static func normalizedPath(of path: Substring) -> String {
        let segments = path.utf8.split(separator: UInt8(ascii: "/")).map { unescapingUnreserved(Substring($0)) }
        guard let first = segments.first, contains(lenientSegments, first) else { return String(path) }
        var dropped = 0
        while dropped + 1 < segments.count, isRepeated(segments[dropped], before: segments[dropped + 1]) {
            dropped += 1
        }
        return "/" + segments.dropFirst(dropped).joined(separator: "/")
    }

    /// Whether a segment at the beginning adds nothing to the one that follows it.
    private static func isRepeated(_ segment: String, before next: String) -> Bool {
        segment.isExactly(version) ? contains(roots, next) : segment.isExactly(next) && contains(roots, segment)
    }

    private static func contains(_ names: [String], _ segment: String) -> Bool {
        names.contains { $0.isExactly(segment) }
    }

    /// Whether a router that ignores doubled and trailing slashes would confuse this path with another one.
    public var isAmbiguous: Bool {
        path.utf8.count > 1 && (path.utf8.last == UInt8(ascii: "/") || path.contains("//"))
    }

    /// The paths under `/v1` that a client may have meant by a path without `/v1` or with a prefix; the longest first.
    public var candidates: [String] {
        let segments = path.split(separator: "/").prefix(Self.maxCandidateSegments)
        return segments.indices.compactMap { start in
            let rest = segments[start...].joined(separator: "/")
            let candidate = RequestTarget(segments[start] == Self.version ? "/\(rest)" : "/\(Self.version)/\(rest)")
                .path
            return candidate == path ? nil : candidate
        }
    }

    /// More segments than any base URL produces.
    private static let maxCandidateSegments = 8

    /// The target without the scheme and authority that clients send to proxies (RFC 9112 §3.2.2).
    private static func originForm(of uri: String) -> String {
        guard uri.utf8.first != UInt8(ascii: "/"), let scheme = uri.firstRange(of: "://") else { return uri }
        let rest = uri[scheme.upperBound...].drop { $0 != "/" && $0 != "?" && $0 != "#" }
        return rest.hasPrefix("/") ? String(rest) : "/" + rest
    }

    private static func unescapingUnreserved(_ segment: Substring) -> String {
        guard segment.utf8.contains(UInt8(ascii: "%")) else { return String(segment) }
        return PercentEncoding.unescaped(segment.utf8, where: isUnreserved).map { String(decoding: $0, as: UTF8.self) }
            ?? String(segment)
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            true
        default: false
        }
    }
}

/// Decodes percent-encoding (RFC 3986 §2.1), exactly once.
public enum PercentEncoding {
    /// The decoded text of a part of a path; nil for a `%` without two hexadecimal digits, or bytes that are not UTF-8.
    public static func decoded(_ text: some StringProtocol) -> String? {
        guard text.utf8.contains(UInt8(ascii: "%")) else { return String(text) }
        return unescaped(text.utf8) { _ in true }.flatMap { String(validating: $0, as: UTF8.self) }
    }

    /// - Parameter shouldDecode: whether to decode an encoded byte; other bytes stay encoded.
    static func unescaped(_ bytes: some Collection<UInt8>, where shouldDecode: (UInt8) -> Bool) -> [UInt8]? {
        var result: [UInt8] = []
        var rest = Array(bytes)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                result.append(byte)
                continue
            }
            guard rest.count >= 2, let high = digit(rest[rest.startIndex]), let low = digit(rest[rest.startIndex + 1])
            else { return nil }
            let value = high << 4 | low
            if shouldDecode(value) { result.append(value) } else { result += [byte] + rest.prefix(2) }
            rest = rest.dropFirst(2)
        }
        return result
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
