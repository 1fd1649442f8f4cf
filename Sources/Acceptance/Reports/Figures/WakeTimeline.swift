/// What happened while calls were held for a machine that slept. All times count from the moment they were sent.
struct WakeTimeline: Sendable, Hashable {
    enum Event: String, Sendable, Hashable, CaseIterable {
        case firstPacket, visible, firstHeader, firstToken, lastAnswer

        var title: String {
            switch self {
            case .firstPacket: "first magic packet"
            case .visible: "ready in the model list"
            case .firstHeader: "first header"
            case .firstToken: "first token"
            case .lastAnswer: "last answer complete"
            }
        }
    }

    struct Mark: Sendable, Hashable {
        let event: Event
        let after: Duration
    }

    /// A stretch of time in which every look at the model list showed the same state.
    struct Span: Sendable, Hashable {
        let state: String
        let from: Duration
        var to: Duration
    }

    let target: String
    let calls: Int
    let answered: Int
    /// In the order of ``Event``; what was not seen is left out.
    let marks: [Mark]
    let states: [Span]
    /// From the calls until the machine was up; nil when nothing woke.
    let wake: Duration?
    /// From visible to the first token, less what a warm call needs.
    let load: Duration?
    /// How often the model list was looked at: what is read from it is no more exact than that.
    let resolution: Duration

    /// The last moment of the figure.
    var end: Duration { max(marks.map(\.after).max() ?? .zero, states.last?.to ?? .zero) }
}

extension ColdStart {
    func timeline(load: Duration?, polledEvery resolution: Duration) -> WakeTimeline {
        let instants: [(WakeTimeline.Event, Instant?)] = [
            (.firstPacket, firstPacket), (.visible, visible), (.firstHeader, firstHead), (.firstToken, firstToken),
            (.lastAnswer, done),
        ]
        return WakeTimeline(
            target: target, calls: calls.count, answered: completed,
            marks: instants.compactMap { event, at in at.map { .init(event: event, after: max(.zero, $0 - sent)) } },
            states: states, wake: wakeTime, load: load, resolution: resolution)
    }

    private var states: [WakeTimeline.Span] {
        var spans = [WakeTimeline.Span(state: before.rawValue, from: .zero, to: .zero)]
        for poll in polls where poll.at > sent {
            let at = poll.at - sent
            spans[spans.count - 1].to = at
            let state = poll.state?.rawValue ?? "unknown"
            if spans[spans.count - 1].state != state { spans.append(.init(state: state, from: at, to: at)) }
        }
        return spans
    }
}
