import Dialects
import NIOCore
import Relay
import Scheduling
import SimpleAICore

/// Receives a call's multipart body.
extension InferenceCall {
    /// Whether the body is a form: at some endpoints its media type decides.
    var hasForm: Bool {
        switch endpoint.bodyKind {
        case .json: false
        case .multipart: true
        case .either: origin.fields.contentType.map(MultipartBoundary.isFormData) ?? false
        }
    }

    /// The error for a form that is refused before its body is read; nil if it is accepted.
    var refusalOfForm: GatewayError? {
        do throws(GatewayError) {
            _ = try MultipartBoundary(contentType: origin.fields.contentType)
            return nil
        } catch {
            return error
        }
    }

    /// Prepares for the body of an authenticated caller.
    func beginForm(of caller: Caller) throws(GatewayError) {
        let spool = BodySpool(
            in: services.capacity.spool, for: caller.id, memory: memory,
            expectedLength: origin.fields.contentLength.flatMap { Int($0) }, on: eventLoop
        ) { [self] event in spoolReported(event) }
        body.form = try FormBody(contentType: origin.fields.contentType, spool)
    }

    private func spoolReported(_ event: BodySpool.Event) {
        switch event {
        case .wantsMore:
            body.form?.spoolIsReady()
            if body.isComplete { receiveEnd() } else { connection.resumeReading() }
        case .complete: formIsComplete()
        case .failed(let error): handle(.refused(error))
        }
    }

    /// Receives a piece of the form. As soon as the model is known, the machine that serves it can boot while the rest arrives.
    func receive(_ piece: ByteBuffer, _ form: FormBody) throws(GatewayError) {
        try form.append(piece)
        guard let caller, let model = form.takeModel() else { return }
        let request = ModelRequest(field: model, defaultClass: rules.access.classes.defaultClass)
        let call = resolved(
            Call(id: id, endpoint: endpoint, request: request, streams: false, wantsUsage: false))
        // A call without the right to the model is refused before the rest of its body is read.
        let authorized = try rules.access.policy.authorize(call, by: caller)
        services.scheduler.prepare(for: self.request(for: authorized, excluding: []))
    }

    /// The client has sent the whole form.
    func formReceived(_ form: FormBody) throws(GatewayError) {
        if try form.finish() { formIsComplete() }
    }

    private func formIsComplete() {
        guard !state.isFinished, let form = body.form else { return }
        let call = resolved(form.call(endpoint, id: id, defaultClass: rules.access.classes.defaultClass))
        placement.call = call
        handle(.bodyParsed(call))
    }
}
