/// One requirement of the suite and how to verify that a deployment meets it.
///
/// A check is a value, so that `--list` can print all checks without running them.
public struct Check<Test: Sendable>: Sendable {
    /// Stable, dotted id: `wol.wake.single-flight`.
    let id: String
    /// The requirement, in one sentence.
    let requirement: String
    let level: Level
    /// The prerequisites of the check as a phrase, shown by `--list`; nil if it has none.
    let needs: String?
    let body: @Sendable (Test) async throws -> Finding

    init(
        _ id: String, _ requirement: String, level: Level = .required, needs: String? = nil,
        body: @escaping @Sendable (Test) async throws -> Finding
    ) {
        self.id = id
        self.requirement = requirement
        self.level = level
        self.needs = needs
        self.body = body
    }
}

/// A check as `--list` shows it.
public struct CheckDescription: Sendable, Hashable {
    public let id: String
    public let requirement: String
    public let level: Level
    public let needs: String?
}

/// A check bound to its test and session, ready to run.
public struct PlannedCheck: Sendable {
    public let test: TestName
    public let description: CheckDescription
    let run: @Sendable () async throws -> Finding
}

/// A group of checks that share their observations.
protocol AcceptanceTest: Sendable {
    static var name: TestName { get }
    static var checks: [Check<Self>] { get }
    init(session: Session)
}

extension AcceptanceTest {
    static var descriptions: [CheckDescription] {
        checks.map { .init(id: $0.id, requirement: $0.requirement, level: $0.level, needs: $0.needs) }
    }

    static func plan(session: Session) -> [PlannedCheck] {
        let test = Self(session: session)
        return zip(checks, descriptions).map { check, description in
            PlannedCheck(test: name, description: description) { try await check.body(test) }
        }
    }
}

/// The tests: the four of the operator's manual, and that of the APIs of other clients.
public enum TestName: String, Sendable, CaseIterable {
    case wakeOnLAN = "wol"
    case modelRouting = "model-routing"
    case workloadRouting = "workload-routing"
    case authentication = "auth"
    case dialects

    public var title: String {
        switch self {
        case .wakeOnLAN: "Wake-on-LAN"
        case .modelRouting: "Routing by model and class"
        case .workloadRouting: "Load balancing"
        case .authentication: "Authentication and authorization"
        case .dialects: "APIs of other clients"
        }
    }

    /// Default timeout of a single request of this test; `--timeout` overrides it.
    public var defaultTimeout: Duration {
        switch self {
        case .wakeOnLAN: .seconds(120)
        case .modelRouting, .workloadRouting, .dialects: .seconds(60)
        case .authentication: .seconds(30)
        }
    }

    /// The checks of this test, in execution order.
    public var checks: [CheckDescription] {
        switch self {
        case .wakeOnLAN: WakeOnLANTest.descriptions
        case .modelRouting: ModelRoutingTest.descriptions
        case .workloadRouting: WorkloadRoutingTest.descriptions
        case .authentication: AuthenticationTest.descriptions
        case .dialects: DialectsTest.descriptions
        }
    }

    func plan(session: Session) -> [PlannedCheck] {
        switch self {
        case .wakeOnLAN: WakeOnLANTest.plan(session: session)
        case .modelRouting: ModelRoutingTest.plan(session: session)
        case .workloadRouting: WorkloadRoutingTest.plan(session: session)
        case .authentication: AuthenticationTest.plan(session: session)
        case .dialects: DialectsTest.plan(session: session)
        }
    }
}

/// The outcome of a step that several checks share: the step runs once, and its value or error is reused.
///
/// An actor to protect the outcome. It does not merge concurrent calls: checks run one after the other.
actor Once<Value: Sendable> {
    private var outcome: Result<Value, any Error>?

    func value(_ make: @Sendable () async throws -> Value) async throws -> Value {
        if let outcome { return try outcome.get() }
        do {
            let value = try await make()
            outcome = .success(value)
            return value
        } catch {
            outcome = .failure(error)
            throw error
        }
    }
}
