import NIOHTTP1
import Relay
import Testing

@Suite struct ConnectionPersistenceTests {
    @Test(
        arguments: [
            ([], .http1_1, true), ([], .http1_0, false), (["close"], .http1_1, false), (["Keep-Alive"], .http1_0, true),
            (["keep-alive", "close"], .http1_1, false), (["upgrade"], .http1_1, true),
            (["keep-alive, close"], .http1_0, false),
            ([], HTTPVersion(major: 2, minor: 0), false),
        ] as [([String], HTTPVersion, Bool)])
    func theConnectionPersists(values: [String], version: HTTPVersion, persists: Bool) {
        let headers = HTTPHeaders(values.map { ("Connection", $0) })
        let request = HTTPRequestHead(version: version, method: .GET, uri: "/", headers: headers)
        let response = HTTPResponseHead(version: version, status: .ok, headers: headers)
        #expect(request.connectionPersists == persists && request.isKeepAlive == persists)
        #expect(response.connectionPersists == persists && response.isKeepAlive == persists)
    }
}
