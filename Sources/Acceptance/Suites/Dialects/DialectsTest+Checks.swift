extension DialectsTest {
    /// The machine must sleep until the checks of waiting streams; those of cancelled streams occupy every slot.
    static let checks: [Check<DialectsTest>] =
        Endpoint.allCases.flatMap(checks(of:)) + Endpoint.allCases.filter(\.streams).map(waiting)
        + Endpoint.allCases.filter(\.streams).map(cancel)

    private static func checks(of endpoint: Endpoint) -> [Check<DialectsTest>] {
        let title = endpoint.title
        let dialect = endpoint.dialect.name
        func check(
            _ property: String, _ requirement: String, needs: String? = nil,
            body: @escaping @Sendable (DialectsTest) async throws -> Finding
        ) -> Check<DialectsTest> {
            Check("dialects.\(endpoint.rawValue).\(property)", requirement, needs: needs, body: body)
        }
        var checks = [
            check("answered", "\(title) gets a complete response of its shape.") { try await $0.answered(endpoint) }
        ]
        if endpoint.modelKind != nil, endpoint != .countTokens {
            let needs = endpoint.namesModel ? nil : "a model in the response, or x-simpleai-model"
            checks.append(
                check("model", "The response of \(endpoint.path) names the model that was requested.", needs: needs) {
                    try await $0.model(endpoint)
                })
        }
        if endpoint.streams {
            checks.append(
                check(
                    "stream",
                    "A stream of \(endpoint.path) is complete: \(endpoint.streamRule), and never after a break."
                ) { try await $0.streamIsComplete(endpoint) })
        }
        if endpoint.statesUsage || endpoint.modelKind != nil && endpoint != .countTokens {
            checks.append(
                check(
                    "usage", "A call of \(endpoint.path) is counted: \(endpoint.usageRule).",
                    needs: endpoint.statesUsage ? nil : "/metrics"
                ) { try await $0.usage(endpoint) })
        }
        checks.append(
            check("errors", "Refusals on \(endpoint.path) are \(dialect) errors: \(endpoint.errorRule).") {
                try await $0.errors(endpoint)
            })
        if endpoint.modelKind != nil {
            checks.append(
                check(
                    "rights",
                    "A caller without the right to a model is refused on \(endpoint.path) with \(dialect) errors.",
                    needs: "tokens by role"
                ) { try await $0.rights(endpoint) })
        }
        checks.append(
            check(
                "api-key", "\(endpoint.path) accepts a token in x-api-key as in Authorization, and verifies it."
            ) { try await $0.apiKey(endpoint) })
        if endpoint == .ollamaTags {
            checks.append(
                check("complete", "/api/tags lists the models of /v1/models, those of sleeping machines included.") {
                    try await $0.tagsAreComplete()
                })
        }
        if endpoint == .countTokens {
            checks.append(
                check(
                    "no-wake", "Counting tokens for a model on a sleeping machine wakes nothing.",
                    needs: "a sleeping machine"
                ) {
                    try await $0.countingWakesNothing()
                })
        }
        return checks
    }

    private static func waiting(_ endpoint: Endpoint) -> Check<DialectsTest> {
        Check(
            "dialects.\(endpoint.rawValue).waiting",
            "A stream of \(endpoint.path) that waits for a machine gets \(endpoint.keepaliveName) at least every 15 s, and ends "
                + "complete or with an error.",
            needs: "a sleeping machine"
        ) { try await $0.waiting(endpoint) }
    }

    private static func cancel(_ endpoint: Endpoint) -> Check<DialectsTest> {
        Check(
            "dialects.\(endpoint.rawValue).cancel",
            "A client that closes a stream of \(endpoint.path) frees its slot for the next call.",
            needs: "a model that generates for seconds"
        ) { try await $0.cancel(endpoint) }
    }
}

extension Endpoint {
    fileprivate var streamRule: String {
        switch dialect {
        case .anthropic: "message_start to message_stop, every block closed"
        case .ollama: "one `done: true`, in the last line"
        default: "response.completed once, every item done"
        }
    }

    fileprivate var usageRule: String {
        statesUsage ? "the response states its tokens, and /metrics counts it if readable" : "/metrics counts it"
    }

    fileprivate var errorRule: String {
        let refusals = modelKind == nil ? [] : ["unknown model", "wrong type"]
        return (refusals + ["no credentials", "wrong method"]).joined(separator: ", ")
    }

    var keepaliveName: String {
        switch dialect {
        case .anthropic: "`event: ping`"
        case .ollama: "a line with empty content"
        default: "a comment"
        }
    }
}
