import SimpleAICore

/// Rows in aligned columns, for terminals.
enum TextColumns {
    static func lines(_ rows: [[String]]) -> [String] {
        let rows = rows.map { $0.map(printable) }
        let widths = (rows.first ?? []).indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let cells = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
            return String(cells.joined(separator: "  ").reversed().drop { $0 == " " }.reversed())
        }
    }

    /// Names come from machines: they must not move the cursor, be invisible, or change the writing direction.
    static func printable(_ text: String) -> String { JSONString.visible(text) }

    /// `800 ms`, `12 s`, `3 min`, `5 h`, `2 d`.
    static func time(_ milliseconds: Int) -> String {
        switch milliseconds {
        case ..<1_000: "\(milliseconds) ms"
        case ..<120_000: "\((milliseconds + 500) / 1_000) s"
        case ..<7_200_000: "\(milliseconds / 60_000) min"
        case ..<172_800_000: "\(milliseconds / 3_600_000) h"
        default: "\(milliseconds / 86_400_000) d"
        }
    }
}
