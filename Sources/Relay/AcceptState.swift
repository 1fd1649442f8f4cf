/// Tracks whether accepting is paused, and which changes have been reported. Pure.
struct AcceptState {
    private(set) var isPaused = false
    /// Whether a pause was reported and no connection has been accepted since.
    private var isReported = false
    private var isReadRequested = false
    /// Whether the channel's `autoRead` was on before the pause.
    var hadAutoRead = false

    /// - Returns: whether the pause has to be reported.
    mutating func paused() -> Bool {
        isPaused = true
        defer { isReported = true }
        return !isReported
    }

    mutating func readRequested() { isReadRequested = true }

    /// - Returns: whether a read was requested during the pause; nil if accepting was not paused.
    mutating func resumed() -> Bool? {
        guard isPaused else { return nil }
        defer { isReadRequested = false }
        isPaused = false
        return isReadRequested
    }

    /// - Returns: whether the end of a pause has to be reported.
    mutating func accepted() -> Bool {
        defer { isReported = false }
        return isReported && !isPaused
    }
}
