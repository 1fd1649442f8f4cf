package import SimpleAICore

/// The placement of a call as callers see it: the document of `POST /v1/route`, and the short form of
/// `x-simpleai-explain`. Documented in docs/guides/explain.md.
package struct RouteExplanation {
    package let call: AuthorizedCall
    package let placement: PlacementExplanation
    /// Whether this caller may see runners.
    package let showsRunners: Bool
    package let permissionDeniedStatus: Int
    /// The access section; nil if the caller is not an administrator.
    package var access: String?
    /// The parameters that the settings state for calls; shown to administrators.
    private let parameters: ParameterTable

    package init(
        call: AuthorizedCall, placement: PlacementExplanation, showsRunners: Bool, permissionDeniedStatus: Int,
        access: String? = nil, parameters: ParameterTable = ParameterTable()
    ) {
        self.parameters = parameters
        self.call = call
        self.placement = placement
        self.showsRunners = showsRunners
        self.permissionDeniedStatus = permissionDeniedStatus
        self.access = access
    }

    package var json: String {
        var fields = [
            "\"object\":\"route\"", "\"model\":\(JSONString.encode(call.call.request.description))",
            "\"endpoint\":\(JSONString.encode(call.call.endpoint.path))",
            "\"models\":[\(call.models.map { JSONString.encode($0.rawValue) }.joined(separator: ","))]",
            "\"policy\":\"\(call.policy.rawValue)\"", "\"outcome\":\"\(outcome)\"",
        ]
        if case .served(let runner, let model) = placement.outcome, showsRunners {
            fields.append("\"runner\":\(JSONString.encode(runner.rawValue))")
            fields.append("\"serves\":\(JSONString.encode(model.rawValue))")
        }
        fields.append("\"expected_wait_ms\":\(Self.milliseconds(placement.expectedWait))")
        fields.append("\"longest_wait_ms\":\(Self.milliseconds(placement.longestWait))")
        fields.append("\"queue\":\(placement.queue),\"priority\":\(call.priority.level)")
        if case .refused(let error) = placement.outcome {
            fields.append("\"status\":\(error.status(permissionDeniedStatus: permissionDeniedStatus))")
            fields.append(String(error.body.json.dropFirst().dropLast()))
        }
        if let alias = call.call.alias { fields.append("\"alias\":\(alias.json)") }
        if let access {
            let entries = appliedParameters.map {
                "{\"pattern\":\(JSONString.encode($0.pattern.text)),"
                    + "\"summary\":\(JSONString.encode($0.edits.description)),\($0.edits.json.dropFirst())"
            }
            fields.append("\"parameters\":[\(entries.joined(separator: ","))],\"access\":\(access)")
        }
        if showsRunners {
            fields.append("\"candidates\":[\(placement.candidates.map(Self.json).joined(separator: ","))]")
        }
        return "{\(fields.joined(separator: ","))}"
    }

    /// The entries that apply to the model that would serve, or to the first one that may.
    private var appliedParameters: [ModelParameters] {
        var model = call.models.first
        if case .served(_, let serving) = placement.outcome { model = serving }
        return model.map { parameters.entries(for: call.call, servedBy: $0) } ?? []
    }

    private var outcome: String {
        switch placement.outcome {
        case .served: "served"
        case .waitsForSlot: "waits_for_slot"
        case .waitsForProbe: "waits_for_probe"
        case .waitsForWake: "waits_for_wake"
        case .waitsForLoad: "waits_for_load"
        case .refused: "refused"
        }
    }

    private static func json(_ candidate: PlacementExplanation.Candidate) -> String {
        let model = candidate.model.map { JSONString.encode($0.rawValue) } ?? "null"
        let hundredths = Int((candidate.load * 100).rounded())
        return "{\"runner\":\(JSONString.encode(candidate.runner.id.rawValue)),"
            + "\"machine_type\":\(JSONString.encode(candidate.runner.machineType.rawValue)),"
            + "\"state\":\"\(candidate.state.rawValue)\",\"model\":\(model),\"loaded\":\(candidate.isLoaded),"
            + "\"eligible\":\(candidate.isEligible),\"reason\":\"\(candidate.reason.rawValue)\","
            + "\"rank\":\(candidate.rank.map(String.init) ?? "null"),\"tier\":\(candidate.tier),"
            + "\"active\":\(candidate.active),\"slots\":\(candidate.runner.slots),\"weight\":\(candidate.runner.weight),"
            + "\"load_percent\":\(hundredths),\"would_be_woken\":\(candidate.wouldBeWoken),"
            + "\"wake_eta_ms\":\(milliseconds(candidate.wakeETA)),"
            + "\"boot_ms\":\(milliseconds(candidate.bootTime.mean)),"
            + "\"worst_boot_ms\":\(milliseconds(candidate.bootTime.worst))}"
    }

    private static func milliseconds(_ time: Duration?) -> String { time.map { "\($0.wholeMilliseconds)" } ?? "null" }

    // MARK: In a header

    /// Limits the length of the header.
    private static let maxCandidatesInHeader = 16

    /// `served; alias=gpt-4o* for class:fast; parameters=class:fast; gpu-1=free rank=1 tier=0 load=1/4 loaded; …`
    package var header: String {
        var parts = [outcome]
        if let alias = call.call.alias {
            parts.append(
                "alias=\(Self.visible(alias.alias.pattern.text)) for \(Self.visible(alias.target.description))")
        }
        let applied = appliedParameters.prefix(Self.maxCandidatesInHeader).map { Self.visible($0.pattern.text) }
        if !applied.isEmpty { parts.append("parameters=\(applied.joined(separator: " "))") }
        let others = parts.count
        for candidate in placement.candidates.prefix(Self.maxCandidatesInHeader) where candidate.model != nil {
            var words = ["\(Self.visible(candidate.runner.id.rawValue))=\(candidate.reason.rawValue)"]
            if let rank = candidate.rank { words.append("rank=\(rank)") }
            words.append("tier=\(candidate.tier)")
            if candidate.state == .ready {
                words.append("load=\(candidate.active)/\(candidate.runner.slots)")
                words.append(candidate.isLoaded ? "loaded" : "loadable")
            }
            if let eta = candidate.wakeETA { words.append("eta=\(eta.wholeMilliseconds)") }
            if candidate.wouldBeWoken { words.append("woken") }
            parts.append(words.joined(separator: " "))
        }
        let able = placement.candidates.count { $0.model != nil }
        let left = able - (parts.count - others)
        if left > 0 { parts.append("and \(left) more") }
        return parts.joined(separator: "; ")
    }

    /// Replaces characters that are not allowed in the header or between its separators: agents choose their names.
    private static func visible(_ text: String) -> String {
        let allowed = text.utf8.map { byte in
            (0x21...0x7E).contains(byte) && byte != UInt8(ascii: ";") && byte != UInt8(ascii: "=")
                ? byte : UInt8(ascii: "?")
        }
        return String(decoding: allowed.prefix(64), as: UTF8.self)
    }
}
