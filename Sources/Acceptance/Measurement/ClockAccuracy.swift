/// The accuracy of this machine's time measurements, from a test of the client against a simulated engine with known
/// timing.
///
/// A machine that is busy, throttled or swapping records the arrival of a token late, and the deployment would be
/// blamed. So a time is reported only if this machine can measure it: times in milliseconds must be accurate to ±5 ms
/// at p95, and the times of a wake to the interval at which the model list is polled.
struct ClockAccuracy: Sendable, Equatable {
    /// The required accuracy of times in milliseconds.
    static let tolerance = Duration.milliseconds(5)

    /// p95 of the deviations of all measured times from their known values; nil if the self-test did not complete.
    let error: Duration?
    /// Number of measured times.
    let moments: Int
    /// Why the self-test did not complete.
    var problem: String?

    var isTrusted: Bool { isAccurate(to: Self.tolerance) }

    /// Whether times with this precision may be reported.
    func isAccurate(to precision: Duration) -> Bool { error.map { $0 <= precision } ?? false }

    /// The line at the end of the report, such as `measured times are accurate to ±0.4 ms (…)`.
    var summary: String {
        guard let error else {
            return "measured times are unreliable: \(problem ?? "the clock's self-test did not finish")"
        }
        let figure = "\((error.inSeconds * 1000).fixed(1)) ms (p95 of \(moments) events whose time is known)"
        return "measured times are accurate to ±\(figure)"
            + (isTrusted ? "" : ": too coarse for millisecond measurements")
    }

    /// Throws the finding of a time-related check if times are not accurate enough.
    func requireAccuracy(_ precision: Duration = ClockAccuracy.tolerance) throws(Finding) {
        if !isAccurate(to: precision) { throw .inconclusive(summary) }
    }

    /// Number of concurrent streams, as in a load test.
    static let streams = 10
    static let rounds = 2

    /// Measures the accuracy; takes a third of a second.
    ///
    /// - Parameters:
    ///   - schedule: the known timing.
    ///   - delay: added to every measured time, to test that a slow client is detected.
    static func measured(schedule: TimedEngine.SendSchedule = .init(), delay: Duration = .zero) async throws
        -> ClockAccuracy
    {
        do {
            let errors = try await TimedEngine.running(schedule) { metronome in
                let client = try APIClient(
                    deployment: try DeploymentAddress("http://127.0.0.1:\(metronome.port)"), verifiesCertificates: true)
                var errors: [Double] = []
                // The first connections of a process include one-time initialisation.
                _ = try await deviations(of: client, from: schedule, streams: streams)
                for _ in 0..<rounds {
                    errors += try await deviations(of: client, from: schedule, streams: streams)
                }
                return errors
            }
            let late = errors.map { $0 + delay.inSeconds }
            return ClockAccuracy(
                error: Statistics.percentile(0.95, of: late).map { .seconds($0) }, moments: errors.count)
        } catch is CancellationError {
            throw CancellationError()
        } catch let failed as RequestFailed {
            return ClockAccuracy(error: nil, moments: 0, problem: "the clock's self-test failed: \(failed.failure)")
        } catch {
            return ClockAccuracy(
                error: nil, moments: 0, problem: "the clock's self-test failed: \(ErrorText.of(error))")
        }
    }

    /// The deviation of each measured time from its known value, in seconds.
    private static func deviations(
        of client: APIClient, from schedule: TimedEngine.SendSchedule, streams: Int
    ) async throws -> [Double] {
        try await withThrowingTaskGroup(of: [Double].self) { group in
            for _ in 0..<streams {
                group.addTask {
                    let request = APIRequest(
                        method: "GET", path: "/", credential: .none, wantsStream: true)
                    return deviations(of: try await client.send(request, timeout: .seconds(5)), from: schedule)
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
    }

    private static func deviations(of exchange: Exchange, from schedule: TimedEngine.SendSchedule) -> [Double] {
        guard let sent = exchange.sent, let head = exchange.head else { return [] }
        let tokens = EventStream(exchange).events.filter { $0.data != "[DONE]" }.map(\.at)
        var pairs = [(head, schedule.head), (exchange.done, schedule.end)]
        pairs += tokens.enumerated().map { ($1, schedule.token($0)) }
        return pairs.map { moment, known in abs((moment - sent - known).inSeconds) }
    }
}
