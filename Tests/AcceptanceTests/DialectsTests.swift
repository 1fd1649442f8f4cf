import StandIn
import Synchronization
import Testing

@testable import Acceptance

/// Correct deployments, and those that have only some of the endpoints.
struct DialectsTests {
    @Test(arguments: [true, false]) func `a deployment with every endpoint passes`(listsCapabilities: Bool) async throws
    {
        let report = try await Bench(StandInVariant(servesDialects: true, listsCapabilities: listsCapabilities))
            .run([.dialects])
        #expect(report.ids(.fail).union(report.ids(.inconclusive)) == [], "\(report.outline)")
        #expect(report.ids(.skip) == [], "\(report.outline)")
        #expect(report.conclusion == .passed)
    }

    @Test func `a deployment without these endpoints is not blamed`() async throws {
        let report = try await Bench(.forbidden).run([.dialects])
        #expect(report.ids(.skip).count == TestName.dialects.checks.count, "\(report.outline)")
        let summary = report["dialects.messages.answered"]?.summary
        #expect(summary == "the deployment does not serve POST /v1/messages (status 404)")
        // As for every test: a run in which no check passed does not pass.
        #expect(report.conclusion == .notDecided)
    }

    /// The path exists, and no listed model can serve it.
    @Test func `an endpoint without a model is skipped`() async throws {
        let deployment = StandInVariant(servesDialects: true, listsCapabilities: false, speaks: false)
        let report = try await Bench(deployment).run([.dialects])
        #expect(report.ids(.fail) == [], "\(report.outline)")
        let summary = report["dialects.speech.answered"]?.summary
        #expect(summary == "sim-small does not serve POST /v1/audio/speech (status 501); set --endpoint speech=MODEL")
        #expect(report["dialects.embeddings.answered"]?.verdict == .pass)
    }

    @Test func `with the other tests, missing endpoints do not change the outcome`() async throws {
        let report = try await Bench(.forbidden).run([.authentication, .dialects])
        #expect(report.conclusion == .passed, "\(report.outline)")
    }

    @Test func `an endpoint that the operator names must work`() async throws {
        var bench = Bench(.forbidden)
        bench.options.dialects.endpoints = [.messages: nil, .embeddings: "sim-small"]
        let report = try await bench.run([.dialects])
        #expect(report["dialects.messages.answered"]?.verdict == .fail, "\(report.outline)")
        #expect(report["dialects.embeddings.answered"]?.verdict == .fail)
        #expect(report["dialects.rerank.answered"]?.summary == "--endpoint does not name rerank")
    }

    @Test func `an endpoint that the model list states must work`() async throws {
        let report = try await Bench(StandInVariant(servesDialects: true), defect: .dialectCallsFail).run([.dialects])
        #expect(report["dialects.speech.answered"]?.verdict == .fail)
        #expect(report["dialects.speech.errors"]?.verdict == .pass, "\(report.outline)")
        let model = report["dialects.speech.model"]
        #expect(model?.verdict == .inconclusive)
        #expect(model?.summary.hasSuffix("see dialects.speech.answered") == true)
    }

    @Test func `without roles and credentials, rights are skipped`() async throws {
        var bench = Bench(StandInVariant(requiresCredentials: false, servesDialects: true))
        bench.tokens = .withoutCredentials()
        let report = try await bench.run([.dialects])
        #expect(report.ids(.fail) == [], "\(report.outline)")
        #expect(report["dialects.messages.rights"]?.summary.contains("--no-auth") == true)
        #expect(report["dialects.messages.api-key"]?.verdict == .skip)
        #expect(report["dialects.messages.errors"]?.summary == "unknown model 404, wrong type 400, GET 405")
    }

    @Test func `one token without rights skips what it may not use`() async throws {
        var bench = Bench(.dialects)
        bench.tokens = try .fixed(StandInTokens.mint(role: nil))
        let report = try await bench.run([.dialects])
        #expect(report.ids(.fail) == [], "\(report.outline)")
        #expect(report["dialects.messages.answered"]?.verdict == .pass)
        #expect(report["dialects.embeddings.answered"]?.summary == "the provided token may not use sim-embed")
    }

    @Test func `a machine that is up gives no evidence of waiting`() async throws {
        let report = try await Bench(StandInVariant(bigSleeps: false, servesDialects: true)).run([.dialects])
        #expect(report.ids(.fail) == [], "\(report.outline)")
        for id in ["dialects.messages.waiting", "dialects.count-tokens.no-wake"] {
            #expect(report[id]?.verdict == .skip)
            #expect(report[id]?.summary.contains("--sleep-command") == true)
        }
    }

    @Test func `a sleep command makes waiting provable`() async throws {
        var bench = Bench(StandInVariant(bigSleeps: false, servesDialects: true))
        bench.options.wakeOnLAN.putToSleep = { [deployment = bench.deployment] in deployment.putToSleep() }
        let report = try await bench.run([.dialects])
        #expect(report["dialects.messages.waiting"]?.verdict == .pass, "\(report.outline)")
        #expect(report["dialects.count-tokens.no-wake"]?.verdict == .pass)
    }

    @Test func `an endless supply of slots is not a failure`() async throws {
        var bench = Bench(.dialects)
        bench.options.dialects.maxStreams = 2
        bench.options.only = ["dialects.messages.cancel"]
        let report = try await bench.run([.dialects])
        #expect(report["dialects.messages.cancel"]?.verdict == .skip, "\(report.outline)")
        #expect(report["dialects.messages.cancel"]?.summary.hasPrefix("2 concurrent streams did not fill") == true)
    }

    /// Models of other kinds cannot serve the chat completions of the other tests.
    @Test func `the other tests request only models of text`() async throws {
        let bench = Bench(.dialects)
        let report = try await bench.run([.modelRouting, .authentication])
        #expect(report.ids(.fail) == [], "\(report.outline)")
        let asked = Set(bench.deployment.state.withLock { $0.asked }.map(\.model))
        #expect(asked.isDisjoint(with: ["sim-embed", "sim-rank", "sim-voice", "sim-listen", "sim-paint"]))
    }
}
