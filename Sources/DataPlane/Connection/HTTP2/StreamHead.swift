import SimpleAICore
import NIOHPACK
import Relay

/// Validates HTTP/2 request heads beyond the library's own checks (known pseudo-headers, each once and first; lower-case
/// names that are tokens; no connection-specific fields; correct lengths): rejects everything that would be ambiguous
/// when translated to HTTP/1 (RFC 9113 §8.2.1, §8.3.1, §10.3). Pure.
enum StreamHead {
    enum Violation: Error, Hashable {
        case malformed
        case tooLarge
        /// A field that must not be repeated is repeated.
        case repeated(String)
        /// Two fields carry different credentials. The error has the form of the dialect.
        case credentials(Dialect)
    }

    /// - Parameter maxSize: in bytes, as the size of the fields in HTTP/1.
    /// - Returns: the head, with `:authority` added if the request states only `host`.
    static func checked(_ headers: HPACKHeaders, maxSize: Int) throws(Violation) -> HPACKHeaders {
        var size = 0
        var method = "", path = ""
        var authority: String?
        var hosts: [String] = []
        var contentLengths = 0
        var single = SingleFields()
        var authorization: String?
        var tokens: [String] = []
        for (name, value, _) in headers {
            size += name.utf8.count + value.utf8.count + 4
            guard size <= maxSize else { throw .tooLarge }
            switch name {
            case ":method": method = value
            case ":path": path = value
            case ":authority": authority = value
            case ":scheme": if value != "https", value != "http" { throw .malformed }
            case "host": hosts.append(value)
            case "authorization": authorization = value
            case _ where RequestCredentials.tokenFields.contains(name): tokens.append(value)
            case "content-length":
                // Digits only (RFC 9110 §8.6): `Int` would accept other forms, which an engine may reject.
                guard !value.isEmpty, value.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { throw .malformed }
                contentLengths += 1
            // Software that maps names to variables, as CGI does, does not distinguish the two spellings.
            case "content_length", "transfer_encoding": throw .malformed
            default: break
            }
            try checkValue(value)
            if let name = single.repeated(name.utf8) { throw .repeated(name) }
        }
        guard contentLengths <= 1, isTarget(path, of: method) else { throw .malformed }
        guard let host = authority ?? hosts.first, !host.isEmpty, host.utf8.allSatisfy(Byte.isInHost),
            hosts.count <= 1, hosts.first.map({ $0.lowercased() == host.lowercased() }) ?? true
        else { throw .malformed }
        guard RequestCredentials.agree(authorization: authorization, tokens: tokens) else {
            let hasVersion = headers.contains(name: Dialect.anthropicVersion)
            throw .credentials(Dialect(ofRequest: path, hasAnthropicVersion: hasVersion))
        }
        guard authority == nil else { return headers }
        var completed: HPACKHeaders = [":authority": host]
        completed.add(contentsOf: headers)
        return completed
    }

    /// Fields that frame, route or authenticate a request must not be trailers (RFC 9110 §6.5.1).
    static func checkTrailers(_ headers: HPACKHeaders) throws(Violation) {
        for (name, value, _) in headers {
            switch name {
            case "content-length", "host", "authorization", "proxy-authorization", "cookie", "te", "trailer", "expect":
                throw .malformed
            default: try checkValue(value)
            }
        }
    }

    /// Refuses control characters, and whitespace around the value.
    private static func checkValue(_ value: String) throws(Violation) {
        let bytes = value.utf8
        guard bytes.allSatisfy(Byte.isInFieldValue), !(bytes.first.map(Byte.isBlank) ?? false),
            !(bytes.last.map(Byte.isBlank) ?? false)
        else { throw .malformed }
    }

    private static func isTarget(_ path: String, of method: String) -> Bool {
        guard !method.isEmpty, method != "CONNECT", method.utf8.allSatisfy(Byte.isToken),
            path.utf8.allSatisfy({ $0 > Byte.space && $0 < Byte.delete })
        else { return false }
        return path.hasPrefix("/") || (path == "*" && method == "OPTIONS")
    }
}
