import SimpleAICore
import Testing

@testable import Authentication

@Suite struct IssuerMetricsTests {
    /// An issuer may occur twice in the settings, with keys in two places, but is one series on the page.
    @Test func anIssuerWithSeveralPlacesOfKeysIsOneSeries() {
        let merged = IssuerGauge.merged([
            .init(issuer: "a", keys: 2, age: .seconds(5), failures: 1),
            .init(issuer: "b", keys: 1, age: nil, failures: 0),
            .init(issuer: "a", keys: 3, age: .seconds(9), failures: 2),
            .init(issuer: "b", keys: 0, age: nil, failures: 4),
            .init(issuer: "a", keys: 0, age: nil, failures: 0),
        ])
        #expect(
            merged == [
                .init(issuer: "a", keys: 5, age: .seconds(9), failures: 3),
                .init(issuer: "b", keys: 1, age: nil, failures: 4),
            ])
    }

    @Test func anIssuerWithoutKeysHasNoAge() {
        var page = ExpositionPage()
        IssuerGauge.write(
            [
                .init(issuer: "https://issuer", keys: 2, age: .milliseconds(3_900), failures: 5),
                .init(issuer: "https://down", keys: 0, age: nil, failures: 7),
            ], to: &page)
        let lines = page.text.split(separator: "\n")
        #expect(lines.contains("simpleai_issuer_keys{issuer=\"https://issuer\"} 2"))
        #expect(lines.contains("simpleai_issuer_keys_age_seconds{issuer=\"https://issuer\"} 3"))
        #expect(lines.contains("simpleai_issuer_key_fetch_failures_total{issuer=\"https://issuer\"} 5"))
        #expect(lines.contains("simpleai_issuer_keys{issuer=\"https://down\"} 0"))
        #expect(!lines.contains { $0.hasPrefix("simpleai_issuer_keys_age_seconds{issuer=\"https://down\"}") })
        #expect(lines.contains("simpleai_issuer_key_fetch_failures_total{issuer=\"https://down\"} 7"))
    }
}
