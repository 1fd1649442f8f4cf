import HTTPTypes
import SimpleAICore

extension TrustedProxies {
    /// The client address of a control-plane request.
    func client(of peer: IPAddress?, _ headers: HTTPFields) -> IPAddress? {
        guard trusts(peer), let forwardedFor = Self.forwardedFor, let forwarded = Self.forwarded else { return peer }
        return client(of: peer, forwardedFor: headers[values: forwardedFor], forwarded: headers[values: forwarded])
    }

    /// Whether a request states that a proxy has forwarded it, trusted or not.
    static func areForwarded(_ headers: HTTPFields) -> Bool {
        [forwardedFor, forwarded].contains { name in name.map { headers.contains($0) } ?? false }
    }

    private static let forwardedFor = HTTPField.Name("x-forwarded-for")
    private static let forwarded = HTTPField.Name("forwarded")
}
