import Foundation
import NIOCore
import Synchronization

extension StandInDeployment {
    // MARK: Responses

    func response(_ request: StandInRequest, model asked: String, wake: String?, on loop: any EventLoop)
        -> StandInResponse
    {
        var isBig = asked == "class:big" || asked == "sim-large"
        if defect == .bigServedByFast { isBig = false }
        if defect == .fastServedByBig { isBig = true }
        let (number, runner) = state.withLock { state -> (Int, String) in
            state.calls += 1
            let runner = isBig ? "big-1" : fastRunner(&state)
            state.served[runner, default: 0] += 1
            state.inFlight[runner, default: 0] += 1
            return (state.calls, runner)
        }
        let delay = serviceTime(number)
        loop.scheduleTask(in: delay) { self.state.withLock { $0.inFlight[runner, default: 0] -= 1 } }

        if isLost(number, wake: wake) { return error(503, "no_runner_available", "not found") }
        if defect == .emptyObject { return StandInResponse(body: "{}") }
        let model = name(isBig ? "sim-large" : "sim-small", asked: asked, number: number)
        let streams = request.wantsStream && defect != .streamIgnored
        var response = StandInResponse(body: streams ? stream(model) : object(model))
        if streams { response.headers = [("content-type", "text/event-stream")] }
        if variant.exposesRunner {
            response.headers.append(("x-simpleai-runner", defect == .inventsRunners ? "runner-\(number)" : runner))
            response.headers.append(("x-machine", runner))
            response.headers.append(("x-simpleai-model", defect == .headerNamesAnotherModel ? "sim-other" : model))
        }
        if variant.exposesWake {
            response.headers.append(
                ("x-simpleai-wake", wake.flatMap { $0.isEmpty ? nil : "250; wake=\($0)" } ?? "none"))
        }
        if defect == .tokenEchoed { response.headers.append(("x-debug", request.authorization ?? "")) }
        response.delay = delay
        response.isCut = defect == .connectionCut
        return response
    }

    private func serviceTime(_ number: Int) -> TimeAmount {
        // Uneven, so that workers do not run in lockstep.
        let unevenness = Int64(number * 37 % 50)
        switch defect {
        case .oneAtATime: return queueDelay()
        // The defect shows only if calls overlap, so they last far longer than any delay of this host.
        case .skewed: return .milliseconds(400 + 4 * unevenness)
        default: return .milliseconds(20 + unevenness)
        }
    }

    /// The duration of a call if each waits for the previous one: far longer than any delay of this host.
    private func queueDelay() -> TimeAmount {
        state.withLock { state in
            let now = NIODeadline.now()
            state.busyUntil = max(state.busyUntil, now) + .milliseconds(100)
            return state.busyUntil - now
        }
    }

    private func isLost(_ number: Int, wake: String?) -> Bool {
        switch defect {
        case .losesMost: !number.isMultiple(of: 20)
        case .losesFew: number.isMultiple(of: 20)
        case .losesHeldCalls: wake != nil && number.isMultiple(of: 2)
        default: false
        }
    }

    /// The model that a response names.
    private func name(_ model: String, asked: String, number: Int) -> String {
        switch defect {
        case .wrongModel: "sim-other"
        case .wrongModelSometimes: number.isMultiple(of: 3) ? "sim-other" : model
        case .classEchoed: asked
        default: model
        }
    }

    private func fastRunner(_ state: inout State) -> String {
        let count = state.served["fast-1", default: 0] + state.served["fast-2", default: 0]
        switch defect {
        case .allToOneRunner: return "fast-1"
        case .skewed: return count % 20 == 19 ? "fast-2" : "fast-1"
        case .neverInTurn: return (count / 3).isMultiple(of: 2) ? "fast-1" : "fast-2"
        default: break
        }
        switch variant.sharing {
        case .roundRobin: return count.isMultiple(of: 2) ? "fast-1" : "fast-2"
        case .leastBusy:
            return state.inFlight["fast-1", default: 0] <= state.inFlight["fast-2", default: 0] ? "fast-1" : "fast-2"
        }
    }

    private func object(_ model: String) -> String {
        let content = defect == .emptyContent ? "" : "ready"
        let reason = defect == .noFinishReason ? "null" : "\"stop\""
        return #"{"id":"c","object":"chat.completion","model":"\#(model)","choices":[{"index":0,"#
            + #""message":{"role":"assistant","content":"\#(content)"},"finish_reason":\#(reason)}]}"#
    }

