package import SimpleAICore

/// Sample callers and calls.
package enum Sample {
    package static let classes = ClassTable(
        [ModelClass(name: "fast", models: ["m"]), ModelClass(name: "big", models: ["large"])], defaultClass: "fast")

    package static let caller = Caller(subject: "alice", issuer: "i", roles: [], privileges: [])
    package static let specific = Caller(subject: "bob", issuer: "i", roles: [], privileges: [.specificModels])
    package static let admin = Caller(subject: "root", issuer: "i", roles: [], privileges: [.administration])

    package static func call(
        streams: Bool = false, previous: String? = nil, endpoint: Endpoint = .chatCompletions
    ) -> Call {
        Call(
            id: "c", endpoint: endpoint, request: .byClass("fast"), streams: streams, wantsUsage: false,
            previousResponse: previous)
    }

    package static func authorized(
        streams: Bool = false, previous: String? = nil, endpoint: Endpoint = .chatCompletions
    ) throws(GatewayError) -> AuthorizedCall {
        try AccessPolicy(classes: classes)
            .authorize(call(streams: streams, previous: previous, endpoint: endpoint), by: caller)
    }

    package static let error = GatewayError(.noRunnerAvailable, "none", retry: .after(.seconds(10)))
}
