extension Defect {
    /// A test of the suite, by its name on the command line.
    package enum Business: String, CaseIterable, Sendable {
        case wol, auth
        case modelRouting = "model-routing"
        case workloadRouting = "workload-routing"
    }

    /// Description of the defect.
    package var says: String { entry.says }

    /// The tests that must detect the defect.
    package var business: [Business] { entry.business }

    /// Whether the tests that detect the defect report INCONCLUSIVE: nothing is wrong, but nothing is proven either.
    package var isOnlyUndecided: Bool { [.nothingSlept, .inventsRunners, .oneAtATime].contains(self) }

    /// Whether only an advisory check detects the defect, and only if timing analysis is requested.
    package var isOnlyAdvice: Bool { self == .oneAtATime }

    private var entry: (business: [Business], says: String) {
        switch self {
        case .nothingSlept: ([.wol], "the machine was never asleep")
        case .wakePerRequest: ([.wol], "a wake for every held call")
        case .wakesNothing: ([.wol], "calls are held, and no machine comes up")
        case .wakesWithoutPacket: ([.wol], "the machine comes up without a magic packet")
        case .malformedPacket: ([.wol], "the magic packet repeats the address 15 times only")
        case .wakesWhenWarm: ([.wol], "every call waits for a wake, also when the machine is up")
        case .unknownClassWakes: ([.wol], "a class that does not exist wakes the machine")
        case .staysListedAsleep: ([.wol], "the list goes on calling the machine asleep")
        case .listBreaksWhileWaking: ([.wol], "the list answers 500 during a wake")
        case .losesHeldCalls: ([.wol], "every second held call gets 503 when the machine is up")
        case .silentWhileHeld: ([.wol], "held streams get no byte for 17 seconds")

        case .packetPerRequest: ([.wol], "a packet for every held call, 100 ms apart")
        case .wakeNamedToSome: ([.wol], "only every second held call names its wake")
        case .wakesNamedApart: ([.wol], "one wake, which every held call names differently")
        case .wakesOnce: ([.wol], "a machine that sleeps for a second time is not woken")

        case .wrongModel: ([.wol, .modelRouting, .workloadRouting], "another model answers")
        case .wrongModelSometimes: ([.modelRouting], "another model answers every third call")
        case .classEchoed: ([.wol, .modelRouting, .workloadRouting], "the answer's model is `class:…`")
        case .bigServedByFast: ([.wol, .modelRouting], "class:big is served by the model of class:fast")
        case .fastServedByBig: ([.modelRouting], "class:fast is served by the model of class:big")
        case .streamNamesAnotherModel: ([.modelRouting], "the chunks of a stream name another model")
        case .streamChangesModel: ([.modelRouting], "the first chunk names another model than the rest")
        case .headerNamesAnotherModel: ([.modelRouting], "the header names another model than the answer")
        case .unknownClassServed: ([.wol, .modelRouting], "a class that does not exist is served")
        case .unknownClassSlow: ([.wol, .modelRouting], "404 for a class only after 2.2 seconds")
        case .unknownClassIs500: ([.wol, .modelRouting], "500 for a class that does not exist")
        case .unknownModelServed: ([.modelRouting, .auth], "an id that does not exist is served")
        case .unknownModelWithoutCode: ([.modelRouting], "404 for an id with another code than model_not_found")
        case .listWithoutOwner: ([.modelRouting], "entries of the list lack `owned_by`")
        case .listRepeatsItself: ([.modelRouting], "the list names a model twice")

        case .allToOneRunner: ([.workloadRouting], "one of two runners gets everything")
        case .skewed: ([.workloadRouting], "19 calls to one runner for each call to the other")
        case .losesMost: ([.workloadRouting], "19 of 20 calls get 503")
        case .losesFew: ([.workloadRouting], "one of 20 calls gets 503")
        case .neverInTurn: ([.workloadRouting], "three calls to a runner before it is the other's turn")
        case .inventsRunners: ([.workloadRouting], "every answer names a runner of its own")

        case .oneAtATime: ([.workloadRouting], "two runners, and one call at a time")

        case .signatureUnverified: ([.auth], "signatures are not verified")
        case .signatureMayBeMissing: ([.auth], "a token without its signature is accepted")
        case .claimsUnverified: ([.auth], "known signatures are accepted under other claims")
        case .algorithmNoneAccepted: ([.auth], "`alg: none` is accepted")
        case .expiredAccepted: ([.auth], "expired tokens are accepted")
        case .anybodyAccepted: ([.auth], "callers without a token are accepted")
        case .listIsPublic: ([.auth], "the list needs no token")
        case .chatIsPublic: ([.auth], "calls need no token")
        case .rolesIgnored: ([.modelRouting, .auth], "every caller has model:specific and nobody is an admin")
        case .classesDenied: ([.modelRouting, .auth], "callers without special roles may not ask for classes")
        case .idsDeniedToAll: ([.modelRouting, .auth], "nobody may ask for exact ids")
        case .adminRefused: ([.auth], "an admin is refused the admin surface")
        case .adminIsNoCaller: ([.auth], "an admin may not ask for exact ids")
        case .adminOpen: ([.auth], "the admin surface is open to every caller")
        case .adminOpenToSpecific: ([.auth], "the admin surface is open to model:specific")
        case .deniedAs404: ([.modelRouting, .auth], "404 for an existing id that the caller may not have")
        case .deniedAsPlain400: ([.modelRouting, .auth], "400 that does not say `Permission denied`")
        case .denialInsideStream: ([.modelRouting], "the refusal of a stream comes inside the stream, under 200")
        case .tokenEchoed: ([.auth], "a header repeats the caller's token")
        case .tokenInMessage: ([.auth], "the message of a 401 repeats the caller's token")
        case .noChallenge: ([.auth], "401 without WWW-Authenticate")
        case .plainTextErrors: ([.wol, .modelRouting, .auth], "errors are plain text")
        case .errorsLackKeys: ([.wol, .modelRouting, .auth], "error objects lack `param` and `code`")
        case .errorsAre200: ([.wol, .modelRouting, .auth], "errors come under status 200")
        case .badTokenIs400: ([.auth], "400 for a bad token")
        case .badTokenIs500: ([.auth], "500 for a bad token")
        case .listForbidden: ([.wol, .auth], "the list is for admins only")
        case .locksOut: ([.auth], "a bad token locks out the good one")
        case .unknownModelLocksOut: ([.auth], "who asks for an id that does not exist is locked out")
        case .adminDenialLocksOut: ([.auth], "who is refused the admin surface is locked out")

        case .chat500: (Business.allCases, "every call gets 500")
        case .emptyObject: (Business.allCases, "`{}` is the answer")
        case .emptyContent: (Business.allCases, "the answer is whole and says nothing")
        case .noFinishReason: (Business.allCases, "no answer has a finish_reason")
        case .streamCut: ([.wol, .modelRouting], "streams end cleanly, but too early")
        case .streamWithoutDone: ([.wol, .modelRouting], "streams end without [DONE]")
        case .streamIgnored: ([.wol, .modelRouting], "an object comes where a stream was asked for")
        case .connectionCut: (Business.allCases, "the connection is closed in the middle of the answer")
        }
    }
}
