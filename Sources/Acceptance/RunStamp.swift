import Foundation

/// When a run began, how long it took, and which version ran it, so that a report is self-contained.
struct RunStamp: Sendable, Hashable {
    /// The program's version.
    let version: String
    let began: Date
    let duration: Duration

    /// ISO 8601, in UTC and to the second: `2026-11-23T23:55:30Z`.
    var beganInUTC: String { began.formatted(.iso8601) }
}

/// The start of a run: wall-clock time for readers, a monotonic instant for the duration.
struct RunClock: Sendable {
    private let date = Date()
    private let instant = ContinuousClock.now

    func stamp(version: String) -> RunStamp {
        RunStamp(version: version, began: date, duration: .now - instant)
    }
}
