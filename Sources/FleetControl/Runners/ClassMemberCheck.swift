import Scheduling
package import SimpleAICore

/// Finds class members that no machine lists, usually because the engine spells the name differently.
package struct ClassMemberCheck {
    package struct Finding: Hashable {
        package let className: ClassName
        package let member: ModelID
        /// The most similar name that a machine lists, and the machine.
        package let nearest: (model: ModelID, runner: RunnerID)?

        package var message: String {
            let listed = nearest.map { "\($0.runner) lists \($0.model)" }
            return "no machine lists \(member)" + (listed.map { "; \($0)" } ?? "")
        }

        package static func == (left: Self, right: Self) -> Bool {
            left.className == right.className && left.member == right.member && left.message == right.message
        }

        package func hash(into hasher: inout Hasher) {
            hasher.combine(className)
            hasher.combine(member)
        }
    }

    /// - Parameter listed: the public ids of each machine's models. If one list is empty, and therefore unknown, nothing is
    ///   reported.
    package static func findings(_ classes: [ModelClass], listed: [(runner: RunnerID, models: [ModelID])]) -> [Finding]
    {
        guard !listed.isEmpty, !listed.contains(where: { $0.models.isEmpty }) else { return [] }
        let known = Set(listed.flatMap(\.models))
        return classes.flatMap { modelClass in
            modelClass.models.filter { !known.contains($0) }.map { member in
                Finding(className: modelClass.name, member: member, nearest: nearest(to: member, in: listed))
            }
        }
    }

    /// The shortest name with the same beginning: `llama3.2` and `llama3.2:3b`, `mistral` and `mistral:latest`.
    private static func nearest(
        to member: ModelID, in listed: [(runner: RunnerID, models: [ModelID])]
    ) -> (model: ModelID, runner: RunnerID)? {
        let name = folded(member)
        return listed.lazy.flatMap { machine in machine.models.lazy.map { (model: $0, runner: machine.runner) } }
            .filter { folded($0.model).starts(with: name) || name.starts(with: folded($0.model)) }
            .min { left, right in
                (left.model.rawValue.utf8.count, left.model, left.runner)
                    < (right.model.rawValue.utf8.count, right.model, right.runner)
            }
    }

    private static func folded(_ model: ModelID) -> [UInt8] { Array(model.rawValue.lowercased().utf8) }
}
