public import NIOHTTP1

/// Whether a connection persists after a head (RFC 9112 §9.3). NIO's `isKeepAlive` makes a list of the field's values even if
/// there is none, and is asked several times for a request.
extension HTTPRequestHead {
    public var connectionPersists: Bool {
        headers.contains(name: "connection") ? isKeepAlive : version.persistsByDefault
    }
}

extension HTTPResponseHead {
    public var connectionPersists: Bool {
        headers.contains(name: "connection") ? isKeepAlive : version.persistsByDefault
    }
}

extension HTTPVersion {
    fileprivate var persistsByDefault: Bool { major == 1 && minor >= 1 }
}
