import Foundation
import NIOCore
import Synchronization

/// The APIs of other clients, each an independent implementation of its contract.
extension StandInDeployment {
    func respond(
        _ request: StandInRequest, at endpoint: StandInEndpoint, on loop: any EventLoop
    ) -> EventLoopFuture<StandInResponse> {
        guard let caller = caller(request, at: endpoint) else {
            return loop.makeSucceededFuture(dialectError(endpoint, variant.unauthenticatedStatus, "unauthorized"))
        }
        if request.method != endpoint.method {
            let isServed = defect == .dialectMethodsUnchecked
            return loop.makeSucceededFuture(
                isServed ? StandInResponse(body: "{}") : dialectError(endpoint, 405, "use \(endpoint.method)"))
        }
        if endpoint == .ollamaTags { return loop.makeSucceededFuture(tags(caller)) }
        let call = DialectCall(request, endpoint: endpoint)
        guard let model = call.model else {
            let status = defect == .dialectTypesUnchecked ? 500 : 400
            return loop.makeSucceededFuture(dialectError(endpoint, status, "`model` must be a text"))
        }
        if let refusal = dialectRefusal(endpoint, model: model, caller: caller) {
            return loop.makeSucceededFuture(refusal)
        }
        if defect != .dialectCallsUncounted { state.withLock { $0.dialectCalls += 1 } }
        return serve(call, model: model, on: loop)
    }

    private func caller(_ request: StandInRequest, at endpoint: StandInEndpoint) -> StandInTokens.Caller? {
        guard variant.requiresCredentials else { return .unrestricted }
        if defect == .apiKeyUnverified, request.apiKey != nil { return .unrestricted }
        let apiKey = defect == .apiKeyIgnored ? nil : request.apiKey.map { "Bearer \($0)" }
        let isBare = request.authorization == nil && request.apiKey == nil
        if isBare, defect == .dialectsArePublic { return .unrestricted }
        if let authorization = request.authorization, let apiKey, authorization != apiKey { return nil }
        return StandInTokens.caller(request.authorization ?? apiKey, path: endpoint.rawValue, defect: defect)
    }

    private func dialectRefusal(
        _ endpoint: StandInEndpoint, model: String, caller: StandInTokens.Caller
    ) -> StandInResponse? {
        let own = variant.listsCapabilities ? endpoint.ownModel : "sim-small"
        let textModels = ["class:fast", "class:big", "sim-small", "sim-large"]
        let isClass = model.hasPrefix("class:")
        if !isClass, !mayUseIDs(caller), defect != .dialectRolesIgnored {
            return dialectError(endpoint, variant.deniedStatus, "Permission denied: \(model) is not for you")
        }
        let allModels = textModels + StandInEndpoint.allCases.compactMap(\.ownModel)
        guard allModels.contains(model) || defect == .dialectUnknownModelServed else {
            return dialectError(endpoint, variant.unknownStatus, "no model \(model)")
        }
        let isServed = endpoint.isChat ? textModels.contains(model) : model == own
        let hasEngine = endpoint != .speech || variant.speaks
        guard isServed && hasEngine || defect == .dialectUnknownModelServed else {
            return dialectError(endpoint, 501, "no engine with \(model) serves \(endpoint.rawValue)")
        }
        return nil
    }

