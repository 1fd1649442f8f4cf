import SimpleAICore
import Testing

@testable import Settings

@Suite struct SettingsKindTests {
    @Test(arguments: [
        ("0s", Duration.zero), ("500ms", .milliseconds(500)), ("90s", .seconds(90)), ("5m", .seconds(300)),
        ("1h", .seconds(3600)), ("1 s", .seconds(1)), ("720h", .days(30)),
    ])
    func durations(_ text: String, _ expected: Duration) throws {
        #expect(try SettingsKind<Duration>.duration().read(text) == expected)
    }

    @Test(arguments: ["", "5", "s", "-5s", "1.5s", "5 seconds", "5S", "1h30m", "٣s", "721h", "99999999999999999999s"])
    func refusesInvalidDurations(_ text: String) {
        #expect(throws: SettingsMismatch.self) { try SettingsKind<Duration>.duration().read(text) }
    }

    @Test(arguments: [Duration.zero, .milliseconds(1500), .seconds(59), .seconds(60), .seconds(90), .seconds(7200)])
    func durationsAreWrittenAsTheyAreRead(_ duration: Duration) throws {
        #expect(try SettingsKind<Duration>.duration().read(duration.written) == duration)
    }

    @Test(arguments: [("1500B", 1500), ("64KiB", 65_536), ("32MiB", 32 << 20), ("1GiB", 1 << 30), ("2 MiB", 2 << 20)])
    func sizes(_ text: String, _ bytes: Int) throws {
        #expect(try SettingsKind<ByteCount>.size(from: .kibibytes(1), to: .mebibytes(4096)).read(text).bytes == bytes)
    }

    @Test(arguments: ["", "32", "32M", "32MB", "32mib", "1B", "5000MiB", "99999999999GiB", "MiB"])
    func refusesInvalidSizes(_ text: String) {
        #expect(throws: SettingsMismatch.self) {
            try SettingsKind<ByteCount>.size(from: .kibibytes(1), to: .mebibytes(4096)).read(text)
        }
    }

    @Test(arguments: [
        ("http://10.0.0.5:11434", "http://10.0.0.5:11434"), ("http://a/", "http://a"), ("http://a/v1", "http://a"),
        ("http://a/v1/", "http://a"), ("HTTPS://a/x/v1//", "https://a/x"), ("http://a//v1", "http://a"),
        ("http://[::1]:80/v1", "http://[::1]:80"), ("https://gpu_1.lan/api/", "https://gpu_1.lan/api"),
        ("http://a/v10", "http://a/v10"), ("http://a/nov1", "http://a/nov1"),
    ])
    func engineURLs(_ text: String, _ expected: String) throws {
        #expect(try SettingsKind<String>.engineURL.read(text) == expected)
    }

    @Test(arguments: [
        "", "a", "a:80", "//a", "ftp://a", "http:/a", "http://", "http:///v1", "http://a:0", "http://a:65536",
        "http://a:x", "http://a:", "http://u@a", "http://u:p@a", "http://a?b", "http://a/#b", "http://a b",
        "http://ä.de", "http://[::1", "http://[a]", "http://::1", "http://10.0.0.256", "http://-a", "http://a..b",
    ])
    func refusesInvalidEngineURLs(_ text: String) {
        #expect(throws: SettingsMismatch.self) { try SettingsKind<String>.engineURL.read(text) }
    }

    @Test func issuersAreReadUnchanged() throws {
        #expect(try SettingsKind<String>.issuerURL.read("https://t.auth0.com/") == "https://t.auth0.com/")
    }

    @Test(arguments: [
        ("localhost", true), ("LOCALHOST", true), ("a.localhost", true), ("127.0.0.1", true), ("127.255.0.1", true),
        ("::1", true), ("0:0:0:0:0:0:0:1", true), ("::ffff:127.0.0.1", true), ("0.0.0.0", false), ("::", false),
        ("128.0.0.1", false), ("::2", false), ("::ffff:10.0.0.1", false), ("localhost.example.com", false),
        ("127.0.0.1.example.com", false), ("", false),
    ])
    func loopback(_ host: String, _ expected: Bool) {
        #expect(HostName.isLoopback(host) == expected)
    }

    @Test(arguments: [
        ("prot", "port"), ("PORT", "port"), ("hots", "host"), ("eventLoops", "event_loops"), ("drian", "drain"),
        ("max_bodies", "max_body"), ("timeouts", nil), ("xyz", nil),
    ])
    func nearestName(_ written: String, _ expected: String?) {
        let names = ["host", "port", "event_loops", "drain", "max_body"]
        #expect(Spelling.nearest(to: written, among: names) == expected)
    }

    @Test(arguments: [("", "", 0), ("abc", "", 3), ("abc", "acb", 1), ("kitten", "sitting", 3), ("abcd", "badc", 2)])
    func distance(_ left: String, _ right: String, _ expected: Int) {
        #expect(Spelling.distance(Array(left), Array(right)) == expected)
    }
}
