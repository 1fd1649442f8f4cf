/// The fleet as a table for a terminal, one machine per line.
struct FleetTable {
    /// An additional column, by machine.
    struct Column {
        let title: String
        let cells: [String: String]
    }

    let fleet: FleetState
    var more: Column?

    var lines: [String] {
        let machines = fleet.runners.sorted { $0.id < $1.id }
        let ready = machines.count { $0.state == "ready" }
        let head =
            "\(Self.count(machines.count, "machine")), \(ready) ready; \(Self.count(fleet.leases, "call")) running, "
            + "\(fleet.waiting) waiting"
        guard !machines.isEmpty else { return [head] }
        return [head, ""]
            + TextColumns.lines(
                [["MACHINE", "STATE", "CALLS", "MODELS (* IN MEMORY)", "BOOT TIME", "LAST WAKE"] + titles]
                    + machines.map { Self.row($0) + cells(of: $0) })
            + Self.notes(on: machines)
    }

    /// The machines' problems, one line each.
    private static func notes(on machines: [FleetState.Machine]) -> [String] {
        let notes = machines.flatMap { machine -> [String] in
            // A sleeping machine never responds, so the reason is omitted.
            let reason = ["asleep", "waking"].contains(machine.state) ? nil : machine.stateReason
            return [reason, machine.sleepProblem.map { "sleep failed: \($0)" }].compactMap { $0 }
                .map { "\(machine.id): \(firstLine(of: $0))" }
        }
        return notes.isEmpty ? [] : [""] + notes.map { TextColumns.printable($0) }
    }

    private static func firstLine(of text: String) -> String {
        String(text.prefix { !$0.isNewline }.prefix(300))
    }

    private var titles: [String] { more.map { [$0.title] } ?? [] }
    private func cells(of machine: FleetState.Machine) -> [String] { more.map { [$0.cells[machine.id] ?? ""] } ?? [] }

    private static func row(_ machine: FleetState.Machine) -> [String] {
        [
            machine.id, state(of: machine), "\(machine.active)/\(machine.slots)", models(of: machine),
            machine.bootMs.map(TextColumns.time) ?? "", machine.lastWake.map(text) ?? "",
        ]
    }

    static func state(of machine: FleetState.Machine) -> String {
        var state = machine.state
        if machine.isFallingAsleep, state == "asleep" { state = "falling asleep" }
        if machine.isEjected { state += ", ejected" }
        if let model = machine.loading { state += ", loading \(model)" }
        if machine.sleepProblem != nil { state += ", sleep failed" }
        return state.replacing("_", with: " ")
    }

    private static func models(of machine: FleetState.Machine) -> String {
        let isAwake = ["ready", "checking"].contains(machine.state)
        let loaded = Set(isAwake ? machine.loaded : [])
        let shown = machine.models.prefix(4).map { $0 + (loaded.contains($0) ? "*" : "") }.joined(separator: " ")
        return machine.models.count > 4 ? "\(shown) and \(machine.models.count - 4) more" : shown
    }

    private static func text(_ wake: FleetState.Machine.Wake) -> String {
        let age = TextColumns.time(wake.ageMs)
        switch wake.outcome {
        case "awake": return "\(age) ago, took \(TextColumns.time(wake.tookMs ?? 0))"
        case "failed": return "\(age) ago, failed"
        default: return "for \(age)"
        }
    }

    private static func count(_ number: Int, _ thing: String) -> String {
        "\(number) \(thing)\(number == 1 ? "" : "s")"
    }
}
