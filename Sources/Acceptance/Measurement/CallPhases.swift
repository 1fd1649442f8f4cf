/// The median duration of each phase of streamed calls.
struct CallPhases: Sendable {
    /// In order of occurrence; a phase that no call had (TLS over plain HTTP) is omitted.
    let medians: [(name: String, duration: Duration)]

    init(_ exchanges: [Exchange]) {
        func median(_ name: String, _ phase: (Exchange) -> Duration?) -> (String, Duration)? {
            Statistics.median(exchanges.compactMap { phase($0)?.inSeconds }).map { (name, .seconds($0)) }
        }
        medians = [
            median("connect", \.connectTime), median("TLS", \.handshakeTime),
            median("first byte", \.timeToFirstByte), median("first token", \.timeToFirstToken),
            median("longest gap", \.longestGap), median("total", \.duration),
        ].compactMap { $0 }
    }

    var description: String {
        medians.map { "\($0.name) \($0.duration.readable)" }.joined(separator: ", ")
    }
}

extension Exchange {
    /// TCP handshake, including name resolution.
    var connectTime: Duration? { connected.map { $0 - started } }

    /// TLS handshake.
    var handshakeTime: Duration? {
        guard let connected, let secured else { return nil }
        return secured - connected
    }

    /// From the last byte of the request to the first byte of the response.
    var timeToFirstByte: Duration? {
        guard let sent, let head else { return nil }
        return head - sent
    }

    /// From the last byte of the request to the first content, reasoning or tool call.
    var timeToFirstToken: Duration? {
        guard let sent, let token = try? Completion(self).firstToken else { return nil }
        return token - sent
    }

    /// Longest time between two arrivals after the first byte.
    var longestGap: Duration? {
        guard let head else { return nil }
        var previous = head
        var longest = Duration.zero
        for arrival in arrivals {
            longest = max(longest, arrival.at - previous)
            previous = arrival.at
        }
        return longest
    }
}
