/// Whether the `model` of responses belongs to the requested model or class.
struct Membership: Sendable {
    let target: String
    let members: Set<String>

    init(target: String, session: Session, list: ModelList) {
        self.target = target
        members = ModelList.className(target).map { session.members(ofClass: $0, in: list) } ?? [target]
    }

    init(target: String, members: Set<String>) {
        self.target = target
        self.members = members
    }

    var isClass: Bool { ModelList.className(target) != nil }

    /// What is wrong with a response from `model`; nil if it is correct.
    func problem(with model: String) -> String? {
        if model.hasPrefix("class:") { return "the response's model is '\(model)', which is not a model id" }
        if members.isEmpty { return nil }
        guard !members.contains(model) else { return nil }
        return isClass
            ? "\(model) served \(target), whose models are \(members.sorted().joined(separator: ", "))"
            : "\(model) served a call for \(target)"
    }

    /// Checks the responses of one route; another check covers calls without a complete response.
    ///
    /// - Parameter answered: the id of the check that fails if no call got a response.
    func finding(
        for calls: [Result<Exchange, RequestFailed>], answered: String
    ) throws(Finding) -> Finding {
        var models: [String: Int] = [:]
        for call in calls {
            guard let exchange = call.exchange, case .success(let completion) = call.completion else { continue }
            for model in completion.models.sorted() {
                if let problem = problem(with: model) {
                    throw .fail(problem, Evidence(exchange, expected: expected))
                }
            }
            if completion.models.count > 1 {
                let names = completion.models.sorted().joined(separator: ", ")
                throw .fail(
                    "chunks of one stream name several models: \(names)", Evidence(exchange, expected: expected))
            }
            models[completion.model, default: 0] += 1
        }
        guard !models.isEmpty else {
            throw .inconclusive("not decided: no call for \(target) succeeded", following: answered)
        }
        guard !members.isEmpty else {
            throw .inconclusive(
                "the members of \(target) are unknown: the model list has no classes; set --class-map NAME=a,b")
        }
        let counts = models.sorted { $0.key < $1.key }.map { "\($0.key) ×\($0.value)" }
        return .pass("\(target) → \(counts.joined(separator: ", "))")
    }

    private var expected: String {
        members.isEmpty ? "a model id" : "model: one of \(members.sorted().joined(separator: ", "))"
    }
}
