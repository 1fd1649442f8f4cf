extension WakeOnLANTest {
    /// The second wake, which state left over from the first can break. One non-streaming call is enough: the first wake
    /// covers concurrent and streaming calls.
    func secondWake() async throws -> Finding {
        guard let putToSleep = options.putToSleep else { return .skip(needsOption: "--sleep-command") }
        let cold = try await coldStart()
        if let finding = cold.unprovenSleepFinding ?? cold.noResponseFinding { return finding }
        session.progress("putting the machine of \(target) to sleep again")
        try await putToSleep()
        let state = try await stateAfterSleepCommand()
        guard state.isAsleep else {
            return .inconclusive(
                "not decided: \(target) was \(state.rawValue) \(options.sleepTimeout.readable) after it was put to sleep"
            )
        }
        session.progress("\(target) is \(state.rawValue) again; one call sent")
        let caller = try await session.credential(for: target)
        let result = try await session.outcome(of: session.chatRequest(target, as: caller))
        switch result.completion {
        case .failure(let problem):
            return .fail(
                "the second wake: \(problem); the model list showed \(target) as \(state.rawValue)",
                result.evidence(expected: "200 and a complete response, as after the first sleep"))
        case .success(let completion):
            let took = result.exchange.map { " after \($0.duration.readable)" } ?? ""
            return .pass("\(target) was \(state.rawValue) again, and \(completion.model) answered\(took)")
        }
    }
}
