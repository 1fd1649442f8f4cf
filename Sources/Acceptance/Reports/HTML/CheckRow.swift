/// A check in the table of its test: verdict, requirement, observation, and evidence that the reader can expand.
struct CheckRow {
    let result: CheckResult

    /// The run that the check belongs to, ` (run 2)`; empty if there is only one.
    let note: String

    init(_ result: CheckResult, note: String = "") {
        self.result = result
        self.note = note
    }

    var html: HTML {
        """
        <tr id="\(result.id)\(note.filter(\.isNumber))" class="\(result.verdict.style)">
        <td>\(Self.badge(result.verdict))\(advisory)</td>
        <td><code>\(result.id)</code>\(note)<p>\(result.requirement)</p></td>
        <td><p class="seen">\(result.summary)</p>\(evidence)</td>
        <td class="number">\(result.duration.readable)</td>
        </tr>

        """
    }

    static func badge(_ verdict: Verdict) -> HTML {
        """
        <span class="badge \(verdict.style)"><span aria-hidden="true">\(verdict.sign)</span> \(verdict.rawValue)</span>
        """
    }

    private var advisory: HTML { result.level == .advisory ? "<br><small>advisory</small>" : "" }

    private var evidence: HTML {
        guard let evidence = result.evidence else { return "" }
        let parts: [(HTML, String)] = [
            ("sent", evidence.sent), ("received", evidence.received), ("expected", evidence.expected),
            ("repeat", evidence.curl),
        ]
        let open: HTML = result.verdict == .fail ? " open" : ""
        return """
            <details\(open)><summary>Evidence</summary><dl>
            \(parts.map { "<dt>\($0)</dt><dd><pre tabindex=\"0\">\($1)</pre></dd>\n" as HTML })</dl></details>
            """
    }
}
