import HTTPTypes
import NIOHTTP1
import Relay
import SimpleAICore
import Testing

@testable import ControlPlane

/// The proxy is 10.0.0.1 in a trusted network; the client that it reports is 203.0.113.9 unless a case states
/// another.
@Suite struct TrustedProxiesTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let peer: String
        let fields: [String]
        let client: String

        init(_ fields: String..., from peer: String = "10.0.0.1", is client: String = "203.0.113.9") {
            (self.peer, self.fields, self.client) = (peer, fields, client)
        }

        var testDescription: String { "\(peer) \(fields)" }

        var pairs: [(String, String)] {
            fields.map {
                let parts = $0.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
                return (String(parts[0]), parts[1].trimmingPrefix(" ").description)
            }
        }
    }

    private static let proxies = TrustedProxies(["10.0.0.0/8", "2001:db8::/32"].compactMap { IPNetwork($0) })

    @Test(arguments: [
        Case(is: "10.0.0.1"),
        Case("X-Forwarded-For: 203.0.113.9"), Case("x-forwarded-for: 203.0.113.9:4711"),
        Case("X-Forwarded-For: \t203.0.113.9 "), Case("X-Forwarded-For: 203.0.113.9, 10.9.9.9"),
        Case("X-Forwarded-For: 203.0.113.9", "X-Forwarded-For: 10.9.9.9"),
        Case("X-Forwarded-For: ::ffff:203.0.113.9"), Case("X-Forwarded-For: 203.0.113.9", from: "2001:db8::1"),
        Case("X-Forwarded-For: 203.0.113.9", from: "::ffff:10.0.0.1"),
        Case("X-Forwarded-For: 2001:db9::1", is: "2001:db9::1"),
        Case("X-Forwarded-For: [2001:db9::1]:443", is: "2001:db9::1"),
        Case("Forwarded: for=203.0.113.9"), Case("forwarded: FOR=\"203.0.113.9:80\";proto=https;by=10.0.0.1"),
        Case("Forwarded: proto=http ; for=203.0.113.9 , for=10.3.3.3"),
        Case("Forwarded: For=\"[2001:db9::1]:4711\"", is: "2001:db9::1"),
        Case("X-Forwarded-For: 203.0.113.9", "Forwarded: for=203.0.113.9"),
        // All of them are trusted: the first address counts.
        Case("X-Forwarded-For: 10.0.0.7, 10.0.0.8", is: "10.0.0.7"),
    ])
    func headersOfATrustedProxyAreUsed(_ test: Case) throws {
        try check(test)
    }

    @Test(arguments: [
        // An untrusted peer's header is ignored.
        Case("X-Forwarded-For: 127.0.0.1", from: "203.0.113.9"),
        Case("X-Forwarded-For: 10.0.0.1", "Forwarded: for=10.0.0.1", from: "203.0.113.9"),
        Case("X-Forwarded-For: 1.1.1.1", from: "11.0.0.1", is: "11.0.0.1"),
        // Addresses that the client put before the one that the proxy added.
        Case("X-Forwarded-For: 127.0.0.1, 203.0.113.9"), Case("X-Forwarded-For: 10.0.0.2, 203.0.113.9, 10.0.0.3"),
        Case("X-Forwarded-For: , ,, 203.0.113.9"), Case("X-Forwarded-For: \"1.1.1.1, 203.0.113.9"),
        Case("X-Forwarded-For: 1.1.1.1", "X-Forwarded-For: 203.0.113.9"),
        Case("Forwarded: for=127.0.0.1, for=203.0.113.9"), Case("Forwarded: for=unknown, for=203.0.113.9"),
        // A second header that the proxy only passes on: they contradict each other, and both are ignored.
        Case("X-Forwarded-For: 203.0.113.9", "Forwarded: for=1.1.1.1", is: "10.0.0.1"),
        Case("X-Forwarded-For: 1.1.1.1", "Forwarded: for=203.0.113.9", is: "10.0.0.1"),
        Case("X-Forwarded-For: 203.0.113.9", "Forwarded: nonsense", is: "10.0.0.1"),
        // Quotes that would swallow the address that the proxy adds.
        Case("Forwarded: for=\"1.1.1.1, for=203.0.113.9", is: "10.0.0.1"),
        Case("Forwarded: for=\"1.1.1.1, for=\"203.0.113.9\"", is: "10.0.0.1"),
        Case("Forwarded: for=1.1.1.1;for=203.0.113.9", is: "10.0.0.1"),
        Case("Forwarded: for=\"1.1.1.1\\\", for=203.0.113.9", is: "10.0.0.1"),
        Case("Forwarded: for=1.1.1.1 x, for=203.0.113.9", is: "10.0.0.1"),
        // An entry that is not an address is ignored: the nearest known address counts.
        Case("X-Forwarded-For: unknown", is: "10.0.0.1"), Case("X-Forwarded-For: ", is: "10.0.0.1"),
        Case("X-Forwarded-For: 203.0.113.9, _hidden", is: "10.0.0.1"),
        Case("X-Forwarded-For: 203.0.113.9, 10.0.0.6:x", is: "10.0.0.1"),
        Case("X-Forwarded-For: 203.0.113.9, unknown, 10.0.0.6", is: "10.0.0.6"),
        Case("X-Forwarded-For: 203.0.113.9;10.0.0.6", is: "10.0.0.1"),
        Case("X-Forwarded-For: 203.0.113.9 10.0.0.6", is: "10.0.0.1"),
        Case("X-Forwarded-For: 0xcb.0.113.9", is: "10.0.0.1"), Case("X-Forwarded-For: 203.0.113.09", is: "10.0.0.1"),
        Case("X-Forwarded-For: 2001:db9::1:65536000", is: "10.0.0.1"),
        Case("X-Forwarded-For: [2001:db9::1", is: "10.0.0.1"), Case("X-Forwarded-For: fe80::1%eth0", is: "10.0.0.1"),
        Case("Forwarded: by=203.0.113.9", is: "10.0.0.1"), Case("Forwarded: for=_gazonk", is: "10.0.0.1"),
        Case("X-Real-IP: 1.1.1.1", "Client-IP: 1.1.1.1", "X-Forwarded_For: 1.1.1.1", is: "10.0.0.1"),
    ])
    func addressesCannotBeForged(_ test: Case) throws {
        try check(test)
    }

    /// Both planes determine the same address.
    private func check(_ test: Case) throws {
        let peer = try #require(IPAddress(test.peer))
        let client = try #require(IPAddress(test.client))
        #expect(Self.proxies.client(of: peer, HTTPHeaders(test.pairs)) == client)
        var fields = HTTPFields()
        for (name, value) in test.pairs { fields.append(.init(name: try #require(.init(name)), value: value)) }
        #expect(Self.proxies.client(of: peer, fields) == client)
        // Without the setting no peer is trusted.
        #expect(TrustedProxies([]).client(of: peer, HTTPHeaders(test.pairs)) == peer)
    }

    @Test func aPeerWithoutAnAddressIsNotTrusted() {
        #expect(Self.proxies.client(of: nil, HTTPHeaders([("X-Forwarded-For", "1.1.1.1")])) == nil)
    }

    /// Long chains are read only up to a limit.
    @Test func longChainsAreTruncated() throws {
        let many = (1...50_000).map { "10.0.\($0 >> 8 & 0xFF).\($0 & 0xFF)" }
        let client = Self.proxies.client(
            of: IPAddress("10.0.0.1"),
            HTTPHeaders([("X-Forwarded-For", many.joined(separator: ", "))]))
        #expect(client == IPAddress(many[50_000 - 32]))
    }

    @Test(
        arguments: [
            ("for=1", ["1"]), ("", [nil]), (" ; ,for=\"a\\\"b\" ;by=x", [nil, "a\"b"]),
            ("by=\"\",for=\"\"", [nil, ""]),
            ("for=", nil), ("=1", nil), ("for", nil), ("for=\"x", nil), ("for=\"x\\", nil), ("for=x y", nil),
            ("for=x,for=y;for=z", nil), ("for =x", nil), ("for=[::1]", nil),
        ] as [(String, [String?]?)])
    func forwardedIsReadStrictly(value: String, expected: [String?]?) {
        var reader = ForwardedHeaderParser(value)
        #expect(reader.elements()?.map(\.node) == expected)
    }
}
