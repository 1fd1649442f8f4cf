/// The permission table: for each caller and resource, what the contract requires and how the deployment responded.
struct PermissionGrid: Sendable {
    /// The result that the contract requires for a request.
    enum Expectation: String, Sendable {
        case allowed, refused
        case notFound = "not-found"
    }

    struct Cell: Sendable, Hashable {
        let check: String
        let caller: String
        let resource: String
        let expectation: Expectation
        let verdict: Verdict
        /// The status of the response; nil if no request was sent.
        let status: Int?
        let summary: String
    }

    /// Column titles, in order.
    let resources: [String]
    /// A row per caller; a cell per resource, nil if the check was not selected.
    let rows: [(caller: String, cells: [Cell?])]

    /// A cell shows the worst verdict of all rounds. Returns nil if no check of the table ran.
    init?(_ results: [CheckResult]) {
        let byID = Dictionary(results.map { ($0.id, $0) }) { $0.verdict.weight >= $1.verdict.weight ? $0 : $1 }
        resources = AuthenticationTest.Resource.allCases.map(\.title)
        rows = Persona.allCases.map { persona in
            let cells = AuthenticationTest.rights(of: persona).map { resource, id, _ -> Cell? in
                byID["auth.\(AuthenticationTest.idPart(persona)).\(id)"].map { Cell($0, persona, resource) }
            }
            return (persona.name, cells)
        }
        guard !cells.isEmpty else { return nil }
    }

    var cells: [Cell] { rows.flatMap { $0.cells.compactMap(\.self) } }
}

extension PermissionGrid.Cell {
    fileprivate init(_ result: CheckResult, _ persona: Persona, _ resource: AuthenticationTest.Resource) {
        var status: Int?
        if case .response(let answered) = result.figure { status = answered }
        self.init(
            check: result.id, caller: persona.name, resource: resource.title,
            expectation: .init(persona, resource), verdict: result.verdict, status: status, summary: result.summary)
    }
}

extension PermissionGrid.Expectation {
    fileprivate init(_ persona: Persona, _ resource: AuthenticationTest.Resource) {
        self =
            switch (resource, persona) {
            case (.classes, _), (.models, _), (.admin, .admin): .allowed
            case (.existingID, let persona): persona == .basic ? .refused : .allowed
            case (.unknownID, let persona): persona == .basic ? .refused : .notFound
            case (.admin, _): .refused
            }
    }
}

extension AuthenticationTest.Resource: CaseIterable {
    /// In the order of the checks.
    static let allCases: [Self] = [.classes, .existingID, .unknownID, .models, .admin]

    var title: String {
        switch self {
        case .classes: "classes"
        case .existingID: "existing id"
        case .unknownID: "unknown id"
        case .models: "model list"
        case .admin: "admin surface"
        }
    }
}
