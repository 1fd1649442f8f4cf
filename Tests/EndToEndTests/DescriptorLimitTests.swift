import Foundation
import Testing

/// A thousand idle connections and 200 streams, at the limits of open files that login shells and service managers set.
@Suite struct DescriptorLimitTests {
    private static let hardLimit: UInt64 = {
        var limit = rlimit()
        #if canImport(Darwin)
        getrlimit(RLIMIT_NOFILE, &limit)
        #else
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        #endif
        return UInt64(limit.rlim_max)
    }()

    @Test(
        .enabled(if: Crowd.isPossible, Crowd.missing),
        .enabled(if: hardLimit >= 4096, "the hard limit of open files is below 4,096"))
    func `the gateway raises a soft limit of 1024 and states it`() async throws {
        try await Crowd.with({ _ in #"ulimit -Sn 1024 && ulimit -Hn 4096 && exec "$0" "$@""# }) { crowd in
            let raised = try await crowd.gateway.line("the limit", on: .errors) {
                $0.contains("Descriptor limit raised")
            }
            #expect(raised.contains(" from=1024 to=4096 "), "\(raised)")
            let seen = try await crowd.clients("--idle", "1000", "--streams", "200")
            #expect(seen.complete == 200, "\(seen.failures)")
            #expect(seen.idle == 1000)
        }
    }

    /// What is above the budget is refused or evicted where it belongs: at the listening socket.
    @Test(.enabled(if: Crowd.isPossible, Crowd.missing))
    func `a hard limit of 1024 costs idle connections and no stream`() async throws {
        try await Crowd.with({ _ in #"ulimit -n 1024 && exec "$0" "$@""# }) { crowd in
            let seen = try await crowd.clients("--idle", "1000", "--streams", "200")
            #expect(seen.complete == 200, "\(seen.failures)")
            #expect(seen.idle < 640, "two thirds of the limit belong to clients")
            #expect(try await crowd.metric("simpleai_connections_open") <= 640)
            crowd.gateway.terminate()
            let run = try await crowd.gateway.ended(within: .seconds(60))
            for message in ["Descriptor limit raised", "Accepting connections paused", "Upstream connection failed"] {
                #expect(!run.errors.contains(message), "\(run.errors)")
            }
        }
    }
}
