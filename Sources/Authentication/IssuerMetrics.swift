package import SimpleAICore

extension JWTVerifier: MetricSource {
    package func write(to page: inout ExpositionPage) {
        IssuerGauge.write(
            issuerStates.map {
                IssuerGauge(issuer: $0.issuer, keys: $0.keyCount, age: $0.age, failures: $0.failures)
            }, to: &page)
    }
}

/// Number of an issuer's keys in service, and the state of their refresh.
struct IssuerGauge: Hashable, Sendable {
    let issuer: String
    var keys: Int
    /// Time since the last successful fetch; nil before the first.
    var age: Duration?
    var failures: Int

    /// - Parameter gauges: one per key source.
    static func write(_ gauges: [IssuerGauge], to page: inout ExpositionPage) {
        let issuers = merged(gauges)
        page.metric("simpleai_issuer_keys", .gauge, "Number of usable signing keys, by token issuer.") {
            for issuer in issuers { $0.sample(["issuer": issuer.issuer], issuer.keys) }
        }
        page.metric(
            "simpleai_issuer_keys_age_seconds", .gauge,
            "Time since the last successful key fetch, by token issuer."
        ) {
            for issuer in issuers {
                if let age = issuer.age { $0.sample(["issuer": issuer.issuer], Int(age.components.seconds)) }
            }
        }
        page.metric(
            "simpleai_issuer_key_fetch_failures_total", .counter, "Total number of failed key fetches, by token issuer."
        ) {
            for issuer in issuers { $0.sample(["issuer": issuer.issuer], issuer.failures) }
        }
    }

    /// Merges gauges to one per issuer, because a page must not repeat a series: an issuer whose keys come
    /// from several places gets the sum of their keys and failures, and the age of the oldest.
    static func merged(_ gauges: [IssuerGauge]) -> [IssuerGauge] {
        var merged: [IssuerGauge] = []
        for gauge in gauges {
            guard let position = merged.firstIndex(where: { $0.issuer.isExactly(gauge.issuer) }) else {
                merged.append(gauge)
                continue
            }
            merged[position].keys += gauge.keys
            merged[position].failures += gauge.failures
            merged[position].age = [merged[position].age, gauge.age].compactMap(\.self).max()
        }
        return merged
    }
}
