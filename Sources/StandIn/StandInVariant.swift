/// How a stand-in may differ from another without breaking any promise.
package struct StandInVariant: Sendable {
    package enum Sharing: Sendable {
        case inTurn, leastBusy
    }

    /// 403, or the 400 with `Permission denied` of older deployments.
    package var deniedStatus: Int
    /// The admin surface has no 400 of older deployments.
    package var adminDeniedStatus: Int
    package var unauthenticatedStatus: Int
    package var unknownStatus: Int
    /// Whether anybody is asked for credentials; without them everybody may do everything.
    package var asksForCredentials: Bool
    /// Whether the list says which classes there are, and what is in them.
    package var listsClasses: Bool
    /// Whether the list says how many runners are ready.
    package var countsRunners: Bool
    package var exposesRunner: Bool
    package var exposesWake: Bool
    /// UDP port of this machine that gets a copy of every magic packet.
    package var packetPort: Int?
    /// Whether the machine behind `class:big` sleeps at first.
    package var bigSleeps: Bool
    package var hasAdminSurface: Bool
    /// Whether there is a `class:big`, or only its model.
    package var hasBigClass: Bool
    package var sharing: Sharing

    package init(
        deniedStatus: Int = 403, adminDeniedStatus: Int = 403, unauthenticatedStatus: Int = 401,
        unknownStatus: Int = 404, asksForCredentials: Bool = true, listsClasses: Bool = true,
        countsRunners: Bool = true, exposesRunner: Bool = true, exposesWake: Bool = true,
        packetPort: Int? = nil,
        bigSleeps: Bool = true, hasAdminSurface: Bool = true, hasBigClass: Bool = true,
        sharing: Sharing = .inTurn
    ) {
        self.deniedStatus = deniedStatus
        self.adminDeniedStatus = adminDeniedStatus
        self.unauthenticatedStatus = unauthenticatedStatus
        self.unknownStatus = unknownStatus
        self.asksForCredentials = asksForCredentials
        self.listsClasses = listsClasses
        self.countsRunners = countsRunners
        self.exposesRunner = exposesRunner
        self.exposesWake = exposesWake
        self.packetPort = packetPort
        self.bigSleeps = bigSleeps
        self.hasBigClass = hasBigClass
        self.hasAdminSurface = hasAdminSurface
        self.sharing = sharing
    }

    package static let forbidden = StandInVariant()
    package static let badRequest = StandInVariant(deniedStatus: 400)
    package static let silent = StandInVariant(exposesRunner: false, exposesWake: false)

    /// Correct in everything but the codes, and correct for whoever says so: `--expect-status`.
    package static let unusualStatuses = StandInVariant(
        deniedStatus: 422, adminDeniedStatus: 422, unauthenticatedStatus: 418, unknownStatus: 410)
    /// Correct for whoever says that it is meant to be so: `--no-auth`.
    package static let open = StandInVariant(asksForCredentials: false)

    /// The correct ones that the suite must never blame, by their names on the command line.
    package static let named: KeyValuePairs<String, (variant: StandInVariant, says: String)> = [
        "forbidden": (.forbidden, "refuses with 403"),
        "bad-request": (.badRequest, "refuses with 400 and `Permission denied`"),
        "no-runner-header": (.silent, "does not say who served, nor which wake was waited for"),
        "least-busy": (StandInVariant(sharing: .leastBusy), "gives calls to the runner with the fewest in flight"),
        "no-admin-surface": (StandInVariant(hasAdminSurface: false), "has nothing under /admin"),
        "unusual-statuses": (.unusualStatuses, "refuses with 422, 418 and 410 for 403, 401 and 404"),
        "open": (.open, "asks nobody for credentials"),
        "never-sleeps": (StandInVariant(bigSleeps: false), "has no machine that sleeps"),
    ]
}
