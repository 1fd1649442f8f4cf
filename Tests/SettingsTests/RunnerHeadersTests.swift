import Foundation
import Settings
import SimpleAICore
import TestSupport
import Testing

/// `runners[].headers` and the addresses of machines with several network cards.
struct RunnerHeadersTests {
    private func runner(_ keys: String) throws -> Settings.StaticRunner {
        try #require(try settings("runners: [{url: 'http://a', \(keys)}]").runners.first)
    }

    @Test func headersAreReadAsTheyAreWritten() throws {
        try inTemporaryDirectory { directory in
            let file = try directory.write("secret", Data("from a file\n".utf8))
            let read = try runner("headers: {Authorization: 'Basic Zm9v', X-Team_file: '\(file)'}").headers
            #expect(read.map(\.name) == ["Authorization", "X-Team"])
            #expect(read.map(\.value) == ["Basic Zm9v", "from a file"])
            #expect(!"\(read)".contains("Zm9v"), "a description shows a secret")
        }
    }

    @Test(arguments: [
        ("Host", "s3cret"), ("content-LENGTH", "s3cret"), ("Transfer-Encoding", "s3cret"), ("Connection", "s3cret"),
        ("X-SimpleAI-Model", "s3cret"), ("X-Request-Id", "s3cret"), ("Content-Type", "s3cret"), ("\"a b\"", "s3cret"),
        ("X-Key", "\"s3cret\\r\\nX: y\""), ("X-Key", "\"s3cret \""), ("X-Key", "s3cret\u{e9}"), ("X-Key", "\"\""),
    ])
    func invalidHeadersAreRefusedWithoutQuotingTheirValue(_ name: String, _ value: String) {
        let found = problems(minimal + "runners: [{url: 'http://a', headers: {\(name): \(value)}}]")
        #expect(found.count == 1 && found.first?.contains("runners[0].headers.") == true, "\(found)")
        #expect(found.first?.contains("s3cret") == false, "\(found)")
    }

    @Test func aRepeatedHeaderIsAProblem() {
        for keys in ["headers: {X-A: b, x-a: c}", "api_key: k, headers: {authorization: c}"] {
            #expect(problems(minimal + "runners: [{url: 'http://a', \(keys)}]").count == 1)
        }
    }

    @Test func severalNetworkCards() throws {
        let macs = try runner("wake: {mac: ['02:00:00:00:03:01', 02-00-00-00-03-02]}").wake?.macs
        #expect(macs?.map(\.description) == ["02:00:00:00:03:01", "02:00:00:00:03:02"])
        for (keys, part) in [
            ("mac: ['02:00:00:00:03:01', '02:00:00:00:03:01']", "twice"), ("mac: []", "required"),
            ("mac: ['02:00:00:00:03:01', x]", "not a MAC address"), ("port: 9", "required"),
        ] {
            let found = problems(minimal + "runners: [{url: 'http://a', wake: {\(keys)}}]")
            #expect(found.count == 1 && found.first?.contains(part) == true, "\(found)")
        }
    }
}
