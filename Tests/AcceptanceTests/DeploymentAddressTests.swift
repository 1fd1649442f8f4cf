import Testing

@testable import Acceptance

struct DeploymentAddressTests {
    @Test(arguments: [
        ("https://ai.example.com", "https://ai.example.com"), ("https://ai.example.com/v1", "https://ai.example.com"),
        ("https://ai.example.com/v1/", "https://ai.example.com"), ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ("https://Host:443/api/v1", "https://host/api"), ("http://[::1]:8080", "http://[::1]:8080"),
    ]) func urlsAreRead(text: String, meaning: String) throws {
        #expect(try DeploymentAddress(text).description == meaning)
    }

    @Test(arguments: [
        "", "ai.example.com", "ftp://x", "https://", "https://user:secret@x", "https://x?q=1", "http://x:0",
    ]) func nonsenseIsRefused(text: String) {
        #expect(throws: DeploymentAddressError.self) { try DeploymentAddress(text) }
    }

    @Test(arguments: [
        ("https://x.example.com", DeploymentAddress.Exposure.none), ("http://127.0.0.1:1", .none),
        ("http://localhost", .none),
        ("http://[::1]", .none), ("http://10.1.2.3", .localNetwork), ("http://192.168.1.1", .localNetwork),
        ("http://172.20.0.1", .localNetwork), ("http://172.32.0.1", .internet), ("http://box.local", .localNetwork),
        ("http://box.lan", .localNetwork), ("http://gateway", .localNetwork), ("http://8.8.8.8", .internet),
        ("http://ai.example.com", .internet), ("http://[2001:db8::1]", .internet), ("http://[fd00::1]", .localNetwork),
    ]) func plainHTTPIsJudgedByItsReach(text: String, exposure: DeploymentAddress.Exposure) throws {
        #expect(try DeploymentAddress(text).exposure == exposure)
    }
}
