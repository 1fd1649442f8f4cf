/// How well this machine can measure: the client against a simulated engine whose timing is known.
///
/// A machine that is busy, throttled or swapped out notes the arrival of a token late, and its figures would blame the
/// deployment. So no time is reported that this machine cannot measure: what is given in milliseconds has to be good to
/// ±5 ms at p95, and the moments of a wake to the interval at which the model list is looked at.
struct ClockTrust: Sendable, Equatable {
    /// What is promised of a time that is given in milliseconds.
    static let tolerance = Duration.milliseconds(5)

    /// p95 of the deviations of all measured moments from their known ones; nil when the self-test did not come through.
    let error: Duration?
    /// How many moments were measured.
    let moments: Int
    /// Why the self-test did not come through.
    var problem: String?

    var isTrusted: Bool { isGood(to: Self.tolerance) }

    /// Whether times that claim this precision may be reported.
    func isGood(to precision: Duration) -> Bool { error.map { $0 <= precision } ?? false }

    /// For the report's foot: `times are good to ±0.4 ms (p95 of 160 moments)`.
    var summary: String {
        guard let error else { return "times are not to be trusted: \(problem ?? "the clock's self-test did not end")" }
        let figure = "\((error.inSeconds * 1000).fixed(1)) ms (p95 of \(moments) moments with a known time)"
        return "times are good to ±\(figure)" + (isTrusted ? "" : ": too coarse for what needs milliseconds")
    }

    /// Throws the finding of a check that is about times and cannot trust them.
    func demand(_ precision: Duration = ClockTrust.tolerance) throws(Finding) {
        if !isGood(to: precision) { throw .inconclusive(summary) }
    }

    /// Streams that are read at the same time, as those of a load are.
    static let streams = 10
    static let rounds = 2

    /// Measures; takes a third of a second.
    ///
    /// - Parameters:
    ///   - beat: the known timing.
    ///   - delay: added to every measured moment, for proving that a slow client is noticed.
    static func measured(beat: Metronome.Beat = .init(), delay: Duration = .zero) async throws -> ClockTrust {
        do {
            let errors = try await Metronome.running(beat) { metronome in
                let client = try APIClient(
                    target: try Target("http://127.0.0.1:\(metronome.port)"), verifiesCertificates: true)
                var errors: [Double] = []
                // The first connections of a process pay for what is set up only once.
                _ = try await deviations(of: client, from: beat, streams: streams)
                for _ in 0..<rounds {
                    errors += try await deviations(of: client, from: beat, streams: streams)
                }
                return errors
            }
            let late = errors.map { $0 + delay.inSeconds }
            return ClockTrust(
                error: Statistics.percentile(0.95, of: late).map { .seconds($0) }, moments: errors.count)
        } catch is CancellationError {
            throw CancellationError()
        } catch let failed as RequestFailed {
            return ClockTrust(error: nil, moments: 0, problem: "the clock's self-test failed: \(failed.failure)")
        } catch {
            return ClockTrust(error: nil, moments: 0, problem: "the clock's self-test failed: \(ErrorText.of(error))")
        }
    }

    /// By how many seconds each moment was measured too early or too late.
    private static func deviations(
        of client: APIClient, from beat: Metronome.Beat, streams: Int
    ) async throws -> [Double] {
        try await withThrowingTaskGroup(of: [Double].self) { group in
            for _ in 0..<streams {
                group.addTask {
                    let request = APIRequest(
                        method: "GET", path: "/", credential: .none, wantsStream: true)
                    return deviations(of: try await client.send(request, timeout: .seconds(5)), from: beat)
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
    }

    private static func deviations(of exchange: Exchange, from beat: Metronome.Beat) -> [Double] {
        guard let sent = exchange.sent, let head = exchange.head else { return [] }
        let tokens = EventStream(exchange).events.filter { $0.data != "[DONE]" }.map(\.at)
        var pairs = [(head, beat.head), (exchange.done, beat.end)]
        pairs += tokens.enumerated().map { ($1, beat.token($0)) }
        return pairs.map { moment, known in abs((moment - sent - known).inSeconds) }
    }
}
