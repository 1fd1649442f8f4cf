import SimpleAICore
import Testing

@Suite struct MACAddressTests {
    @Test(arguments: [
        "AA:BB:CC:01:02:0F", "aa:bb:cc:01:02:0f", "AA-BB-CC-01-02-0F", "aa-bb-cc-01-02-0f", "aabb.cc01.020f",
        "AABB.CC01.020F", "Aa:bB:cC:01:02:0f",
    ])
    func readsTheThreeFormats(_ text: String) throws {
        let address = try #require(MACAddress(text))
        #expect(address.bytes == [0xAA, 0xBB, 0xCC, 0x01, 0x02, 0x0F])
        #expect(address.description == "AA:BB:CC:01:02:0F")
        #expect(MACAddress(address.description) == address)
    }

    @Test(arguments: [
        "", ":", "aabbcc01020f", "aa:bb:cc:01:02", "aa:bb:cc:01:02:0f:11", "aa:bb:cc:01:02:0g", "aa:bb:cc:01:02:",
        ":aa:bb:cc:01:02", "aa:bb:cc:01:02:f", "aa:bb:cc:01:02:00f", "aa:bb-cc:01-02:0f", "aa-bb-cc-01-02:0f",
        "aabb.cc01", "aabb.cc01.020f.1122", "aab.bcc0.1020f", "aa:bb:cc.01:02:0f", "aabb.cc01-020f",
        " aa:bb:cc:01:02:0f",
        "aa:bb:cc:01:02:0f ", "aa:bb:cc:01:02:0f\n", "+a:bb:cc:01:02:0f", "-1:bb:cc:01:02:0f", "0xaa:bb:cc:01:02:0f",
        "ａａ:bb:cc:01:02:0f", "aa:\u{301}bb:cc:01:02:0f", "aa::bb:cc:01:02", "aa bb cc 01 02 0f", "aabb:cc01:020f",
    ])
    func refusesAnythingElse(_ text: String) {
        #expect(MACAddress(text) == nil)
    }

    @Test func requiresExactlySixBytes() {
        #expect(MACAddress(bytes: [1, 2, 3, 4, 5, 6])?.description == "01:02:03:04:05:06")
        #expect(MACAddress(bytes: [1, 2, 3, 4, 5]) == nil)
        #expect(MACAddress(bytes: [1, 2, 3, 4, 5, 6, 7]) == nil)
    }
}

@Suite struct ByteCountTests {
    @Test(arguments: [
        (0, "0B"), (1, "1B"), (1023, "1023B"), (1024, "1KiB"), (1500, "1500B"), (32 << 20, "32MiB"), (1 << 30, "1GiB"),
        (3 << 29, "1536MiB"), ((1 << 30) + 1, "1073741825B"),
    ])
    func isWrittenInTheShortestExactForm(_ bytes: Int, _ text: String) {
        #expect(ByteCount(bytes: bytes).description == text)
    }
}
