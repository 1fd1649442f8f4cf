package import NIOHTTP1
package import SimpleAICore

extension TrustedProxies {
    /// The client address of a call. Headers are read only if their sender is trusted.
    package func client(of peer: IPAddress?, _ headers: HTTPHeaders) -> IPAddress? {
        guard trusts(peer) else { return peer }
        return client(of: peer, forwardedFor: headers["x-forwarded-for"], forwarded: headers["forwarded"])
    }
}
