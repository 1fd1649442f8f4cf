/// The figures of a report as JSON; times are in seconds, shares between 0 and 1.
enum JSONFigures {
    struct Wake: Encodable {
        struct Mark: Encodable {
            let event: String
            let seconds: Double
        }

        struct State: Encodable {
            let state: String
            let from: Double
            let to: Double
        }

        let target: String
        let calls: Int
        let answered: Int
        let wakeSeconds: Double?
        let loadSeconds: Double?
        let resolutionSeconds: Double
        let marks: [Mark]
        let states: [State]

        init(_ wake: WakeTimeline) {
            target = wake.target
            calls = wake.calls
            answered = wake.answered
            wakeSeconds = wake.wake?.inRoundSeconds
            loadSeconds = wake.load?.inRoundSeconds
            resolutionSeconds = wake.resolution.inRoundSeconds
            marks = wake.marks.map { Mark(event: $0.event.rawValue, seconds: $0.after.inRoundSeconds) }
            states = wake.states.map {
                State(state: $0.state, from: $0.from.inRoundSeconds, to: $0.to.inRoundSeconds)
            }
        }
    }

    struct Shares: Encodable {
        struct Runner: Encodable {
            let name: String
            let calls: Int
            let share: Double
            let lower: Double
            let upper: Double
        }

        let calls: Int
        let runnersReady: Int
        let equalShare: Double
        let runners: [Runner]

        init(_ shares: RunnerShares) {
            calls = shares.calls
            runnersReady = shares.ready
            equalShare = shares.equalShare.rounded(toDigits: 4)
            runners = shares.runners.map {
                Runner(
                    name: $0.name, calls: $0.calls, share: $0.share.rounded(toDigits: 4),
                    lower: $0.interval.lowerBound.rounded(toDigits: 4),
                    upper: $0.interval.upperBound.rounded(toDigits: 4))
            }
        }
    }

    struct Permission: Encodable {
        let check: String
        let caller: String
        let resource: String
        let expected: String
        let verdict: String
        let status: Int?

        init(_ cell: PermissionGrid.Cell) {
            check = cell.check
            caller = cell.caller
            resource = cell.resource
            expected = cell.expectation.rawValue
            verdict = cell.verdict.rawValue
            status = cell.status
        }
    }
}

extension Double {
    fileprivate func rounded(toDigits digits: Int) -> Double {
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        return (self * scale).rounded() / scale
    }
}
