import Relay
import Settings
import SimpleAICore

/// What has to happen for the runners of settings to become those of other settings: all that can fail is done before
/// anything is changed.
struct RunnerPlan: Sendable {
    /// A runner that is new or described differently.
    struct Place: Sendable {
        let runner: Settings.StaticRunner
        /// Where calls go: what it was, where nothing about the way has changed, so that connections are kept.
        let serving: Upstream
        /// For probes.
        let probing: Upstream
    }

    private(set) var placed: [Place] = []
    private(set) var removed: [RunnerID] = []
    /// Where no more calls go.
    private(set) var retired: [Upstream] = []

    /// - Throws: `GatewayStartError` for a runner that cannot be reached as it is described, by a certificate file that
    ///   cannot be read for example.
    init(from old: Settings, to new: Settings, _ upstreams: UpstreamDirectory) throws(GatewayStartError) {
        let before = Dictionary(old.runners.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        for runner in new.runners where before[runner.id] != runner {
            let known = upstreams[runner.id]
            if let known, before[runner.id].map({ Self.isReachedAlike($0, runner) }) ?? false {
                placed.append(Place(runner: runner, serving: known, probing: try Upstream(runner)))
            } else {
                placed.append(Place(runner: runner, serving: try Upstream(runner), probing: try Upstream(runner)))
                if let known, before[runner.id] != nil { retired.append(known) }
            }
        }
        let kept = Set(new.runners.map(\.id))
        for runner in old.runners where !kept.contains(runner.id) {
            removed.append(runner.id)
            if let upstream = upstreams[runner.id] { retired.append(upstream) }
        }
    }

    /// A certificate file may have another content under the same name, so it is never taken to be the same.
    private static func isReachedAlike(_ old: Settings.StaticRunner, _ new: Settings.StaticRunner) -> Bool {
        old.url == new.url && old.tls == new.tls && new.tls.caFile.isEmpty && old.apiKey == new.apiKey
            && old.headers == new.headers
            && old.streamUsage == new.streamUsage && old.endpoints == new.endpoints
    }
}
