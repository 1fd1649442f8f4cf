import Testing

@testable import SimpleAICore

@Suite struct ExpositionPageTests {
    @Test func labelsAreEscaped() {
        var page = ExpositionPage()
        page.metric("name", .gauge, "Help.") { $0.sample(["a": "q\"b\\s\nn\r\nrn", "b": "é{}"], 1) }
        #expect(
            page.text
                == "# HELP name Help.\n# TYPE name gauge\nname{a=\"q\\\"b\\\\s\\nn\u{FFFD}\\nrn\",b=\"é{}\"} 1\n")
    }

    @Test func aMetricWithoutSamplesIsStillDescribed() {
        var page = ExpositionPage()
        page.metric("name", .counter, "Help.") { _ in }
        #expect(page.text == "# HELP name Help.\n# TYPE name counter\n")
    }
}
