import SimpleAICore
import Testing

@testable import Scheduling

/// Each event of a runner's loads in each state: idle, clearing, unloading, loading, backing off.
@Suite struct LoadMachineTests {
    private static let start = ContinuousClock.now
    private static func at(_ second: Int) -> ContinuousClock.Instant { start.advanced(by: .seconds(second)) }

    private static func model(_ id: EngineModelID, _ isLoaded: Bool) -> RunnerReport.Model {
        .init(engineID: id, isLoaded: isLoaded, size: ByteCount(bytes: 10))
    }

    /// `old` is in memory, `new` is not; both fit only if `memory` is at least 20.
    private func machine(memory: Int?) -> LoadMachine {
        var machine = LoadMachine()
        let report = RunnerReport(
            models: [Self.model("old", true), Self.model("new", false)],
            memoryLimit: memory.map { ByteCount(bytes: $0) })
        #expect(machine.statusReported(report) == true)
        #expect(machine.statusReported(report) == false, "the same again")
        return machine
    }

    private struct Started {
        var machine: LoadMachine
        var requests = RequestSequence()
        var load: LoadState
        var command: LoadMachine.Command?

        /// The number of the latest command.
        var request: CommandID? {
            switch command {
            case .load(_, let request), .unload(_, let request): request
            case nil: nil
            }
        }
    }

    private func started(memory: Int?, callsOnOld: Int = 0) -> Started {
        var (machine, requests) = (machine(memory: memory), RequestSequence())
        for call in 0..<callsOnOld { machine.callBegan(on: "old", number: UInt64(call)) }
        let (load, command) = machine.requested("new", timeout: .seconds(60), &requests, now: Self.at(0))
        return Started(machine: machine, requests: requests, load: load, command: command)
    }

    @Test func anIdleMachineServesWhatIsInMemory() {
        let machine = machine(memory: nil)
        #expect(machine.canServeNow("old") && !machine.canServeNow("new"))
        #expect(machine.mayLoad("new", now: Self.at(0)) && !machine.mayLoad("old", now: Self.at(0)))
    }

