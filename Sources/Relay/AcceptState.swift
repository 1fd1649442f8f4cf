/// Whether connections are accepted. Pure.
struct AcceptState {
    private(set) var isPaused = false
    /// Whether a pause was reported and no connection has been accepted since.
    private var isReported = false
    private var isReadWanted = false
    var wasReadingByItself = false

    /// - Returns: whether the pause has to be reported.
    mutating func paused() -> Bool {
        isPaused = true
        defer { isReported = true }
        return !isReported
    }

    mutating func readRequested() { isReadWanted = true }

    /// - Returns: whether a read is requested; nil if accepting was not paused.
    mutating func resumed() -> Bool? {
        guard isPaused else { return nil }
        defer { isReadWanted = false }
        isPaused = false
        return isReadWanted
    }

    /// - Returns: whether the end of a pause has to be reported.
    mutating func accepted() -> Bool {
        defer { isReported = false }
        return isReported && !isPaused
    }
}
