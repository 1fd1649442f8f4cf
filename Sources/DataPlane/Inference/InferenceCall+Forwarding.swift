import Dialects
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import Relay
import Scheduling
import Settings
import SimpleAICore

/// Sends a call to a runner: as it is, or translated for an engine that does not serve its endpoint.
extension InferenceCall {
    /// A request as an engine receives it.
    private struct EngineRequest {
        let endpoint: Endpoint
        let body: ByteBuffer
        /// The form in place of `body`, its media type and its model; nil for JSON.
        var form: (source: any BodySource, contentType: String, model: String)?
        /// Whether it asks for the usage chunk.
        let asksForUsage: Bool
        let isTranslated: Bool
    }

    func forward(_ call: AuthorizedCall, _ lease: Lease, usesNewConnection: Bool) {
        guard let upstream = services.upstreams[lease.runner] else {
            return handle(.upstreamFailed(.unreachable("the runner has no address")))
        }
        forwarding.upstream = upstream
        memory.release(upstreamResponse.reservedBytes)
        do throws(GatewayError) {
            let isTranslated = state.mustTranslate || upstream.translates(endpoint, of: lease.model)
            let request =
                isTranslated
                ? try translatedRequest(call.call, lease, upstream)
                : try formRequest(call.call, lease) ?? nativeRequest(call.call, lease, upstream)
            forwarding.endpoint = request.endpoint
            upstreamResponse = UpstreamResponse(to: expectations(of: request, call.call, lease, upstream))
            if isTranslated, answerWithoutEngine(lease) { return }
            send(request, to: upstream, usesNewConnection: usesNewConnection)
        } catch {
            upstreamResponse = UpstreamResponse()
            handle(.refused(error))
        }
    }

    private func send(_ request: EngineRequest, to upstream: Upstream, usesNewConnection: Bool) {
        progress.delivery = StreamDelivery()
        timeline.sent = .now()
        var head = ForwardedHeaders.request(
            from: head, path: request.endpoint.path, dialect: request.endpoint.dialect, to: upstream,
            contentType: request.form?.contentType ?? "application/json",
            bodyLength: request.form?.source.length ?? request.body.readableBytes, requestID: id.rawValue)
        if let form = request.form, isAgent(upstream.runner) { AgentRequest.add(model: form.model, to: &head.headers) }
        let upstreamRequest = UpstreamRequest(head: head, body: request.body, bodySource: request.form?.source)
        let exchangeHandle = ExchangeHandle()
        forwarding.exchangeHandle = exchangeHandle
        services.pools.pool(on: eventLoop).send(
            upstreamRequest, to: upstream, for: self, exchangeHandle: exchangeHandle,
            timeouts: timeouts, usesNewConnection: usesNewConnection)
    }

    /// How long an engine may take for a count that the gateway can estimate.
    private static let estimateTimeout: TimeAmount = .seconds(2)

    private var timeouts: UpstreamTimeouts {
        var timeouts = rules.upstreamTimeouts
        guard endpoint.hasEstimate else { return timeouts }
        timeouts.connect = min(timeouts.connect, Self.estimateTimeout)
        timeouts.firstByte = min(timeouts.firstByte, Self.estimateTimeout)
        return timeouts
    }

    private func isAgent(_ runner: RunnerID) -> Bool {
        !rules.settings.runners.contains { $0.id == runner }
    }

    /// Nil for a call whose body is JSON.
    private func formRequest(_ call: Call, _ lease: Lease) throws(GatewayError) -> EngineRequest? {
        guard let form = body.form else { return nil }
        let model = lease.engineModel.rawValue
        let source = try form.source(
            model: model, rules.access.parameters.edits(for: call, servedBy: lease.model))
        return EngineRequest(
            endpoint: endpoint, body: ByteBuffer(), form: (source, form.contentType, model), asksForUsage: false,
            isTranslated: false)
    }

    private func nativeRequest(_ call: Call, _ lease: Lease, _ upstream: Upstream) -> EngineRequest {
        let addsUsage =
            call.streams && !call.wantsUsage && endpoint.supportsStreamUsage && state.mayAddUsageOption
            && upstream.acceptsStreamUsage
        let bytes = body.content.forwarded(
            model: lease.engineModel.rawValue, addingUsage: addsUsage, leavingOut: body.request?.promptCacheBreaker)
        let path =
            endpoint.hasOtherSpellings
            ? upstream.spelling(of: endpoint, of: lease.model, excluding: forwarding.missingPaths) : nil
        return EngineRequest(
            endpoint: path ?? endpoint, body: applyingParameters(to: bytes, of: call, lease, at: endpoint),
            asksForUsage: addsUsage,
            isTranslated: false)
    }

