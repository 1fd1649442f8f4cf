/// A named list of models for one purpose.
public struct ModelClass: Hashable, Sendable {
    public let name: ClassName
    /// At least one; in the order of the settings.
    public let models: [ModelID]
    /// Machine types that this class prefers, best first; each is a tier.
    public let preferredMachineTypes: [MachineType]
    /// Ids or machine types of runners that are woken together when a call has to wait for one of them.
    public let speculativeWakes: [ExactString]
    /// How the class chooses among its runners.
    public let policy: PlacementPolicy

    public init(
        name: ClassName, models: [ModelID], preferredMachineTypes: [MachineType] = [],
        speculativeWakes: [ExactString] = [], policy: PlacementPolicy = .leastBusy
    ) {
        self.policy = policy
        self.speculativeWakes = speculativeWakes
        self.name = name
        self.models = models
        self.preferredMachineTypes = preferredMachineTypes
    }
}

/// The classes of this gateway, and the default class for requests without a model.
public struct ClassTable: Hashable, Sendable {
    public let classes: [ModelClass]
    public let defaultClass: ClassName
    private let index: [ClassName: Int]

    public init(_ classes: [ModelClass], defaultClass: ClassName) {
        self.classes = classes
        self.defaultClass = defaultClass
        self.index = Dictionary(classes.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    public subscript(name: ClassName) -> ModelClass? { index[name].map { classes[$0] } }

    /// Whether some class lists the model.
    public func contains(_ model: ModelID) -> Bool { classes.contains { $0.models.contains(model) } }

    /// The classes that a model belongs to, in the order of the settings.
    public func names(of model: ModelID) -> [ClassName] {
        classes.filter { $0.models.contains(model) }.map(\.name)
    }
}
