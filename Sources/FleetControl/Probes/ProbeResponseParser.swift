import NIOCore
import Relay
import Settings
import SimpleAICore

/// The result of one probe.
enum ProbeFinding: Hashable {
    /// The engine is up and works.
    /// - Parameters:
    ///   - models: its model list; nil if the response contains none.
    ///   - problem: a problem for the operator, although the engine works.
    case responded(models: EngineModelList?, problem: String? = nil)
    /// The engine states that it is not ready yet, in its words.
    case loading(String)
    /// The connection was accepted, but no response arrived in time.
    case silent
    /// The connection was refused.
    case refused
    /// The engine is up, and states that it cannot serve. With a reason for the operator.
    case notAble(String)
    /// Another server responded in the engine's place. With a reason for the operator.
    case foreignResponse(String)
    /// With a reason for the operator.
    case unreachable(String)
    /// The gateway had no free connection, which is no evidence about the runner. With a reason for the operator.
    case noConnection(String)

    /// A problem for the operator; nil for ordinary results.
    var problem: String? {
        switch self {
        case .responded(_, let problem): problem
        case .notAble(let reason), .foreignResponse(let reason), .noConnection(let reason): reason
        case .loading, .silent, .refused, .unreachable: nil
        }
    }

    /// Why the runner cannot serve, or another problem for operators; nil if there is none.
    /// - Parameter authority: the address that was probed.
    func reason(at authority: String) -> OperatorReason? {
        switch self {
        case .responded(_, nil): nil
        case .responded(_, let problem?): "\(authority): \(problem)"
        case .loading(let words): "\(authority): \(words)"
        case .silent: "\(authority) accepted the connection and sent no response in time"
        case .refused: "connection refused by \(authority)"
        case .notAble(let reason), .foreignResponse(let reason), .unreachable(let reason), .noConnection(let reason):
            "\(authority): \(reason)"
        }
    }
}

/// Classifies the response to a probe. No I/O; records whether the engine has listed models before.
///
/// An engine may have no model list, or refuse to return it. An HTML page, a status such as 502, or a list without any of
/// the models that it contained before indicates that another server responded in the engine's place.
///
/// The rule about lists applies only if the settings state the runner's models. Otherwise a changed list is accepted: an
/// engine may be restarted with another model, and replicas have equal lists, so a list cannot show whether another
/// machine has the address now or the operator changed the model. Calls are correct in both cases, because the gateway
/// uses the list that the server at the address returned.
struct ProbeResponseParser {
    /// The engine's own ids of the models in settings; empty if the engine's list applies.
    private let statedIDs: Set<EngineModelID>
    /// Whether the probe requests the model list; operators may configure another path.
    private let requestsList: Bool
    private var hasListedStated = false
    private var hasListedModels = false

    init(_ runner: Settings.StaticRunner) {
        statedIDs = Set(Runner(runner).publicModels(engineModels: []).values)
        requestsList = runner.probe.path == Settings.Probe.usualPath
    }

    mutating func read(_ result: Result<UpstreamFetch.Response, UpstreamFailure>) -> ProbeFinding {
        switch result {
        case .success(let response): read(response)
        case .failure(let failure): Self.read(failure)
        }
    }

    private static func read(_ failure: UpstreamFailure) -> ProbeFinding {
        switch failure {
        case .refused: .refused
        case .unreachable, .connectionTimedOut, .runnerDeclaredUnreachable: .unreachable(failure.reason)
        case .firstByteTimeout, .gapTimeout: .silent
        case .staleConnection, .closedBeforeResponse: .foreignResponse("the connection was closed without a response")
        case .closedDuringResponse: .foreignResponse("the connection was closed during the response")
        case .exhausted(let reason): .noConnection("the gateway has no free connection: \(reason)")
        case .bodyUnavailable(let reason): .noConnection("the gateway could not read the request body: \(reason)")
        case .untrusted, .malformed: .foreignResponse(failure.reason)
        }
    }

    private mutating func read(_ response: UpstreamFetch.Response) -> ProbeFinding {
        let status = response.status
        switch status {
        case 200...299: return readList(response)
        case 502, 504, 300...399: return .foreignResponse("the probe returned status \(status)")
        case 503:
            return Self.statesLoading(response)
                ? .loading(Self.words(of: response)) : .foreignResponse("the probe returned status 503")
        case 429: return .responded(models: nil)
        case _ where Self.isPage(response):
            return .foreignResponse("the probe returned an HTML page with status \(status)")
        // Not every engine has a list, or shows it without other credentials. Settings then state its models.
        case 404, 405, 501: return hasStatedList ? .responded(models: nil) : .notAble(Self.refusal(status))
        case 401, 403, 407:
            let advice = "\(Self.refusal(status)); check the runner's api_key"
            return hasStatedList ? .responded(models: nil, problem: advice) : .notAble(advice)
        default: return .notAble(Self.refusal(status))
        }
    }

    private var hasStatedList: Bool { requestsList && !statedIDs.isEmpty }

    private static func refusal(_ status: Int) -> String { "the probe returned status \(status)" }

    private mutating func readList(_ response: UpstreamFetch.Response) -> ProbeFinding {
        let list = EngineModelList(response.body)
        guard requestsList else { return .responded(models: list) }
        guard !Self.isPage(response) else {
            return .foreignResponse("the probe returned an HTML page instead of a model list")
        }
        guard let list else { return .responded(models: nil) }
        guard !list.models.isEmpty else {
            // The engine is starting, and has no model to serve yet.
            if hasListedModels { return .loading("its list no longer contains models") }
            return .responded(models: list, problem: statedIDs.isEmpty ? "its list has no models" : nil)
        }
        hasListedModels = true
        guard !statedIDs.isEmpty else { return .responded(models: list) }
        if list.models.contains(where: isStated) {
            hasListedStated = true
        } else if hasListedStated {
            return .foreignResponse(
                "its list no longer contains any of the runner's models; another machine may have its address")
        }
        return .responded(models: list)
    }

    /// Whether the settings state this model, by its id or by its id without the implied tag.
    private func isStated(_ model: EngineModelID) -> Bool {
        statedIDs.contains(model)
            || ImpliedTag.shortID(of: model).map { statedIDs.contains(EngineModelID($0.rawValue)) } ?? false
    }

    /// Whether the response is an HTML page, which engines do not return.
    private static func isPage(_ response: UpstreamFetch.Response) -> Bool {
        response.mediaType.lowercased().hasPrefix("text/html") || firstByte(of: response) == UInt8(ascii: "<")
    }

    /// Whether a 503 is an engine's: engines explain it in JSON or not at all, other texts come from proxies.
    private static func statesLoading(_ response: UpstreamFetch.Response) -> Bool {
        guard !isPage(response) else { return false }
        let first = firstByte(of: response)
        return first == nil || first == UInt8(ascii: "{")
            || String(buffer: response.body).lowercased().contains("loading")
    }

    /// The status and the engine's message, such as `503 Loading model`.
    private static func words(of response: UpstreamFetch.Response) -> String {
        let words = EngineError(ArraySlice(response.body.readableBytesView)).message
        return "\(response.status)\(words.map { " \($0)" } ?? "")"
    }

    private static func firstByte(of response: UpstreamFetch.Response) -> UInt8? {
        response.body.readableBytesView.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }
    }
}
