import RunnerProtocol
import Testing

@testable import RunnerAgent

/// The status of an engine that does not respond, or responds incorrectly.
@Suite struct EngineWatchTests {
    private static let well = EngineStatus(engineType: "openai", isHealthy: true, loadedModels: ["m"])

    private func watch(_ results: [Result<EngineStatus, EngineFault>], callCount: Int = 0) -> EngineWatch {
        results.reduce(into: EngineWatch()) { $0.inspected($1, type: "openai", callCount: callCount) }
    }

    /// A single-threaded engine that computes responds to no other request.
    @Test func aBusyEngineIsNotUnhealthy() {
        let silence = Array(repeating: Result<EngineStatus, EngineFault>.failure(.timeout), count: 50)
        let busy = watch([.success(Self.well)] + silence, callCount: 1)
        #expect(busy.status == Self.well)
    }

    @Test func anIdleEngineIsUnhealthyAfterThreeTimeouts() {
        let silence = Array(repeating: Result<EngineStatus, EngineFault>.failure(.timeout), count: 3)
        #expect(watch([.success(Self.well)] + silence.dropFirst()).status?.isHealthy == true)
        #expect(watch([.success(Self.well)] + silence).status?.isHealthy == false)
        let interrupted = silence.dropFirst() + [.success(Self.well)] + silence.dropFirst()
        #expect(watch([.success(Self.well)] + interrupted).status?.isHealthy == true)
        // An engine that has never responded is not known to be healthy.
        #expect(watch([.failure(.timeout)]).status?.isHealthy == false)
    }

    @Test func anUnreachableEngineIsUnhealthyImmediately() {
        let refused = EngineFault.unreachable("refused")
        let watch = watch([.success(Self.well), .failure(refused)], callCount: 1)
        #expect(watch.status?.isHealthy == false && !watch.isLoading)
        #expect(watch.status?.error == refused.description)
    }

    /// An engine that is working on calls may answer one inspection with an error.
    @Test(arguments: [EngineFault.errorStatus(429, "busy"), .errorStatus(503, "busy"), .unexpectedResponse])
    func oneFailureDuringCallsIsNotEnough(_ fault: EngineFault) {
        let failure = Result<EngineStatus, EngineFault>.failure(fault)
        #expect(watch([.success(Self.well), failure], callCount: 1).status == Self.well)
        #expect(watch([.success(Self.well), failure, .success(Self.well), failure], callCount: 1).status == Self.well)
        #expect(watch([.success(Self.well), .failure(.timeout), failure], callCount: 1).status == Self.well)
        for between in [[], [Result<EngineStatus, EngineFault>.failure(.timeout)]] {
            let twice = watch([.success(Self.well), failure] + between + [failure], callCount: 1)
            #expect(twice.status?.isHealthy == false && twice.status?.error == fault.description)
        }
        // Without calls nothing contradicts the failure.
        #expect(watch([.success(Self.well), failure]).status?.isHealthy == false)
    }

    @Test func reportsALoadingEngine() {
        let loading = watch([.success(Self.well), .failure(.errorStatus(503, "Loading model"))])
        #expect(loading.isLoading && loading.status?.isHealthy == false)
        let ready = watch([.failure(.errorStatus(503, "Loading model")), .success(Self.well)])
        #expect(!ready.isLoading && ready.status == Self.well)
    }
}
