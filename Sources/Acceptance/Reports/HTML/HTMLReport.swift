/// The report as one self-contained page without scripts, network access or other files. Its content security policy
/// forbids them all.
struct HTMLReport {
    let report: SuiteReport

    init(_ report: SuiteReport) { self.report = report }

    var text: String {
        let page: HTML = """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta http-equiv="Content-Security-Policy" content="\(Self.policy)">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <meta name="referrer" content="no-referrer">
            <title>\(report.conclusion.rawValue) – acceptance of \(report.deployment.description)</title>
            <style>
            \(Self.styleSheet)</style>
            </head>
            <body>
            \(header)<main>
            \(figures)\(report.tests.map(section))</main>
            <footer>\(footer)\(footnotes)</footer>
            </body>
            </html>

            """
        return page.markup
    }

    private var footer: HTML {
        let began = report.stamp.beganInUTC
        return """
            simpleai \(report.stamp.version) · <time datetime="\(began)">\(began)</time> · \
            took \(report.stamp.duration.readable) · seed \(report.seed)
            """
    }

    private static let policy: HTML =
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

    // MARK: Head

    private var header: HTML {
        """
        <header class="\(conclusionStyle)">
        <h1>Acceptance report</h1>
        <p class="target"><code>\(report.deployment.description)</code></p>
        <p class="verdict"><strong>\(conclusionTitle)</strong>\(conclusionNote)</p>
        <ul class="tiles">\(Verdict.allCases.map(tile))\(adviceTile)</ul>
        </header>

        """
    }

    private var conclusionStyle: HTML {
        switch report.conclusion {
        case .passed: "pass"
        case .failed: "fail"
        case .notDecided, .interrupted: "open"
        }
    }

    private var conclusionTitle: String {
        switch report.conclusion {
        case .passed: "Passed"
        case .failed: "Failed"
        case .notDecided: "Inconclusive"
        case .interrupted: "Interrupted"
        }
    }

    private var conclusionNote: HTML {
        if let aborted = report.aborted { return " <span>\(aborted)</span>" }
        if report.results.isEmpty { return " <span>no check ran</span>" }
        let note: HTML =
            switch report.conclusion {
            case .passed: "every required check that ran passed"
            case .failed: "at least one required check failed"
            case .notDecided where report.count(.pass) == 0: "no check was conclusive"
            case .notDecided: "a required check was inconclusive"
            case .interrupted: "results up to the interruption"
            }
        return " <span>\(note)</span>"
    }

    private func tile(_ verdict: Verdict) -> HTML {
        let title: HTML =
            switch verdict {
            case .pass: "passed"
            case .fail: "failed"
            case .skip: "skipped"
            case .inconclusive: "inconclusive"
            }
        // The same numbers as in ``SuiteReport/verdictLine``: failed advisory checks do not count as failures.
        let count = verdict == .fail ? report.failures : report.count(verdict)
        let style: HTML = count == 0 ? "none" : verdict.style
        return "<li class=\"\(style)\"><b>\(count)</b> \(title)</li>"
    }

    private var adviceTile: HTML {
        let count = report.advisoryFailures
        return count == 0 ? "" : "<li class=\"open\"><b>\(count)</b> advisory not met</li>"
    }

    private var footnotes: HTML {
        var notes: [String] = []
        if report.rounds > 1 { notes.append("\(report.rounds) runs") }
        notes += report.flakyChecks.map { "flaky: \($0.id) (\($0.verdicts.map(\.rawValue).joined(separator: ", ")))" }
        if let clock = report.clockSummary { notes.append(clock) }
        return HTML(notes.map { " · \($0)" as HTML })
    }

    // MARK: Figures

    private var figures: HTML {
        HTML(
            [
                report.wake.map { WakeTimelineFigure($0).html },
                report.shares.map { SharesFigure($0).html },
                report.permissions.map { PermissionTable($0).html },
            ].compactMap(\.self))
    }

    // MARK: Checks

    private func section(_ test: TestName) -> HTML {
        let results = report.results.filter { $0.test == test }
        guard !results.isEmpty else { return "" }
        let counts = Verdict.allCases.compactMap { verdict -> String? in
            let count = results.count { $0.verdict == verdict }
            return count > 0 ? "\(count) \(verdict.rawValue)" : nil
        }
        return """
            <section id="\(test.rawValue)">
            <h2>\(test.title) <small>\(counts.joined(separator: " · "))</small></h2>
            <div class="wide"><table class="checks">
            <thead><tr><th scope="col">Verdict</th><th scope="col">Check</th><th scope="col">Observed</th>\
            <th scope="col" class="number">Time</th></tr></thead>
            <tbody>
            \(results.map { CheckRow($0, note: report.runNote($0)).html })</tbody>
            </table></div>
            </section>

            """
    }
}
