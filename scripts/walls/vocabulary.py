"""Banned identifiers and phrases, each with its replacement and an example that `scripts/test-check-walls` inserts.

Identifiers are looked for in Swift code without comments and literals, phrases in comments, string literals and
documents. docs/GLOSSARY.md lists the words to use."""

import re

CODE_FOLDERS = ("Sources/", "Tests/", "Fuzz/", "Benchmarks/")
TEXT_FOLDERS = CODE_FOLDERS + ("scripts/", "bin/", "docs/", "examples/", ".github/", ".githooks/", ".devcontainer/")

# (pattern of a whole identifier, what to use, an identifier that the pattern refuses, the only folder where it counts)
IDENTIFIERS = [
    (r"TickedFlush\w*", "CoalescingWriter", "TickedFlush"),
    (r"FlushBatch", "EndOfTickFlusher", "FlushBatch"),
    (r"AnswerReader\w*", "ResponseParser", "AnswerReader"),
    (r"RequestReader\w*", "RequestParser", "RequestReader"),
    (r"upstream(?:Answered|Sent|Ended)", "responseHeadReceived, responseBodyReceived, responseEndReceived",
     "upstreamAnswered"),
    (r"EventShapes?", "EventTemplate", "EventShape"),
    (r"patience|\w+Patience", "maxMisses, maxDeferral or …Timeout, by what it is", "patience"),
    (r"most|least", "max… or min…, by what it limits", "most", "Sources"),
    (r"(?:most|least|few)(?!Busy|Generous|Recent|Specific|Squares)[A-Z]\w*|longest(?!Wait|Gap|Silence|RunOfZeros|First)[A-Z]\w*",
     "max… or min…, by what it limits", "longestLine", "Sources"),
    (r"[Hh]ope|hopeForLoad|\w*Hopeless", "WaitReason, maxFailedWakeAttempts", "attemptsUntilHopeless"),
    (r"[Pp]rospect", "Admission, admission", "prospect"),
    (r"isNews", "didChange", "isNews"),
    (r"becameAble", "markReady", "becameAble"),
    (r"attend(?:ed|s)?|attend[A-Z]\w*", "trackDeadline, agentsWithDeadline, or what is done", "attended"),
    (r"somethingIsHeld", "hasModelsBlockedByLoad", "somethingIsHeld"),
    (r"disappoints?", "servesNoWaiter", "disappoints"),
    (r"\w*Door|\w*Doorbell|door(?:bell)?|knocks?", "…Bridge, …Admission, AsyncSignal, onRequest", "AgentDoor"),
    (r"\w*Hygiene\w*", "the rule: …Validation, …Headers; SecurityHeadersMiddleware", "AnswerHygiene"),
    (r"ErrorObjects", "ErrorResponseMiddleware", "ErrorObjects"),
    (r"CrossOriginAnswers", "CORSMiddleware", "CrossOriginAnswers"),
    (r"\w*[Gg]oodbye\w*|farewell", "startGracefulClose, closeGracePeriod", "sayGoodbye"),
    (r"lastWords?|\w+LastWords?", "drainGracePeriod, lastOutput", "lastWords"),
    (r"TurnClock\w*|RecentTurns|takeTurn|costOfTurn|lastTurn|hadLastTurn",
     "FairQueueClock, RecentGrants, grantSlot, fairQueueCost, lastGrant", "TurnClock"),
    (r"leaps", "clockAdvance", "leaps"),
    (r"[Oo]rders|SleepOrder|\w+OrderEnded|OrderReader\w*", "commands; Command; …Request", "orders"),
    (r"(?!\w*(?:Yes|No)Answer)(?:[a-z]\w*Answers?|Answer[A-Z]\w*)", "…Response, or a completion", "upstreamAnswer", "Sources"),
    (r"tells?|tells?[A-Z]\w*|says|says[A-Z]\w*|hears?|heard\w*|mends?", "report…, state…, receive…, fix", "tell", "Sources"),
    (r"whoever\w*|nobody\w*|who[A-Z]\w*", "the actor: caller, client, runner, agent, peer", "whoWaits"),
    (r"\w*(?:Nobody|Whoever|Everybody|Somebody|Anybody)\w*", "the actor: caller, client, runner, agent, peer",
     "closesForNobody"),
    (r"\w*(?:IsTold|AreTold|IsSaid|AreSaid|SaysWhy|TellsApart|GiveWay|GivesWay)\w*",
     "reports…, states…, distinguishes…, isEvicted", "callerIsTold"),
    (r"[Ss]urroundings", "HostEnvironment", "Surroundings", "Sources"),
    (r"[Ss]trangers?|\w*Strangers?(?:[A-Z]\w*)?|acquaintances",
     "unauthenticatedClients, unknownHolders, knownHolders", "strangers"),
    (r"complain|complaint|lastComplaint|distrust", "reportProblem, problem, errorMessage", "complaint", "Sources"),
    (r"pullPlug|fallSilent|obey[A-Z]?\w*|fruitlessWakes",
     "what is done: closeConnections, stopResponding, handle…, failedWakesInARow", "pullPlug"),
]