    /// Whether the engine may serve the API at another path than that of this request.
    private func mayUseOtherPath(than path: Endpoint, _ lease: Lease, _ upstream: Upstream) -> Bool {
        guard endpoint.hasOtherSpellings else { return false }
        var excluded = forwarding.missingPaths
        excluded.insert(path)
        return upstream.spelling(of: endpoint, of: lease.model, excluding: excluded) != nil
    }

    private func translatedRequest(
        _ call: Call, _ lease: Lease, _ upstream: Upstream
    ) throws(GatewayError) -> EngineRequest {
        let translated = try translatedBody()
        let hasOption = call.streams && translated.endpoint.supportsStreamUsage
        let asksForUsage = hasOption && state.mayAddUsageOption && upstream.acceptsStreamUsage
        let bytes = translated.content.forwarded(
            model: lease.engineModel.rawValue, addingUsage: asksForUsage, removingUsage: hasOption && !asksForUsage)
        return EngineRequest(
            endpoint: translated.endpoint,
            body: applyingParameters(to: bytes, of: call, lease, at: translated.endpoint),
            asksForUsage: asksForUsage, isTranslated: true)
    }

    /// The translated body; made once, however many runners receive it.
    private func translatedBody() throws(GatewayError) -> TranslatedBody {
        if let translated = body.translated { return translated }
        guard let translated = try body.request?.translated() else {
            throw GatewayError(.endpointNotSupported, "No engine with this model supports \(endpoint.path).")
        }
        if let error = reserveMemory(translated.body.count, for: "request bodies") { throw error }
        body.reservedBytes += translated.body.count
        if !translated.droppedFields.isEmpty {
            services.logger.debug(
                "Request fields dropped in translation",
                metadata: [
                    LogKeys.requestID: "\(id)", LogKeys.endpoint: "\(endpoint.path)",
                    LogKeys.fields: "\(translated.droppedFields.map(LogValue.text).joined(separator: ","))",
                ])
        }
        let made = try TranslatedBody(translated)
        body.translated = made
        return made
    }

    private func expectations(
        of request: EngineRequest, _ call: Call, _ lease: Lease, _ upstream: Upstream
    ) -> UpstreamResponse.ResponseExpectations {
        UpstreamResponse.ResponseExpectations(
            endpoint: endpoint, model: call.publicID(of: lease.model), streams: call.streams,
            expectedChoices: call.expectedChoices, acceptsUnknownLength: head.version != .http1_0,
            context: ResponseCause.Context(
                endpoint: endpoint, sentTo: request.endpoint,
                mayTranslate: !request.isTranslated && body.request != nil
                    && upstream.canTranslate(endpoint, of: lease.model),
                mayUseOtherPath: mayUseOtherPath(than: request.endpoint, lease, upstream),
                becomesStream: request.isTranslated && call.streams, engineModel: lease.engineModel.rawValue,
                addsUsageOption: request.asksForUsage,
                runnerHasServed: lease.runnerHasServed),
            translation: request.isTranslated
                ? body.request?.responses(
                    at: endpoint, call: id, model: call.publicID(of: lease.model).rawValue, clock: clock) : nil)
    }

    /// Answers a request that only needs a runner with its model in memory.
    private func answerWithoutEngine(_ lease: Lease) -> Bool {
        guard let expectations = upstreamResponse.expectations,
            let response = body.request?.responseWithoutEngine(
                model: expectations.model.rawValue, created: Self.timestamp())
        else { return false }
        upstreamResponse.document = ByteBuffer(bytes: response)
        handle(.documentReceived(EngineDocument(.result, expectations.context)))
        return true
    }

    /// The clock of translated responses: the call's times, as far as they are known when the response ends.
    private var clock: ResponseClock {
        let (began, sent, waited) = (timeline.began, NIODeadline.now(), timeline.waited)
        return ResponseClock(
            timestamp: { Self.timestamp() },
            durations: {
                let now = NIODeadline.now()
                return ResponseDurations(
                    total: Duration(now - began), load: waited, evaluation: Duration(now - sent))
            })
    }

    /// The current time (RFC 3339).
    static func timestamp() -> String {
        let time = Date().timeIntervalSince1970
        let seconds = time.rounded(.down)
        return Timestamp.string(seconds: Int(seconds), nanoseconds: Int((time - seconds) * 1e9))
    }

    /// Releases what another attempt would need: the call cannot move after the first relayed byte, and its stream may
    /// last for minutes.
    func releaseRequest() {
        if body.reservedBytes > 0 { memory.release(body.reservedBytes) }
        body.endAttempts()
        origin.releaseHeaders()
        if upstreamResponse.isStream { upstreamResponse.head = nil }
    }
}
