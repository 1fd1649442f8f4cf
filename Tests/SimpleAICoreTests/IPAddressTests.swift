import SimpleAICore
import Testing

@Suite struct IPAddressTests {
    @Test(arguments: [
        ("0.0.0.0", "0.0.0.0"), ("192.0.2.255", "192.0.2.255"), ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::ffff:c000:201", "192.0.2.1"), ("::", "::"), ("::1", "::1"), ("1::", "1::"),
        ("2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
        ("2001:db8::0.0.0.1", "2001:db8::1"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
        ("fe80:0000:0000:0000:0000:0000:0000:abcd", "fe80::abcd"), ("::1.2.3.4", "::102:304"),
    ])
    func allSpellingsOfAnAddressAreEqual(text: String, written: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.description == written)
        #expect(IPAddress(written) == address)
    }

    @Test(arguments: [
        "", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.", ".1.2.3", "1.2.3.4 ", " 1.2.3.4", "1.2.3.+4",
        "1.2.3.-4", "0x1.2.3.4", "1.2.3.4:80", "localhost", ":", ":::", "1:::2", "1::2::3", "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "::1%eth0", "[::1]", "12345::", "g::", "+1::", "-1::",
        "1.2.3.4::", "::1.2.3", "::1.2.3.4:5", "::1:1.2.3.256", "١.2.3.4", "1:2:3:4:5:6:7:1.2.3.4",
    ])
    func refusesMalformedAddresses(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test func bothProtocolsHaveLoopbackAddresses() {
        for text in ["127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1"] {
            #expect(IPAddress(text)?.isLoopback == true)
        }
        for text in ["128.0.0.1", "0.0.0.1", "::", "::2", "1::1", "::127.0.0.1"] {
            #expect(IPAddress(text)?.isLoopback == false)
        }
    }

    @Test(arguments: [
        ("10.0.0.0/8", ["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"], ["9.255.255.255", "11.0.0.0", "::a00:1"]),
        ("192.0.2.1", ["192.0.2.1"], ["192.0.2.0", "192.0.2.2", "::c000:201"]),
        ("192.0.2.1/32", ["192.0.2.1"], ["192.0.2.0"]),
        ("0.0.0.0/0", ["0.0.0.0", "255.255.255.255"], ["::", "::1", "2001:db8::1"]),
        ("2001:db8::/33", ["2001:db8::", "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff"], ["2001:db8:8000::", "10.0.0.1"]),
        ("fe80::/64", ["fe80::1", "fe80::ffff:0:0:1"], ["fe80:0:0:1::1"]),
        ("2001:db8::4/126", ["2001:db8::7"], ["2001:db8::8", "2001:db8::3"]),
        ("::1", ["::1"], ["::", "127.0.0.1"]), ("::/0", ["::", "1.2.3.4", "ffff::"], []),
    ])
    func aNetworkContainsAddressesWithItsPrefix(text: String, inside: [String], outside: [String]) throws {
        let network = try #require(IPNetwork(text))
        for address in inside { #expect(network.contains(try #require(IPAddress(address))), "\(address)") }
        for address in outside { #expect(!network.contains(try #require(IPAddress(address))), "\(address)") }
        #expect(IPNetwork(network.description) == network)
    }

    @Test(arguments: [
        "", "/", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/08", "10.0.0.0/8/8", "10.0.0.1/8",
        "10.0.0.0/255.0.0.0", "2001:db8::1/64", "::/129", "lan/8", "10.0.0.0 /8",
    ])
    func refusesMalformedNetworks(text: String) {
        #expect(IPNetwork(text) == nil)
    }
}
