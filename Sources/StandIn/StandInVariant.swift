/// Options of a stand-in; it follows the contract with any of them, except as noted.
package struct StandInVariant: Sendable {
    package enum Sharing: Sendable {
        case roundRobin, leastBusy
    }

    /// Status of denials: 403, or 400 with `Permission denied` as in older deployments.
    package var deniedStatus: Int
    /// Status of denials by the admin API, which never used the 400 of older deployments.
    package var adminDeniedStatus: Int
    package var unauthenticatedStatus: Int
    package var unknownStatus: Int
    /// Whether requests need credentials; without them every caller has all rights.
    package var requiresCredentials: Bool
    /// Whether the model list contains classes and their models.
    package var listsClasses: Bool
    /// Whether the model list contains the number of ready runners.
    package var countsRunners: Bool
    package var exposesRunner: Bool
    package var exposesWake: Bool
    /// UDP port of this machine that receives a copy of every magic packet.
    package var packetPort: Int?
    /// Whether the machine behind `class:big` starts asleep.
    package var bigSleeps: Bool
    package var hasAdminSurface: Bool
    /// Whether `class:big` exists; its model exists in any case.
    package var hasBigClass: Bool
    package var sharing: Sharing
    /// Whether it serves the APIs of other clients besides chat completions.
    package var servesDialects: Bool
    /// Whether the model list states what the models can do; otherwise `sim-small` serves every endpoint.
    package var listsCapabilities: Bool
    /// Whether one of its engines generates speech.
    package var speaks: Bool

    package init(
        deniedStatus: Int = 403, adminDeniedStatus: Int = 403, unauthenticatedStatus: Int = 401,
        unknownStatus: Int = 404, requiresCredentials: Bool = true, listsClasses: Bool = true,
        countsRunners: Bool = true, exposesRunner: Bool = true, exposesWake: Bool = true,
        packetPort: Int? = nil,
        bigSleeps: Bool = true, hasAdminSurface: Bool = true, hasBigClass: Bool = true,
        sharing: Sharing = .roundRobin, servesDialects: Bool = false, listsCapabilities: Bool = true,
        speaks: Bool = true
    ) {
        self.deniedStatus = deniedStatus
        self.adminDeniedStatus = adminDeniedStatus
        self.unauthenticatedStatus = unauthenticatedStatus
        self.unknownStatus = unknownStatus
        self.requiresCredentials = requiresCredentials
        self.listsClasses = listsClasses
        self.countsRunners = countsRunners
        self.exposesRunner = exposesRunner
        self.exposesWake = exposesWake
        self.packetPort = packetPort
        self.bigSleeps = bigSleeps
        self.hasBigClass = hasBigClass
        self.hasAdminSurface = hasAdminSurface
        self.sharing = sharing
        self.servesDialects = servesDialects
        self.listsCapabilities = listsCapabilities
        self.speaks = speaks
    }

    package static let forbidden = StandInVariant()
    package static let badRequest = StandInVariant(deniedStatus: 400)
    package static let silent = StandInVariant(exposesRunner: false, exposesWake: false)

    package static let dialects = StandInVariant(servesDialects: true)

    /// Correct only with `--expect-status`: its status codes are not the contract's.
    package static let unusualStatuses = StandInVariant(
        deniedStatus: 422, adminDeniedStatus: 422, unauthenticatedStatus: 418, unknownStatus: 410)
    /// Correct only with `--no-auth`: it has no authentication.
    package static let open = StandInVariant(requiresCredentials: false)

    /// The correct variants, which must pass the suite, by their names on the command line.
    package static let named: KeyValuePairs<String, (variant: StandInVariant, summary: String)> = [
        "forbidden": (.forbidden, "refuses with 403"),
        "bad-request": (.badRequest, "refuses with 400 and `Permission denied`"),
        "no-runner-header": (.silent, "names neither the runner nor the wake"),
        "least-busy": (StandInVariant(sharing: .leastBusy), "routes to the runner with the fewest calls in flight"),
        "no-admin-surface": (StandInVariant(hasAdminSurface: false), "returns 404 for /admin"),
        "unusual-statuses": (.unusualStatuses, "refuses with 422, 418 and 410 for 403, 401 and 404"),
        "open": (.open, "requires no credentials"),
        "dialects": (.dialects, "serves the APIs of other clients"),
        "dialects-without-capabilities": (
            StandInVariant(servesDialects: true, listsCapabilities: false),
            "serves the APIs of other clients, and lists no capabilities"
        ),
        "never-sleeps": (StandInVariant(bigSleeps: false), "has no sleeping machine"),
    ]
}
