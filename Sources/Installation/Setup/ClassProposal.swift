import Settings
import SimpleAICore

/// Classes that fit the models that were found: `fast` with the smaller half, `big` with the larger one. Pure.
public enum ClassProposal {
    public struct ModelClass: Hashable, Sendable {
        public var name: String
        public var models: [String]

        public init(name: String, models: [String]) {
            self.name = name
            self.models = models
        }
    }

    /// A model of this size, in billions of parameters, answers at conversation speed on a desktop machine.
    private static let maxFast = 15.0
    /// Longer lists would be hard to edit.
    private static let maxMembers = 8

    /// Whether a settings file can contain the id: the settings' own rule. Settings would replace `${`.
    private static func isUsable(_ id: String) -> Bool { NameText.isValid(id) && !id.contains("${") }

    /// The classes, `fast` first; empty if no model answers in text. Every class has a member. The order of the members is the
    /// order of preference: larger models first in `big`, and the largest of the fast ones first in `fast`.
    public static func classes(for engines: [FoundEngine]) -> [ModelClass] {
        var seen: Set<ExactString> = []
        let models = engines.flatMap(\.models).filter { model in
            ModelSize.isChat(model.id) && isUsable(model.id) && seen.insert(ExactString(model.id)).inserted
        }
        guard !models.isEmpty else { return [] }
        let sized = models.map { (id: $0.id, size: ModelSize.billions(of: $0)) }
        let sorted = sized.sorted { left, right in
            let (left, right) = ((left.size ?? 0, left.id), (right.size ?? 0, right.id))
            return left.0 != right.0 ? left.0 > right.0 : ExactString(left.1) < ExactString(right.1)
        }
        let big = sorted.filter { ($0.size ?? 0) > maxFast }.map(\.id)
        let fast = sorted.filter { ($0.size ?? 0) <= maxFast }.map(\.id)
        switch (fast.isEmpty, big.isEmpty) {
        case (false, true): return [ModelClass(name: "fast", models: Array(fast.prefix(maxMembers)))]
        // Without a small model, the smallest of the large ones has to be fast.
        case (true, _):
            return [
                ModelClass(name: "fast", models: [big.last ?? ""]),
                ModelClass(name: "big", models: Array(big.prefix(maxMembers))),
            ]
        case (false, false):
            return [
                ModelClass(name: "fast", models: Array(fast.prefix(maxMembers))),
                ModelClass(name: "big", models: Array(big.prefix(maxMembers))),
            ]
        }
    }
}
