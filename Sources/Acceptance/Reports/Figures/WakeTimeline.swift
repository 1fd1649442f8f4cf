/// The events while calls waited for a sleeping machine. All times count from when the calls were sent.
struct WakeTimeline: Sendable, Hashable {
    enum Event: String, Sendable, Hashable, CaseIterable {
        case firstPacket, visible, firstHeader, firstToken, lastResponse

        var title: String {
            switch self {
            case .firstPacket: "first magic packet"
            case .visible: "ready in the model list"
            case .firstHeader: "first header"
            case .firstToken: "first token"
            case .lastResponse: "last response complete"
            }
        }
    }

    struct Mark: Sendable, Hashable {
        let event: Event
        let after: Duration
    }

    /// A period in which every poll of the model list showed the same state.
    struct Span: Sendable, Hashable {
        let state: String
        let from: Duration
        var to: Duration
    }

    let target: String
    let calls: Int
    let answered: Int
    /// In the order of ``Event``; events that were not observed are omitted.
    let marks: [Mark]
    let states: [Span]
    /// Until the machine was up; nil if no machine woke.
    let wake: Duration?
    /// From the event `visible` to the first token, minus the time that a warm call needs.
    let load: Duration?
    /// Polling interval of the model list, which limits the accuracy of all times read from it.
    let resolution: Duration

    /// The end of the time axis.
    var end: Duration { max(marks.map(\.after).max() ?? .zero, states.last?.to ?? .zero) }
}

extension ColdStart {
    func timeline(load: Duration?, polledEvery resolution: Duration) -> WakeTimeline {
        let instants: [(WakeTimeline.Event, Instant?)] = [
            (.firstPacket, firstPacket), (.visible, visible), (.firstHeader, firstHead), (.firstToken, firstToken),
            (.lastResponse, done),
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
