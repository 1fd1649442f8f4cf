import SimpleAICore

// Limits on the content of a message, beyond its total size: these strings become header fields, table cells, list
// entries and metric labels.
extension RunnerMessage {
    /// The same message without unusable list entries.
    /// - Throws: `MessageFault` if the message as a whole is unusable.
    func bounded() throws(MessageFault) -> RunnerMessage {
        switch self {
        case .register(var registration):
            try registration.runnerID.rawValue.check("runner_id")
            try registration.runnerName.check("runner_name")
            if let type = registration.machineType, !type.isEmpty { try type.check("machine_type") }
            registration.status = try registration.status.bounded()
            return .register(registration)
        case .heartbeat(let status): return .heartbeat(try status.bounded())
        case .statusUpdate(let status): return .statusUpdate(try status.bounded())
        case .commandResponse(var response):
            try response.requestID.check("request_id")
            response.status = try response.status?.bounded()
            return .commandResponse(response)
        }
    }
}

extension RunnerStatus {
    fileprivate func bounded() throws(MessageFault) -> RunnerStatus {
        guard engines.count <= MessageCodec.maxEngines else { throw .excessive("engines") }
        guard capabilities.count <= MessageCodec.maxEntries else { throw .excessive("capabilities") }
        guard modelAliases.count <= MessageCodec.maxEntries else { throw .excessive("model_aliases") }
        var status = self
        status.omitUnusableNames()
        let models = status.engines.reduce(0) { $0 + $1.loadedModels.count + $1.availableModels.count }
        guard models <= 2 * MessageCodec.maxEntries else { throw .excessive("models") }
        return status
    }
}

extension String {
    fileprivate func check(_ field: String) throws(MessageFault) {
        switch NameFault(in: self, maxLength: MessageCodec.maxName) {
        case nil, .empty: return
        case .tooLong: throw .excessive(field)
        case let fault?: throw .unusable(field, fault)
        }
    }
}
