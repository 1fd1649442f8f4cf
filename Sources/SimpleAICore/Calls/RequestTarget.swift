/// The target of a request: the one parser of request targets (RFC 9112 §3.2), for both planes of the gateway and for
/// agents. Pure.
///
/// Paths of inference APIs come from base addresses that users type and programs join, so they are read leniently:
/// doubled and trailing slashes and a repeated `/v1` are ignored, and a percent-encoded letter equals that letter (RFC
/// 3986 §6.2.2.2). All other paths are read exactly as written, so that every guard (here, or in a proxy in front)
/// compares the path that is served.
///
/// Dot segments are ordinary segments, and `%2F` is not a slash: paths that other software resolves differently do not
/// exist here.
public struct RequestTarget: Hashable, Sendable {
    /// Without scheme, authority, query and fragment; normalized if the path is read leniently.
    public let path: String
    /// Including its question mark; empty for none.
    public let query: String

    public var uri: String { path + query }

    /// First segments of the paths that are read leniently. Health checks decide nothing, and their URLs are typed by
    /// hand, too.
    private static let tolerant: [String] = [version, "health", "ready"]
    private static let version = "v1"

    public init(_ uri: String) {
        let origin = Self.originForm(of: uri)
        let end = origin.utf8.firstIndex { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") } ?? origin.endIndex
        let rest = origin[end...].utf8.prefix { $0 != UInt8(ascii: "#") }
        query = String(Substring(rest))
        path = Self.spelling(of: origin[..<end])
    }

    /// The normalized form of a leniently read path; any other path unchanged.
    private static func spelling(of path: Substring) -> String {
        let segments = path.utf8.split(separator: UInt8(ascii: "/")).map { unescapingUnreserved(Substring($0)) }
        guard let first = segments.first, tolerant.contains(where: { $0.utf8.elementsEqual(first.utf8) }) else {
            return String(path)
        }
        let versions = segments.prefix { $0 == version }.count
        return "/" + segments.dropFirst(max(versions, 1) - 1).joined(separator: "/")
    }

    /// Whether a path that is compared exactly could be confused with another one: routers ignore doubled and trailing
    /// slashes.
    public var isAmbiguous: Bool {
        path.utf8.count > 1 && (path.utf8.last == UInt8(ascii: "/") || path.contains("//"))
    }

    /// The paths under `/v1` that a path without it, or with a prefix, may have meant; the longest first.
    public var candidates: [String] {
        let segments = path.split(separator: "/").prefix(Self.maxCandidateSegments)
        return segments.indices.compactMap { start in
            let rest = segments[start...].joined(separator: "/")
            let candidate = RequestTarget(segments[start] == Self.version ? "/\(rest)" : "/\(Self.version)/\(rest)")
                .path
            return candidate == path ? nil : candidate
        }
    }

    /// No base address produces paths with more segments.
    private static let maxCandidateSegments = 8

    /// The origin form of a target without scheme and authority, which clients send to proxies (RFC 9112 §3.2.2).
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

/// Percent-encoding (RFC 3986 §2.1), decoded once: the result is not decoded again.
public enum PercentEncoding {
    /// The decoded text of a part of a path; nil for a `%` without two hexadecimal digits, or bytes that are not UTF-8.
    public static func decoded(_ text: some StringProtocol) -> String? {
        guard text.utf8.contains(UInt8(ascii: "%")) else { return String(text) }
        return unescaped(text.utf8) { _ in true }.flatMap { String(validating: $0, as: UTF8.self) }
    }

    /// - Parameter isMeant: whether to decode an encoded byte; others stay encoded.
    static func unescaped(_ bytes: some Collection<UInt8>, where isMeant: (UInt8) -> Bool) -> [UInt8]? {
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
            if isMeant(value) { result.append(value) } else { result += [byte] + rest.prefix(2) }
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
