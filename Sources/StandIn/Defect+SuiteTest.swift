extension Defect {
    /// A test of the suite, by its name on the command line.
    package enum SuiteTest: String, CaseIterable, Sendable {
        case wol, auth, dialects
        case modelRouting = "model-routing"
        case workloadRouting = "workload-routing"

        /// The tests that request chat completions.
        static let ofChat: [Self] = [.wol, .modelRouting, .workloadRouting, .auth]
    }

    /// Description of the defect.
    package var summary: String { entry.summary }

    /// The tests that must detect the defect.
    package var detectors: [SuiteTest] { entry.detectors }

    /// Whether the tests that detect the defect report INCONCLUSIVE: no violation is observed, but the requirement is not
    /// proven.
    package var isOnlyUndecided: Bool { [.nothingSlept, .inventsRunners, .oneAtATime].contains(self) }

    /// Whether only an advisory check detects the defect, and only if timing analysis is requested.
    package var isOnlyAdvice: Bool { self == .oneAtATime }

    /// Whether the stand-in must serve the APIs of other clients to have the defect.
    package var isOfDialects: Bool { detectors == [.dialects] }

    private var entry: (detectors: [SuiteTest], summary: String) {
        switch self {
        case .nothingSlept: ([.wol], "the machine was never asleep")
        case .wakePerRequest: ([.wol], "every waiting call starts a wake")
        case .wakesNothing: ([.wol], "calls wait, but no machine comes up")
        case .wakesWithoutPacket: ([.wol], "the machine comes up without a magic packet")
        case .malformedPacket: ([.wol], "the magic packet repeats the address only 15 times")
        case .wakesWhenWarm: ([.wol], "every call waits for a wake, even when the machine is up")
        case .unknownClassWakes: ([.wol], "a class that does not exist wakes the machine")
        case .staysListedAsleep: ([.wol], "the model list keeps showing the machine asleep")
        case .listBreaksWhileWaking: ([.wol], "the model list returns 500 during a wake")
        case .losesHeldCalls: ([.wol], "every second waiting call gets 503 once the machine is up")
        case .silentWhileHeld: ([.wol], "waiting streams get no byte for 17 seconds")

        case .packetPerRequest: ([.wol], "every waiting call sends a packet, 100 ms apart")
        case .wakeNamedToSome: ([.wol], "only every second waiting call names its wake")
        case .wakesNamedApart: ([.wol], "one wake, named differently by every waiting call")
        case .wakesOnce: ([.wol], "a machine that sleeps a second time is not woken")

        case .wrongModel: ([.wol, .modelRouting, .workloadRouting], "another model serves")
        case .wrongModelSometimes: ([.modelRouting], "another model serves every third call")
        case .classEchoed: ([.wol, .modelRouting, .workloadRouting], "the response's model is `class:…`")
        case .bigServedByFast: ([.wol, .modelRouting], "class:big is served by the model of class:fast")
        case .fastServedByBig: ([.modelRouting], "class:fast is served by the model of class:big")
        case .streamNamesAnotherModel: ([.modelRouting], "the chunks of a stream name another model")
        case .streamChangesModel: ([.modelRouting], "the first chunk names a different model than the rest")
        case .headerNamesAnotherModel: ([.modelRouting], "the header names a different model than the response")
        case .unknownClassServed: ([.wol, .modelRouting], "a class that does not exist is served")
        case .unknownClassSlow: ([.wol, .modelRouting], "404 for an unknown class only after 2.2 seconds")
        case .unknownClassIs500: ([.wol, .modelRouting], "500 for a class that does not exist")
        case .unknownModelServed: ([.modelRouting, .auth], "an id that does not exist is served")
        case .unknownModelWithoutCode: ([.modelRouting], "404 for an unknown id with a code other than model_not_found")
        case .listWithoutOwner: ([.modelRouting], "entries of the list lack `owned_by`")
        case .listRepeatsItself: ([.modelRouting], "the model list names a model twice")

        case .allToOneRunner: ([.workloadRouting], "one of two runners gets every call")
        case .skewed: ([.workloadRouting], "19 calls to one runner for each call to the other")
        case .losesMost: ([.workloadRouting], "19 of 20 calls get 503")
        case .losesFew: ([.workloadRouting], "one of 20 calls gets 503")
        case .neverInTurn: ([.workloadRouting], "three consecutive calls per runner before switching")
        case .inventsRunners: ([.workloadRouting], "every response names a new runner")

        case .oneAtATime: ([.workloadRouting], "two runners, and one call at a time")

        case .signatureUnverified: ([.auth], "signatures are not verified")
        case .signatureMayBeMissing: ([.auth], "a token without its signature is accepted")
        case .claimsUnverified: ([.auth], "known signatures are accepted under other claims")
        case .algorithmNoneAccepted: ([.auth], "`alg: none` is accepted")
        case .expiredAccepted: ([.auth], "expired tokens are accepted")
        case .anybodyAccepted: ([.auth], "callers without a token are accepted")
        case .listIsPublic: ([.auth], "the model list requires no token")
        case .chatIsPublic: ([.auth], "calls require no token")
        case .rolesIgnored: ([.modelRouting, .auth], "every caller has model:specific and none is an admin")
        case .classesDenied: ([.modelRouting, .auth], "callers without special roles are refused classes")
        case .idsDeniedToAll: ([.modelRouting, .auth], "every caller is refused exact ids")
        case .adminRefused: ([.auth], "an admin is refused the admin surface")
        case .adminIsNoCaller: ([.auth], "an admin is refused exact ids")
        case .adminOpen: ([.auth], "the admin surface is open to every caller")
        case .adminOpenToSpecific: ([.auth], "the admin surface is open to model:specific")
        case .deniedAs404: ([.modelRouting, .auth], "404 for an existing id that the caller may not use")
        case .deniedAsPlain400: ([.modelRouting, .auth], "400 without `Permission denied` in the message")
        case .denialInsideStream: ([.modelRouting], "a stream is refused inside the stream, with status 200")
        case .tokenEchoed: ([.auth], "a header repeats the caller's token")
        case .tokenInMessage: ([.auth], "the message of a 401 repeats the caller's token")
        case .noChallenge: ([.auth], "401 without WWW-Authenticate")
        case .plainTextErrors: ([.wol, .modelRouting, .auth], "errors are plain text")
        case .errorsLackKeys: ([.wol, .modelRouting, .auth], "error objects lack `param` and `code`")
        case .errorsAre200: ([.wol, .modelRouting, .auth], "errors have status 200")
        case .badTokenIs400: ([.auth], "400 for a bad token")
        case .badTokenIs500: ([.auth], "500 for a bad token")
        case .listForbidden: ([.wol, .auth], "the model list is for admins only")
        case .locksOut: ([.auth], "a bad token locks out the valid one")
        case .unknownModelLocksOut: ([.auth], "a request for an unknown id locks the caller out")
        case .adminDenialLocksOut: ([.auth], "a refused admin request locks the caller out")

        case .dialectCallsFail: ([.dialects], "every call of another API gets 500")
        case .dialectRepliesEmpty: ([.dialects], "every response of another API is `{}`")
        case .dialectNamesAnotherModel: ([.dialects], "responses of other APIs name another model")
        case .dialectStreamTruncated: ([.dialects], "streams of other APIs end cleanly, but too early")
        case .dialectStreamEndsAsIfComplete: ([.dialects], "a broken stream gets the end of a complete one")
        case .dialectStreamEndsTwice: ([.dialects], "streams of other APIs end twice")
        case .dialectStreamIgnored: ([.dialects], "other APIs return a document instead of a requested stream")
        case .dialectErrorsLikeChat: ([.dialects], "errors of other APIs have OpenAI's shape")
        case .dialectErrorsAreText: ([.dialects], "errors of other APIs are plain text")
        case .dialectUnknownModelServed: ([.dialects], "other APIs serve a model that does not exist")
        case .dialectTypesUnchecked: ([.dialects], "a model that is a number gets 500")
        case .dialectsArePublic: ([.dialects], "other APIs require no credentials")
        case .dialectMethodsUnchecked: ([.dialects], "other APIs accept any method")
        case .dialectRolesIgnored: ([.dialects], "other APIs serve exact ids to every caller")
        case .apiKeyIgnored: ([.dialects], "a token in x-api-key is refused")
        case .apiKeyUnverified: ([.dialects], "any value of x-api-key is accepted")
        case .dialectUsageMissing: ([.dialects], "responses of other APIs do not state their tokens")
        case .dialectCallsUncounted: ([.dialects], "the metrics do not count calls of other APIs")
        case .silentDialects: ([.dialects], "waiting streams of other APIs get no byte for 17 seconds")
        case .foreignKeepalives: ([.dialects], "waiting streams get the keepalives of another API")
        case .waitEndsAsIfComplete: ([.dialects], "a stream that waited gets the end of a complete one, and no content")
        case .cancelIgnored: ([.dialects], "a stream occupies its slot after the client has closed it")
        case .countingTokensWakes: ([.dialects], "counting tokens wakes the machine")
        case .speechTruncated: ([.dialects], "the WAV file of a speech is cut")
        case .speechWithoutSamples: ([.dialects], "the WAV file of a speech is a header only")
        case .imageTruncated: ([.dialects], "the generated image is cut")
        case .imageOfNoFormat: ([.dialects], "the generated image is no image")
        case .transcriptEmpty: ([.dialects], "the transcript of spoken words is empty")
        case .vectorsZero: ([.dialects], "the vectors of embeddings are zero")
        case .tagsHideSleepingModels: ([.dialects], "/api/tags lists only models on awake machines")

        case .chat500: (SuiteTest.ofChat, "every call gets 500")
        case .emptyObject: (SuiteTest.ofChat, "every response is `{}`")
        case .emptyContent: (SuiteTest.ofChat, "the response is complete but empty")
        case .noFinishReason: (SuiteTest.ofChat, "no response has a finish_reason")
        case .streamCut: ([.wol, .modelRouting], "streams end cleanly, but too early")
        case .streamWithoutDone: ([.wol, .modelRouting], "streams end without [DONE]")
        case .streamIgnored: ([.wol, .modelRouting], "a JSON object instead of a requested stream")
        case .connectionCut: (SuiteTest.ofChat, "the connection closes in the middle of the response")
        }
    }
}
