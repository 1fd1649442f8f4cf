/// How a stand-in may differ from another without breaking any promise.
package struct StandInVariant: Sendable {
    package enum Sharing: Sendable {
        case inTurn, leastBusy
    }

    /// 403, or the 400 with `Permission denied` of older deployments.
    package var deniedStatus: Int
    package var exposesRunner: Bool
    package var exposesWake: Bool
    /// UDP port of this machine that gets a copy of every magic packet.
    package var packetPort: Int?
    /// Whether the machine behind `class:big` sleeps at first.
    package var bigSleeps: Bool
    package var hasAdminSurface: Bool
    package var sharing: Sharing

    package init(
        deniedStatus: Int = 403, exposesRunner: Bool = true, exposesWake: Bool = true, packetPort: Int? = nil,
        bigSleeps: Bool = true, hasAdminSurface: Bool = true, sharing: Sharing = .inTurn
    ) {
        self.deniedStatus = deniedStatus
        self.exposesRunner = exposesRunner
        self.exposesWake = exposesWake
        self.packetPort = packetPort
        self.bigSleeps = bigSleeps
        self.hasAdminSurface = hasAdminSurface
        self.sharing = sharing
    }

    package static let forbidden = StandInVariant()
    package static let badRequest = StandInVariant(deniedStatus: 400)
    package static let silent = StandInVariant(exposesRunner: false, exposesWake: false)

    /// The correct ones that the suite must never blame, by their names on the command line.
    package static let named: KeyValuePairs<String, (variant: StandInVariant, says: String)> = [
        "forbidden": (.forbidden, "refuses with 403"),
        "bad-request": (.badRequest, "refuses with 400 and `Permission denied`"),
        "no-runner-header": (.silent, "does not say who served, nor which wake was waited for"),
        "least-busy": (StandInVariant(sharing: .leastBusy), "gives calls to the runner with the fewest in flight"),
        "no-admin-surface": (StandInVariant(hasAdminSurface: false), "has nothing under /admin"),
        "never-sleeps": (StandInVariant(bigSleeps: false), "has no machine that sleeps"),
    ]
}
