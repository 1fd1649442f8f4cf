import SimpleAICore
import Relay

extension FieldLine {
    /// Fields that frame, route or authenticate a request must not be trailers (RFC 9110 §6.5.1).
    func checkAsTrailer() throws(RequestParser.Violation) {
        for forbidden in Self.forbiddenInTrailers where Byte.equalIgnoringCase(name, forbidden) { throw .trailer }
    }

    private static let forbiddenInTrailers: [StaticString] = [
        "content-length", "transfer-encoding", "host", "authorization", "proxy-authorization", "cookie", "connection",
        "te", "trailer", "expect",
    ]
}
