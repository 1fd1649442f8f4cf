/// Tracks whether accepting is paused, and which changes have been reported. Pure.
struct AcceptState {
    private(set) var isPaused = false
    /// Whether a pause was reported and no connection has been accepted since.
    private var isReported = false
    private var isReadRequested = false
    /// Whether the channel's `autoRead` was on before the pause.
    var hadAutoRead = false

    struct PauseActions: OptionSet {
        let rawValue: Int
        /// Report the pause to the operator.
        static let report = PauseActions(rawValue: 1)
        /// Schedule the end of the pause. A further error during a pause schedules no second end, which would fall into a
        /// later pause.
        static let scheduleEnd = PauseActions(rawValue: 2)
    }

    /// No descriptor, buffer or memory is left for another connection.
    mutating func exhausted() -> PauseActions {
        defer { (isPaused, isReported) = (true, true) }
        var actions: PauseActions = []
        if !isReported { actions.insert(.report) }
        if !isPaused { actions.insert(.scheduleEnd) }
        return actions
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