# (pattern of a phrase in any case, what to use, a sentence that the pattern refuses); a blank matches a line break, too
PHRASES = [
    (r"past the channel", "directly to the socket", "written past the channel"),
    (r"the short way(?: of an answer)?", "direct socket write; responses bypass the pipeline", "it takes the short way"),
    (r"patience|patient(?:ly)?", "timeout, or the limit that is meant", "its patience ends"),
    (r"goodbyes?|farewell|last words?", "graceful close, last output, final event", "it says goodbye"),
    (r"(?<!next )(?<!open )door(?:s|bells?)?|knock(?:s|ed)?", "entry point, signal, request", "the doorbell rings"),
    (r"hopes?|hopeless|hopefully", "waits for; the admission decides", "there is no hope"),
    (r"nobody|no one|no-one", "the actor: no caller, no client, no runner; or the passive", "nobody waits"),
    (r"whoever|whomever", "the caller (client, runner, …) that", "whoever asks"),
    (r"somebody|someone|anybody|anyone|everybody|everyone", "the actor: a caller, any client, all callers",
     "somebody else"),
    (r"who (?:left|leaves|comes|came|waits?|waited|asks?|asked|knocks?|talks?|goes|went|makes)",
     "the caller (client, peer, runner) that …", "tells who left"),
    (r"those who", "callers that, clients that", "those who wait"),
    (r"what is no \w+", "malformed …; not a …", "what is no request"),
    (r"mend(?:s|ed|ing)?", "fix, repair", "how to mend it"),
    (r"(?:tells|told|tell) (?:(?:the|a|its|an|all|every|those) )?(?:client|caller|gateway|agent|runner|operator|peer|engine|others?|it|them)s?",
     "reports to, informs, sends", "it tells the client"),
    (r"(?:is|are|was|were|be|been) (?:told|said)", "is reported, is stated", "the operator is told"),
    (r"says? (?:so|nothing|more|goodbye|otherwise|only|who|why|what|when|where|that|whether|how)", "states, reports",
     "the log says why"),
    (r"(?:it|they|engine|runner|agent|gateway|machine|server) (?:say|says|said)", "reported, stated; its output",
     "what the engine said"),
    (r"tells (?:here|more|of|that|what|when|where|whether|which|who|why)", "reports, states; see", "the guide tells more"),
    (r"hears? (?:of|from|nothing|that|about)|heard (?:of|from|nothing)", "receives, is notified of", "it hears of that"),
    (r"gives? way|gave way|given way", "is evicted; yields its slot", "it gives way"),
    (r"(?:be|is|are|was|has|have) gone", "disconnected, closed, unreachable", "the client is gone"),
    (r"comes? back", "returns, reconnects, recovers", "it comes back"),
    (r"thoughts", "reasoning tokens", "its thoughts"),
    (r"turns? (?:of callers|elsewhere|anywhere)|takes? turns|whose turn|its turn|their turns?",
     "fair queueing; round robin; is next in the queue", "it is its turn"),
    (r"(?:(?:an?|the|its|their|every|open) )?orders? (?:to|of|for|from) (?:an?|the) (?:agent|gateway|machine|operator)",
     "command", "an order to the agent"),
    (r"our (?:own )?fault", "Unhandled error in the control plane; internal error", "for our own fault"),
    (r"in vain", "without result; failed", "it waits in vain"),
    (r"strangers?", "unauthenticated clients; unknown addresses", "strangers are refused"),
    (r"acquaintances?", "known holders", "an acquaintance"),
    (r"look-?alikes?", "canonically equivalent names", "look-alikes differ"),
    (r"pull(?:s|ed)? the plug", "closes all connections", "it pulls the plug"),
    (r"obey(?:s|ed)?", "executes, applies", "the agent obeys"),
    (r"a word (?:about|of|more)|without a word", "silently; no message", "it ends without a word"),
    (r"from now on|all the same|as such|to this day", "nothing: leave it out", "it works all the same"),
    (r"A runner failed call after call", "Runner ejected", "A runner failed call after call"),
    (r"A machine was told to wake up", "Wake started", "A machine was told to wake up"),
    (r"An engine does not serve", "Engine unhealthy", "An engine does not serve"),
    (r"An engine serves", "Engine healthy", "An engine serves"),
    (r"The gateway cannot be joined", "Gateway unreachable", "The gateway cannot be joined"),
    (r"The gateway(?:'s connection)? is lost", "Gateway connection lost", "The gateway is lost"),
    (r"A runner's state changed", "Runner state changed", "A runner's state changed"),
    (r"Is it right\?", "Verify a deployment", "## Is it right?"),
    (r"shall (?:see|go|be|not)", "is, must", "it shall be closed"),
    (r"so many (?:bytes|of|at)", "N, the limit", "after so many bytes"),
]