    private func serve(_ call: DialectCall, model: String, on loop: any EventLoop) -> EventLoopFuture<StandInResponse> {
        if defect == .dialectCallsFail {
            return loop.makeSucceededFuture(dialectError(call.endpoint, 500, "no"))
        }
        if defect == .dialectRepliesEmpty { return loop.makeSucceededFuture(StandInResponse(body: "{}")) }
        let isBig = model == "class:big" || model == "sim-large"
        let served = model.hasPrefix("class:") ? isBig ? "sim-large" : "sim-small" : model
        let format = DialectFormat(
            endpoint: call.endpoint, model: defect == .dialectNamesAnotherModel ? "sim-other" : served, defect: defect)
        if call.wantsStream, defect != .dialectStreamIgnored {
            var response = StandInResponse(headers: [("content-type", format.streamType)])
            addNames(&response, model: served)
            response.stream = { self.write(call, format, isBig: isBig, to: $0) }
            return loop.makeSucceededFuture(response)
        }
        var response = StandInResponse(headers: [("content-type", format.documentType)], body: format.document)
        addNames(&response, model: format.model)
        guard isBig, call.endpoint != .countTokens || defect == .countingTokensWakes else {
            return loop.makeSucceededFuture(response)
        }
        if call.endpoint == .countTokens {
            _ = wakeIfNeeded(on: loop)
            return loop.makeSucceededFuture(response)
        }
        let completed = response
        return wakeIfNeeded(on: loop).map { _ in completed }
            .recover { _ in self.dialectError(call.endpoint, 503, "The machine did not wake up.") }
    }

    private func addNames(_ response: inout StandInResponse, model: String) {
        guard variant.exposesRunner else { return }
        response.headers.append(("x-simpleai-model", model))
    }

    // MARK: Streams

    /// The number of streams that a test sends to a sleeping machine at once.
    private static let waitingStreams = 4
    private static let keepaliveInterval = TimeAmount.milliseconds(50)
    /// Slots for long streams on each path.
    private static let slots = 3

    private func write(_ call: DialectCall, _ format: DialectFormat, isBig: Bool, to body: StandInBody) {
        let isAsleep = isBig && state.withLock { $0.big != .awake }
        if isAsleep {
            let keepalives = repeatKeepalive(format, to: body)
            wakeIfNeeded(on: body.loop, streams: Self.waitingStreams).whenComplete { result in
                keepalives?.cancel()
                if case .failure = result { return self.end(body, with: format.streamError) }
                self.end(body, with: self.defect == .waitEndsAsIfComplete ? format.emptyStream : format.stream)
            }
        } else if call.isLong {
            let keepalives = repeatKeepalive(format, to: body)
            takeSlot(call.endpoint, on: body.loop).whenComplete { _ in
                keepalives?.cancel()
                self.writeLong(format, number: 1, to: body)
                self.releaseSlot(call.endpoint, when: body)
            }
        } else {
            end(body, with: format.stream)
        }
    }

    private func end(_ body: StandInBody, with text: String) {
        body.write(text)
        body.end()
    }

    private func repeatKeepalive(_ format: DialectFormat, to body: StandInBody) -> RepeatedTask? {
        guard defect != .silentDialects else { return nil }
        return body.loop.scheduleRepeatedTask(initialDelay: .zero, delay: Self.keepaliveInterval) { task in
            if body.isOpen { body.write(format.keepalive) } else { task.cancel() }
        }
    }

    /// The duration of a long stream: far longer than a test waits.
    private static let longStream = (pieces: 2000, interval: TimeAmount.milliseconds(20))

    private func writeLong(_ format: DialectFormat, number: Int, to body: StandInBody) {
        guard body.isOpen, number <= Self.longStream.pieces else { return body.end() }
        if number == 1 { body.write(format.opening) }
        body.write(format.piece("\(number) "))
        body.loop.scheduleTask(in: Self.longStream.interval) { self.writeLong(format, number: number + 1, to: body) }
    }

    private func takeSlot(_ endpoint: StandInEndpoint, on loop: any EventLoop) -> EventLoopFuture<Void> {
        let promise = loop.makePromise(of: Void.self)
        let isFree = state.withLock { state in
            guard state.slotsInUse[endpoint.rawValue, default: 0] < Self.slots else {
                state.slotWaiters[endpoint.rawValue, default: []].append(promise)
                return false
            }
            state.slotsInUse[endpoint.rawValue, default: 0] += 1
            return true
        }
        if isFree { promise.succeed() }
        return promise.futureResult
    }

