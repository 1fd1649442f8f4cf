import Testing

@testable import SimpleAICore

/// A metric that was renamed keeps its former series for one release.
@Suite struct RenamedMetricTests {
    @Test func formerSeriesRepeatsEverySampleWithItsFormerLabels() {
        var page = ExpositionPage()
        page.metric("simpleai_limit_rejections_total", .counter, "Total number of rejections, by limit.") {
            $0.sample(["limit": "memory"], 3)
            $0.sample(["limit": "streams"], 0)
        }
        #expect(
            page.text == """
                # HELP simpleai_limit_rejections_total Total number of rejections, by limit.
                # TYPE simpleai_limit_rejections_total counter
                simpleai_limit_rejections_total{limit="memory"} 3
                simpleai_limit_rejections_total{limit="streams"} 0
                # HELP simpleai_share_refusals_total Deprecated: renamed to simpleai_limit_rejections_total; removed in the next release.
                # TYPE simpleai_share_refusals_total counter
                simpleai_share_refusals_total{bound="memory"} 3
                simpleai_share_refusals_total{bound="streams"} 0

                """)
    }

    @Test func formerHistogramHasTheSameBuckets() {
        var page = ExpositionPage()
        page.histograms("simpleai_call_duration_seconds", "Call duration.", ["fast": Histogram(bounds: [1])])
        #expect(page.text.contains("# HELP simpleai_call_seconds Deprecated: renamed to simpleai_call_duration"))
    }

    @Test func metricsThatWereNotRenamedAppearOnce() {
        var page = ExpositionPage()
        page.metric("simpleai_calls_open", .gauge, "Number of inference calls in flight.") { $0.sample([:], 1) }
        #expect(
            page.text
                == "# HELP simpleai_calls_open Number of inference calls in flight.\n"
                + "# TYPE simpleai_calls_open gauge\nsimpleai_calls_open 1\n")
    }
}
