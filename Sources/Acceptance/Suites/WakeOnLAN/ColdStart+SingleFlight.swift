/// Whether one wake served all calls, according to the responses and the received packets.
extension ColdStart {
    /// Maximum number of packets to one machine within ``sendingWindow`` that count as one transmission. Common tools send
    /// up to three copies of a packet, or one for each broadcast address. A wake for each of ten calls exceeds the maximum,
    /// whether the packets are sent together or 100 ms apart.
    static let maxCopies = 5
    /// Shorter than the second after which gateways repeat a transmission.
    static let sendingWindow = Duration.milliseconds(800)

    /// The wake ids in the responses. A refusal may contain one, too.
    var wakeIDs: Set<String> { Set(exchanges.compactMap { ServingRunner($0).wakeID }) }

    /// Complete responses of calls that must have waited: a poll of the list that began after they were sent still showed the
    /// target as not up. Only a call that was sent later may report that it did not wait. A stream
    /// that ended in an error is left out: it may never have been placed on the machine, so it need not name the wake.
    var waitingResponses: [Exchange] {
        let isUp: Set<TargetState?> = [.ready, .loadable]
        let lastLook = polls.last { $0.problem == nil && !isUp.contains($0.state) }.map { $0.at - $0.took }
        guard let lastLook else { return [] }
        return exchanges.filter { exchange in
            exchange.isSuccess && (exchange.sent ?? exchange.started) <= lastLook && (try? Completion(exchange)) != nil
        }
    }

    /// Maximum number of magic packets to one machine within ``sendingWindow``.
    var packetBurst: Int {
        let byMachine = Dictionary(grouping: packets.filter { $0.at >= sent }, by: \.machine)
        return byMachine.values.map { packets in
            packets.indices.map { first in
                packets[first...].count { $0.at - packets[first].at < Self.sendingWindow }
            }.max() ?? 0
        }.max() ?? 0
    }

    var singleFlight: Finding {
        let ids = wakeIDs
        let expected = "one wake id in every x-simpleai-wake header, or comment of a stream"
        if ids.count > 1 {
            return .fail(
                "\(calls.count) calls name \(ids.count) different wakes",
                exchanges.first { ServingRunner($0).wakeID != nil }.map { Evidence($0, expected: expected) })
        }
        if let id = ids.first, let silent = waitingResponses.first(where: { ServingRunner($0).wakeID == nil }) {
            let count = waitingResponses.count { ServingRunner($0).wakeID == nil }
            return .fail(
                "\(count) of \(waitingResponses.count) calls that waited name no wake, the others \(id)",
                Evidence(silent, expected: expected))
        }
        let burst = packetBurst
        if listened, burst > Self.maxCopies {
            return .fail(
                "\(burst) magic packets within \(Self.sendingWindow.readable) for \(calls.count) calls: one wake per call"
            )
        }
        if let noResponseFinding { return noResponseFinding }
        guard answered > 1 else {
            return .inconclusive("not decided: \(answered) of \(calls.count) calls got a response")
        }
        let naming = ids.first.map { id in exchanges.count { ServingRunner($0).wakeID == id } } ?? 0
        if listened, burst > 0 {
            let sharing = ids.isEmpty ? "" : "; \(naming) of \(answered) calls report the same wake"
            let packets = burst == 1 ? "1 magic packet" : "\(burst) magic packets"
            return .pass(
                "at most \(packets) in any window of \(Self.sendingWindow.readable), for \(calls.count) calls\(sharing)"
            )
        }
        if let id = ids.first { return .pass("\(naming) of \(answered) calls waited, all for wake \(id)") }
        return .skip("neither x-simpleai-wake nor magic packets (--packet-port) are visible")
    }
}
