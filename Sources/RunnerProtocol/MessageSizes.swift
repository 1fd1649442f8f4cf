import SimpleAICore

// What a message may hold, beyond its size as a whole: these texts end up in tables, lists and metrics.
extension RunnerMessage {
    func checkSizes() throws(MessageFault) {
        switch self {
        case .register(let registration):
            try registration.runnerID.rawValue.check("runner_id")
            try registration.runnerName.check("runner_name")
            try registration.machineType?.check("machine_type")
            try registration.status.checkSizes()
        case .heartbeat(let status), .statusUpdate(let status): try status.checkSizes()
        case .commandResponse(let response):
            try response.requestID.check("request_id")
            try response.status?.checkSizes()
        }
    }
}

extension RunnerStatus {
    fileprivate func checkSizes() throws(MessageFault) {
        guard engines.count <= MessageCodec.maxEngines else { throw .excessive("engines") }
        guard capabilities.count <= MessageCodec.maxEntries else { throw .excessive("capabilities") }
        guard modelAliases.count <= MessageCodec.maxEntries else { throw .excessive("model_aliases") }
        var models = 0
        for engine in engines {
            models += engine.loadedModels.count + engine.availableModels.count
            for id in engine.loadedModels { try id.check("loaded_models") }
            for model in engine.availableModels { try model.id.check("available_models") }
        }
        guard models <= 2 * MessageCodec.maxEntries else { throw .excessive("models") }
        for (canonical, local) in modelAliases {
            try canonical.check("model_aliases")
            try local.check("model_aliases")
        }
    }
}

extension String {
    fileprivate func check(_ field: String) throws(MessageFault) {
        guard utf8.count <= MessageCodec.maxName else { throw .excessive(field) }
    }
}
