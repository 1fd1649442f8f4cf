package import Relay
package import Settings
package import SimpleAICore

/// The changes from one list of static runners to another. Everything that can fail is done here, before any change is
/// applied.
package struct RunnerPlan: Sendable {
    /// A new or changed runner.
    package struct Change: Sendable {
        package let runner: Settings.StaticRunner
        /// The upstream for calls: the previous one if its address and settings are unchanged, so that connections are
        /// kept.
        package let callUpstream: Upstream
        /// The upstream for probes.
        package let probeUpstream: Upstream
    }

    package private(set) var changed: [Change] = []
    package private(set) var removed: [RunnerID] = []
    /// Upstreams that get no more calls.
    package private(set) var retired: [Upstream] = []

    /// - Throws: `GatewayStartError` for a runner whose settings cannot be used, for example because of an unreadable
    ///   certificate file.
    package init(from old: Settings, to new: Settings, _ upstreams: UpstreamDirectory) throws(GatewayStartError) {
        let before = Dictionary(old.runners.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        for runner in new.runners where before[runner.id] != runner {
            let known = upstreams[runner.id]
            if let known, before[runner.id].map({ Self.hasSameUpstream($0, runner) }) ?? false {
                changed.append(Change(runner: runner, callUpstream: known, probeUpstream: try Upstream(runner)))
            } else {
                changed.append(
                    Change(runner: runner, callUpstream: try Upstream(runner), probeUpstream: try Upstream(runner)))
                if let known, before[runner.id] != nil { retired.append(known) }
            }
        }
        let newIDs = Set(new.runners.map(\.id))
        for runner in old.runners where !newIDs.contains(runner.id) {
            removed.append(runner.id)
            if let upstream = upstreams[runner.id] { retired.append(upstream) }
        }
    }

    /// Whether both settings lead to the same upstream. A certificate file may have changed under the same name, so it
    /// never counts as unchanged.
    private static func hasSameUpstream(_ old: Settings.StaticRunner, _ new: Settings.StaticRunner) -> Bool {
        old.url == new.url && old.tls == new.tls && new.tls.caFile.isEmpty && old.apiKey == new.apiKey
            && old.headers == new.headers
            && old.streamUsage == new.streamUsage && old.endpoints == new.endpoints && old.messages == new.messages
    }
}