    private func releaseSlot(_ endpoint: StandInEndpoint, when body: StandInBody) {
        let natural = Self.longStream.interval * Self.longStream.pieces
        if defect == .cancelIgnored {
            body.loop.scheduleTask(in: natural) { self.releaseSlot(endpoint) }
        } else {
            body.closed.whenComplete { _ in self.releaseSlot(endpoint) }
        }
    }

    /// Gives the slot to the next stream, if one waits.
    private func releaseSlot(_ endpoint: StandInEndpoint) {
        let next = state.withLock { state -> EventLoopPromise<Void>? in
            if state.slotWaiters[endpoint.rawValue]?.isEmpty == false {
                return state.slotWaiters[endpoint.rawValue]?.removeFirst()
            }
            state.slotsInUse[endpoint.rawValue, default: 0] -= 1
            return nil
        }
        next?.succeed()
    }

    // MARK: Lists

    private func tags(_ caller: StandInTokens.Caller) -> StandInResponse {
        if defect == .dialectCallsFail { return dialectError(.ollamaTags, 500, "no") }
        if defect == .dialectRepliesEmpty { return StandInResponse(body: "{}") }
        let hidesBig = defect == .tagsHideSleepingModels
        let names =
            ["sim-small"] + (hidesBig ? [] : ["sim-large"])
            + (variant.listsCapabilities ? StandInEndpoint.allCases.compactMap(\.ownModel) : [])
        let models = names.map { #"{"name":"\#($0)","model":"\#($0)","size":1}"# }
        return StandInResponse(body: #"{"models":[\#(models.joined(separator: ","))]}"#)
    }

    func metrics() -> StandInResponse {
        let calls = state.withLock { $0.calls + $0.dialectCalls }
        return StandInResponse(
            headers: [("content-type", "text/plain")],
            body: """
                # TYPE simpleai_calls_total counter
                simpleai_calls_total{class="fast",code="ok"} \(calls)

                """)
    }

    func dialectError(_ endpoint: StandInEndpoint, _ status: Int, _ message: String) -> StandInResponse {
        if defect == .dialectErrorsAreText {
            return StandInResponse(status: status, headers: [("content-type", "text/plain")], body: message)
        }
        let types = [
            400: "invalid_request_error", 401: "authentication_error", 403: "permission_error",
            404: "not_found_error", 500: "api_error",
        ]
        let type = types[status] ?? "invalid_request_error"
        let body =
            if endpoint.isAnthropic, defect != .dialectErrorsLikeChat {
                #"{"type":"error","error":{"type":"\#(type)","message":"\#(message)"},"request_id":"r"}"#
            } else if endpoint.isOllama, defect != .dialectErrorsLikeChat {
                #"{"error":"\#(message)"}"#
            } else {
                #"{"error":{"message":"\#(message)","type":"\#(type)","param":null,"code":null}}"#
            }
        return StandInResponse(status: status, body: body)
    }
}

/// The fields of a request that the stand-in reads.
struct DialectCall: Sendable {
    let endpoint: StandInEndpoint
    let model: String?
    let wantsStream: Bool
    /// Whether it asks for a thousand tokens or more.
    let isLong: Bool

    init(_ request: StandInRequest, endpoint: StandInEndpoint) {
        self.endpoint = endpoint
        guard endpoint != .transcriptions else {
            let text = String(decoding: request.body.prefix(1000), as: UTF8.self)
            let part = text.components(separatedBy: "name=\"model\"\r\n\r\n").dropFirst().first
            model = part?.components(separatedBy: "\r\n").first
            (wantsStream, isLong) = (false, false)
            return
        }
        let json = (try? JSONSerialization.jsonObject(with: Data(request.body))) as? [String: Any] ?? [:]
        model = json["model"] as? String
        wantsStream = json["stream"] as? Bool ?? (endpoint == .ollamaChat || endpoint == .ollamaGenerate)
        let limit =
            json["max_tokens"] ?? json["max_output_tokens"] ?? (json["options"] as? [String: Any])?["num_predict"]
        isLong = (limit as? Int ?? 0) >= 1000
    }
}