    @Test func aModelThatFitsIsLoadedImmediately() throws {
        var started = started(memory: 20, callsOnOld: 1)
        let request = try #require(started.request)
        #expect(started.command == .load("new", request))
        #expect(request != started.load.id && started.machine.canServeNow("old"))
        #expect(
            started.machine.commandCompleted(request, succeeded: true, retryAt: Self.at(9), &started.requests)
                == .loaded)
        #expect(started.machine.canServeNow("new") && started.machine.current == nil)
        #expect(started.machine.notBefore.isEmpty)
    }

    @Test func aModelInTheWayIsUnloadedAfterItsLastCall() throws {
        var started = started(memory: 10, callsOnOld: 2)
        #expect(started.command == nil && !started.machine.canServeNow("old"), "blocked: it gets no new calls")
        #expect(started.machine.callEnded(on: "old", &started.requests) == nil)
        started.command = started.machine.callEnded(on: "old", &started.requests)
        let unload = try #require(started.request)
        #expect(started.command == .unload("old", unload))
        let completion = started.machine.commandCompleted(
            unload, succeeded: true, retryAt: Self.at(9), &started.requests)
        guard case .unloaded(let next) = completion, case .load("new", let load) = next else {
            Issue.record("\(completion)")
            return
        }
        #expect(!started.machine.residency.loaded.contains("old"))
        #expect(
            started.machine.commandCompleted(load, succeeded: true, retryAt: Self.at(9), &started.requests) == .loaded)
    }

    /// Without sizes the engine decides what to unload, so no call may be in progress; no command unloads anything.
    @Test func anEngineThatUnloadsItselfIsWaitedFor() throws {
        var started = started(memory: nil, callsOnOld: 1)
        #expect(started.command == nil)
        started.command = started.machine.callEnded(on: "old", &started.requests)
        #expect(started.command == .load("new", try #require(started.request)))
    }

    @Test(arguments: [10, 20]) func aFailedCommandEndsTheLoadAndTheModelBacksOff(memory: Int) throws {
        var started = started(memory: memory)
        let request = try #require(started.request)
        let load = try #require(started.machine.current)
        #expect(
            started.machine.commandCompleted(request, succeeded: false, retryAt: Self.at(30), &started.requests)
                == .failed(load))
        #expect(started.machine.current == nil && started.machine.canServeNow("old"))
        #expect(!started.machine.mayLoad("new", now: Self.at(29)) && started.machine.mayLoad("new", now: Self.at(30)))
    }

    @Test func resultsOfOtherCommandsAreIgnored() throws {
        var idle = machine(memory: 20)
        var requests = RequestSequence()
        let old = requests.next()
        #expect(idle.commandCompleted(old, succeeded: true, retryAt: Self.at(9), &requests) == .ignored)
        for (memory, calls) in [(20, 0), (10, 0), (10, 1)] {
            var started = started(memory: memory, callsOnOld: calls)
            let before = started.machine
            for succeeded in [true, false] {
                #expect(
                    started.machine.commandCompleted(
                        started.load.id, succeeded: succeeded, retryAt: Self.at(9), &started.requests) == .ignored)
            }
            #expect(started.machine == before)
        }
    }

    @Test func aReportThatListsTheModelEndsTheLoad() throws {
        var started = started(memory: 20)
        #expect(started.machine.statusApplied() == false)
        #expect(started.machine.statusReported(RunnerReport(models: [Self.model("new", true)])) == true)
        #expect(started.machine.statusApplied() && started.machine.current == nil)
        #expect(started.machine.statusApplied() == false)
        // A load that still waits for calls was not the reason.
        var clearing = self.started(memory: 10, callsOnOld: 1)
        let report = RunnerReport(models: [Self.model("new", true), Self.model("old", true)])
        #expect(clearing.machine.statusReported(report) == true)
        #expect(clearing.machine.statusApplied() == false && clearing.machine.current != nil)
    }

    @Test(arguments: [0, 1]) func aLoadTimesOutInAnyStage(calls: Int) {
        var started = started(memory: 10, callsOnOld: calls)
        #expect(started.machine.timePassed(retryAt: Self.at(99), now: Self.at(59)) == nil)
        #expect(started.machine.timePassed(retryAt: Self.at(99), now: Self.at(60))?.id == started.load.id)
        #expect(started.machine.current == nil && !started.machine.mayLoad("new", now: Self.at(98)))
        #expect(started.machine.timePassed(retryAt: Self.at(99), now: Self.at(99)) == nil)
    }

    @Test func aSuccessfulLoadForgetsEarlierFailures() throws {
        var started = started(memory: 20)
        _ = started.machine.timePassed(retryAt: Self.at(99), now: Self.at(60))
        let (_, command) = started.machine.requested("new", timeout: .seconds(9), &started.requests, now: Self.at(99))
        started.command = command
        let request = try #require(started.request)
        _ = started.machine.commandCompleted(request, succeeded: true, retryAt: Self.at(200), &started.requests)
        #expect(started.machine.notBefore.isEmpty)
    }

    @Test func aNewConnectionEndsTheLoadWithoutBackOff() throws {
        var started = started(memory: 10)
        started.machine.connectionChanged()
        #expect(started.machine.current == nil && started.machine.canServeNow("old"))
        #expect(started.machine.mayLoad("new", now: Self.at(0)))
        let request = try #require(started.request)
        #expect(
            started.machine.commandCompleted(request, succeeded: true, retryAt: Self.at(9), &started.requests)
                == .ignored)
    }

    /// In any order of events: no command unloads or restarts a model with a call in progress, command numbers are
    /// new, and a blocked model serves nothing.
    @Test(arguments: 0..<20) func invariantsHoldInAnyOrderOfEvents(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var (machine, requests) = (LoadMachine(), RequestSequence())
        let models: [EngineModelID] = ["a", "b", "c", "d"]
        var calls: [EngineModelID] = []
        var last: CommandID?
        var (second, pick, loads) = (0, UInt64(0), 0)
        func check(_ command: LoadMachine.Command?) {
            switch command {
            case nil: return
            case .unload(let model, let request):
                #expect(!calls.contains(model) && request.number > last?.number ?? 0)
                last = request
            case .load(let model, let request):
                loads += 1
                let blocked = machine.current?.blockedModels ?? []
                #expect(machine.current?.engineModel == model && !calls.contains(where: blocked.contains))
                #expect(request.number > last?.number ?? 0)
                last = request
            }
        }
        for _ in 0..<600 {
            second += Int.random(in: 0..<5, using: &random)
            let (now, model) = (Self.at(second), models.randomElement(using: &random) ?? "a")
            switch Int.random(in: 0..<8, using: &random) {
            case 0:
                let known = models.map { Self.model($0, .random(using: &random)) }
                let limit = [nil, 15, 25, 40].randomElement(using: &random) ?? nil
                _ = machine.statusReported(
                    RunnerReport(models: known, memoryLimit: limit.map { ByteCount(bytes: $0) }))
                _ = machine.statusApplied()
            case 1, 2:
                if machine.current == nil, machine.mayLoad(model, now: now) {
                    check(machine.requested(model, timeout: .seconds(60), &requests, now: now).command)
                }
            case 3 where machine.canServeNow(model):
                pick += 1
                machine.callBegan(on: model, number: pick)
                calls.append(model)
            case 4 where !calls.isEmpty:
                check(machine.callEnded(on: calls.removeLast(), &requests))
            case 5:
                guard let last else { continue }
                let succeeded = Int.random(in: 0..<5, using: &random) > 0
                let completion = machine.commandCompleted(
                    last, succeeded: succeeded, retryAt: now.advanced(by: .seconds(9)), &requests)
                if case .unloaded(let next) = completion { check(next) }
            case 6: if let load = machine.timePassed(retryAt: now, now: now) { #expect(load.deadline <= now) }
            case 7 where Int.random(in: 0..<9, using: &random) == 0: machine.connectionChanged()
            default: break
            }
            for blocked in machine.current?.blockedModels ?? [] { #expect(!machine.canServeNow(blocked)) }
        }
        #expect(loads > 5)
    }
}
