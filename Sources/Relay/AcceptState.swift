/// Whether connections are accepted: pure.
struct AcceptState {
    private(set) var isPaused = false
    /// A pause was reported, and nothing has been accepted since.
    private var isReported = false
    private var isReadWanted = false
    var wasReadingByItself = false

    /// - Returns: whether this is news.
    mutating func paused() -> Bool {
        isPaused = true
        defer { isReported = true }
        return !isReported
    }

    mutating func readRequested() { isReadWanted = true }

    /// - Returns: whether somebody wants the next connection; nil where accepting was not paused.
    mutating func resumed() -> Bool? {
        guard isPaused else { return nil }
        defer { isReadWanted = false }
        isPaused = false
        return isReadWanted
    }

    /// - Returns: whether this is news.
    mutating func accepted() -> Bool {
        defer { isReported = false }
        return isReported && !isPaused
    }
}