    private func stream(_ model: String) -> String {
        let name = defect == .streamNamesAnotherModel ? "sim-other" : model
        func chunk(_ delta: String, _ reason: String, by name: String) -> String {
            #"data: {"object":"chat.completion.chunk","model":"\#(name)","choices":[{"index":0,"delta":\#(delta),"#
                + #""finish_reason":\#(reason)}]}"# + "\n\n"
        }
        let first = defect == .streamChangesModel ? "sim-other" : name
        var text = chunk(#"{"role":"assistant"}"#, "null", by: first)
        if defect != .emptyContent { text += chunk(#"{"content":"ready"}"#, "null", by: name) }
        if defect == .streamCut { return text }
        text += chunk("{}", defect == .noFinishReason ? "null" : "\"stop\"", by: name)
        return defect == .streamWithoutDone ? text : text + "data: [DONE]\n\n"
    }

    func error(_ status: Int, _ code: String, _ message: String) -> StandInResponse {
        let status = defect == .errorsAre200 ? 200 : status
        guard defect != .plainTextErrors else {
            return StandInResponse(status: status, headers: [("content-type", "text/plain")], body: message)
        }
        let rest = defect == .errorsLackKeys ? "" : #","param":null,"code":"\#(code)""#
        return StandInResponse(status: status, body: #"{"error":{"message":"\#(message)","type":"t"\#(rest)}}"#)
    }

    func unauthorized(_ request: StandInRequest) -> StandInResponse {
        if defect == .badTokenIs400 { return error(400, "invalid_request", "bad token") }
        if defect == .badTokenIs500 { return error(500, "internal_error", "bad token") }
        let token = defect == .tokenInMessage ? " with \(request.authorization ?? "nothing")" : ""
        var response = error(variant.unauthenticatedStatus, "invalid_api_key", "unauthorized\(token)")
        if defect != .noChallenge { response.headers.append(("www-authenticate", "Bearer realm=\"stand-in\"")) }
        if defect == .tokenEchoed { response.headers.append(("x-debug", request.authorization ?? "")) }
        return response
    }

    // MARK: The list

    func modelList(_ caller: StandInTokens.Caller) -> StandInResponse {
        if defect == .listForbidden, !caller.isAdmin {
            return error(403, "permission_denied", "Permission denied: list")
        }
        let big = state.withLock { state in
            if state.big == .waking { state.pollsWhileWaking += 1 }
            return state.big
        }
        defer { if defect != .wakesNothing { completeBoot(onlyIfComplete: true) } }
        if defect == .listBreaksWhileWaking, big == .waking { return error(500, "internal_error", "no list") }
        let isAwake = big == .awake && defect != .staysListedAsleep
        let bigState = isAwake ? "ready" : big == .waking ? "waking" : "asleep"
        var entries = [
            entry("class:fast", state: "ready", ready: 2, classes: "fast"),
            entry("class:big", state: bigState, ready: isAwake ? 1 : 0, classes: "big"),
            entry("sim-small", state: "ready", ready: 2, classes: "fast"),
            entry("sim-large", state: bigState, ready: isAwake ? 1 : 0, classes: "big"),
        ]
        if variant.servesDialects, variant.listsCapabilities { entries += StandInEndpoint.listedModels }
        if defect == .listRepeatsItself { entries.append(entries[2]) }
        if !variant.listsClasses {
            entries.removeFirst(2)
        } else if !variant.hasBigClass {
            entries.remove(at: 1)
        }
        return StandInResponse(body: #"{"object":"list","data":[\#(entries.joined(separator: ","))]}"#)
    }

    private func entry(_ id: String, state: String, ready: Int, classes: String) -> String {
        let owner = defect == .listWithoutOwner ? "" : #","owned_by":"stand-in""#
        let isListed = variant.listsClasses && (variant.hasBigClass || classes != "big")
        let membership = isListed ? #","classes":["\#(classes)"]"# : ""
        let runners = variant.exposesRunner && variant.countsRunners ? #","runners_ready":\#(ready)"# : ""
        let statesChat = variant.servesDialects && variant.listsCapabilities
        let capabilities = statesChat ? #","capabilities":["chat","messages","responses"]"# : ""
        return
            #"{"id":"\#(id)","object":"model","created":1\#(owner),"#
            + #""state":"\#(state)"\#(runners)\#(membership)\#(capabilities)}"#
    }
}

extension StandInRequest {
    private var json: [String: Any]? {
        (try? JSONSerialization.jsonObject(with: Data(body))) as? [String: Any]
    }

    var model: String? { json?["model"] as? String }
    var prompt: String? { (json?["messages"] as? [[String: Any]])?.first?["content"] as? String }
    var maxTokens: Int? { json?["max_tokens"] as? Int }
    var wantsStream: Bool { json?["stream"] as? Bool ?? false }
}
