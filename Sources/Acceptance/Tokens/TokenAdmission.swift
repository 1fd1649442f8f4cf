import Foundation

/// Which tokens may be sent to the deployment under test.
///
/// A deployment that the operator named receives any token. The default deployment, which the operator did not choose,
/// receives only tokens of issuers under its own domain, so that a forgotten option leaks no other deployment's key.
public enum TokenAdmission: Sendable {
    /// The operator named the deployment.
    case anywhere
    /// The operator named none; the deployment is ``defaultURL``.
    case defaultDeployment

    /// The deployment under test if the operator names none.
    public static let defaultURL = "https://ai.lelloman.com"
    /// Tokens are sent to ``defaultURL`` only if the host of their issuer is under this domain.
    static let domain = "lelloman.com"

    /// - Throws: a ``TokenProblem`` that is a usage error when `token` may not be sent.
    func check(_ token: String, from origin: String) throws(TokenProblem) {
        guard case .defaultDeployment = self else { return }
        let found: String
        switch Self.issuer(of: token) {
        case .host(let host) where Self.isUnderDomain(host): return
        case .host(let host): found = "its issuer is \(VisibleText.of(String(host.prefix(100))))"
        case .unreadable: found = "it names no issuer with a valid host"
        }
        throw TokenProblem(
            "the token from \(origin) is not sent to the default deployment \(Self.defaultURL): \(found), and only "
                + "tokens issued under \(Self.domain) are sent there by default; set --url or SIMPLEAI_URL",
            isWrongUsage: true)
    }

    private enum Issuer {
        case host(String)
        /// Not a JWT, an encrypted token, or an `iss` that is missing, repeated, or not an address.
        case unreadable
    }

    private static func issuer(of token: String) -> Issuer {
        guard TokenText.isJWT(token), TokenText.hasOneIssuer(token),
            let text = TokenText.claims(of: token)?["iss"]?.string
        else { return .unreadable }
        guard text.contains("://") else { return isHostName(text) ? .host(text) : .unreadable }
        guard let components = URLComponents(string: text), let scheme = components.scheme?.lowercased(),
            scheme == "https" || scheme == "http", components.user == nil, components.password == nil,
            let host = components.encodedHost, isHostName(host)
        else { return .unreadable }
        return .host(host)
    }

    /// Whether `text` consists of letters, digits, hyphens and dots. Names in other scripts have another form on the wire, and
    /// can be mistaken for one another.
    private static func isHostName(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."):
                    true
                default: false
                }
            }
    }

    private static func isUnderDomain(_ host: String) -> Bool {
        var name = host.lowercased()
        // `example.com.` is the same host.
        if name.hasSuffix(".") { name.removeLast() }
        return name == domain || name.hasSuffix(".\(domain)")
    }
}
