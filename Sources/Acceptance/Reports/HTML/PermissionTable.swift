/// The permission table as a grid: a row per caller, a column per requested resource.
struct PermissionTable {
    let grid: PermissionGrid

    init(_ grid: PermissionGrid) { self.grid = grid }

    var html: HTML {
        """
        <section id="permissions">
        <h2>Permissions</h2>
        <p class="lead">Each cell: the expected result and the returned status. \
        A caller is named after the role of its token.</p>
        <div class="wide"><table class="grid">
        <thead><tr><th scope="col">Caller</th>\(titles)</tr></thead>
        <tbody>
        \(grid.rows.map { row($0.caller, $0.cells) })</tbody>
        </table></div>
        </section>

        """
    }

    private var titles: [HTML] { grid.resources.map { "<th scope=\"col\">\($0)</th>" } }

    private func row(_ caller: String, _ cells: [PermissionGrid.Cell?]) -> HTML {
        "<tr><th scope=\"row\"><code>\(caller)</code></th>\(cells.map(cell))</tr>\n"
    }

    private func cell(_ cell: PermissionGrid.Cell?) -> HTML {
        guard let cell else { return "<td class=\"absent\"><span>not tested</span></td>" }
        let status = cell.status.map { "\($0)" } ?? cell.verdict.rawValue
        let expected: HTML =
            switch cell.expectation {
            case .allowed: "allowed"
            case .refused: "refused"
            case .notFound: "not found"
            }
        return """
            <td class="\(cell.verdict.style)" title="\(cell.summary)"><b><span aria-hidden="true">\(cell.verdict.sign)\
            </span> \(status)</b><span>\(expected)</span><span class="spoken">\(cell.verdict.rawValue)</span></td>
            """
    }
}
