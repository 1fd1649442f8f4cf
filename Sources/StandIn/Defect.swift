/// A violation of one requirement of the contract by the stand-in; it proves that a check detects that violation.
package enum Defect: String, CaseIterable, Sendable {
    // Waking
    case nothingSlept, wakePerRequest, wakesNothing, wakesWithoutPacket, malformedPacket, wakesWhenWarm
    case unknownClassWakes, staysListedAsleep, listBreaksWhileWaking, losesHeldCalls, silentWhileHeld
    case packetPerRequest, wakeNamedToSome, wakesNamedApart, wakesOnce
    // Routing
    case wrongModel, wrongModelSometimes, classEchoed, bigServedByFast, fastServedByBig
    case streamNamesAnotherModel, streamChangesModel, headerNamesAnotherModel
    case unknownClassServed, unknownClassSlow, unknownClassIs500, unknownModelServed, unknownModelWithoutCode
    case listWithoutOwner, listRepeatsItself
    // Load
    case allToOneRunner, skewed, losesMost, losesFew, neverInTurn, inventsRunners, oneAtATime
    // Rights
    case signatureUnverified, signatureMayBeMissing, claimsUnverified, algorithmNoneAccepted, expiredAccepted
    case anybodyAccepted, listIsPublic, chatIsPublic, rolesIgnored, classesDenied, idsDeniedToAll
    case adminRefused, adminIsNoCaller, adminOpen, adminOpenToSpecific, deniedAs404, deniedAsPlain400
    case denialInsideStream, tokenEchoed, tokenInMessage, noChallenge, plainTextErrors, errorsLackKeys, errorsAre200
    case badTokenIs400, badTokenIs500, listForbidden, locksOut, unknownModelLocksOut, adminDenialLocksOut
    // APIs of other clients
    case dialectCallsFail, dialectRepliesEmpty, dialectNamesAnotherModel, dialectStreamTruncated
    case dialectStreamEndsAsIfComplete, dialectStreamEndsTwice, dialectStreamIgnored
    case dialectErrorsLikeChat, dialectErrorsAreText, dialectUnknownModelServed, dialectTypesUnchecked
    case dialectsArePublic, dialectMethodsUnchecked, dialectRolesIgnored, apiKeyIgnored, apiKeyUnverified
    case dialectUsageMissing, dialectCallsUncounted, silentDialects, foreignKeepalives, waitEndsAsIfComplete
    case cancelIgnored, countingTokensWakes, tagsHideSleepingModels
    case speechTruncated, speechWithoutSamples, imageTruncated, imageOfNoFormat, transcriptEmpty, vectorsZero
    // Responses
    case chat500, emptyObject, emptyContent, streamCut, streamWithoutDone, streamIgnored, connectionCut, noFinishReason

    /// The name on the command line: `nothing-slept`.
    package var name: String {
        rawValue.reduce(into: "") { name, letter in
            if letter.isUppercase || letter.isNumber && name.last?.isNumber == false { name += "-" }
            name += letter.lowercased()
        }
    }

    package init?(name: String) {
        guard let defect = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = defect
    }
}
