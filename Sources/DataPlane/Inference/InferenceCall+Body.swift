import Dialects
import NIOCore
import Relay
import SimpleAICore

/// Receives a call's body.
extension InferenceCall {
    /// Whether more of the body may be read: not before the credentials were checked, and not while received bytes wait
    /// to be decoded or stored.
    var acceptsBody: Bool {
        (caller != nil && !body.isDecoding && !(body.form?.isHeldUp ?? false)) || state.isFinished
    }

    func receive(_ bytes: ByteBuffer) {
        guard !state.isFinished else { return }
        guard caller != nil else {
            body.unread.writeImmutableBuffer(bytes)
            return
        }
        do throws(GatewayError) {
            if body.reservedBytes == 0, bodyReader.decoderMemory > 0 { try reserve(bodyReader.decoderMemory) }
            try bodyReader.append(bytes)
            // If decoding is already scheduled, it will include these bytes.
            guard !body.isDecoding, try readSlice(), let caller else { return }
            body.isDecoding = true
            services.capacity.decoding.decode(for: caller.id, on: eventLoop) { [self] in decodeSlice() }
        } catch {
            handle(.refused(error))
        }
    }

    func receiveEnd() {
        body.isComplete = true
        guard !state.isFinished, acceptsBody else { return }
        do throws(GatewayError) {
            try bodyReader.finish()
            if let form = body.form { return try formReceived(form) }
            let call = resolved(
                try body.content.finish(
                    endpoint: endpoint, id: id, defaultClass: rules.access.classes.defaultClass, pathModel: pathModel))
            try readDialect(of: call)
            placement.call = call
            handle(.bodyParsed(call))
        } catch {
            handle(.refused(error))
        }
    }

    /// Reads what the request's dialect adds to the fields of all dialects, and prepares the gateway's own result.
    private func readDialect(of call: Call) throws(GatewayError) {
        let bytes = body.content.bytes.readableBytesView
        guard let request = try DialectRequest(endpoint, Array(bytes)[...]) else { return }
        try reserve(bytes.count)
        body.request = request
        body.ownResponse =
            request.tokenCount(of: endpoint)
            ?? request.responseWithoutRunner(model: call.requestedName, created: Self.timestamp())
    }

    /// - Returns: whether there is more to decode.
    private func decodeSlice() -> Bool {
        guard !state.isFinished else {
            body.isDecoding = false
            return false
        }
        do throws(GatewayError) {
            if try readSlice() { return true }
            body.isDecoding = false
            if body.isComplete { receiveEnd() } else { connection.resumeReading() }
        } catch {
            body.isDecoding = false
            handle(.refused(error))
        }
        return false
    }

    /// Parses the received bytes of the body, decoding at most one slice.
    /// - Returns: whether there is more to decode.
    private func readSlice() throws(GatewayError) -> Bool {
        try bodyReader.take(atMost: DecodingQueue.slice) { piece throws(GatewayError) in
            if let form = body.form { return try receive(piece, form) }
            try reserve(piece.readableBytes)
            try body.content.append(piece)
        }
    }

    private func reserve(_ count: Int) throws(GatewayError) {
        if let error = reserveMemory(count, for: "request bodies") { throw error }
        body.reservedBytes += count
    }

    /// Reserves memory.
    /// - Returns: the error if none is left; nil if it is reserved.
    func reserveMemory(_ bytes: Int, for what: String) -> GatewayError? {
        let refusal = memory.reserve(bytes).memoryRefusal(for: what)
        if refusal != nil { services.capacity.admissions.shareWasRefused(.memory) }
        return refusal
    }
}