# Sentences and identifiers that the table must let pass.
CLEAN_CODE = ["mostGenerous", "longestWait", "almost", "answer", "order", "storyteller", "leastBusy", "who", "isYesAnswer"]
CLEAN_TEXT = ["410 Gone", "next door", "in turn", "a standoff", "the caller that waits", "a list of commands", "amendment",
              "who", "mostly"]

# (path, what may stand there, why): the whole list of exceptions.
EXCUSED = [
    ("scripts/walls/vocabulary.py", None, "the table itself"),
    ("scripts/test-check-walls", None, "inserts what the rules forbid"),
    ("docs/GLOSSARY.md", None, "lists the words to avoid"),
    ("Tests/AuthenticationTests/Providers/ProviderShape+All.swift", "Everyone", "the name of Okta's group of all users"),
]

# A phrase goes on in the next line of a comment or a paragraph.
BLANK = r"(?:[ \t]+|[ \t]*\n[ \t]*(?:///?|#|>)?[ \t]*)"


_IDENTIFIERS = [(re.compile(row[0]), row[1], "".join(row[3:])) for row in IDENTIFIERS]
_ANY_IDENTIFIER = re.compile("|".join(row[0] for row in IDENTIFIERS))
_BODIES = [r"(?<!\w)(?:" + re.sub(r"(?<!<!next)(?<!<!open) ", lambda _: BLANK, row[0]) + r")(?!\w)" for row in PHRASES]
_PHRASES = [(re.compile(body, re.IGNORECASE), row[1]) for body, row in zip(_BODIES, PHRASES)]


def check_code(path, source):
    """Banned identifiers of one Swift file, as `(line, message)`."""
    if not path.startswith(CODE_FOLDERS):
        return
    for word in re.finditer(r"(?<![\w$])[A-Za-z_]\w*", source.code):
        if _ANY_IDENTIFIER.fullmatch(word.group(0)):
            for pattern, use, where in _IDENTIFIERS:
                if path.startswith(where) and pattern.fullmatch(word.group(0)):
                    yield from _report(path, source.code, word, use)
                    break  # one replacement is enough


def check_prose(path, text, source=None):
    """Banned phrases of a text file, of a Swift file's comments and literals only, as `(line, message)`."""
    if not path.startswith(TEXT_FOLDERS) and ("/" in path or path in ("CHANGELOG.md", "LICENSE")):
        return
    if source is not None:
        text = source.prose()
    for pattern, use in _PHRASES:
        for match in pattern.finditer(text):
            yield from _report(path, text, match, use)


def _report(path, text, match, use):
    found = " ".join(re.sub(r"\n[ \t]*(?:///?|#|>)?", " ", match.group(0)).split())
    if not any(path == where and (what is None or what == found) for where, what, _ in EXCUSED):
        yield text.count("\n", 0, match.start()) + 1, f"\"{found}\" is not in this project's vocabulary; use \"{use}\""
