import SimpleAICore

/// The number of list entries that were omitted as unusable, with the reason for the first, for a single warning.
public struct OmittedEntries: Hashable, Sendable {
    public private(set) var count = 0
    /// Why the first entry was omitted, without its text.
    public private(set) var reason: String?

    public init() {}

    public mutating func add(_ number: Int, _ reason: @autoclosure () -> String) {
        guard number > 0 else { return }
        if count == 0 { self.reason = reason() }
        count += number
    }

    mutating func add(all other: OmittedEntries) { add(other.count, other.reason ?? "") }
}

extension EngineStatus {
    /// Counts entries of an engine's list that were omitted before this status was created.
    public mutating func omit(_ number: Int, _ reason: @autoclosure () -> String) { omitted.add(number, reason()) }

    /// Removes models with unusable names, and entries beyond the limits: lists from engines and operators can contain
    /// anything, and one invalid entry must not invalidate the others.
    public mutating func omitUnusableModels() {
        var omitted = omitted
        loadedModels = Self.usable(loadedModels, "loaded_models", id: \.self, &omitted)
        availableModels = Self.usable(availableModels, "available_models", id: \.id, &omitted)
        self.omitted = omitted
    }

    private static func usable<Entry>(
        _ entries: [Entry], _ list: String, id: (Entry) -> String, _ omitted: inout OmittedEntries
    ) -> [Entry] {
        var usable: [Entry] = []
        var known: Set<ExactString> = []
        for entry in entries {
            let id = id(entry)
            if let fault = NameFault(in: id, maxLength: MessageCodec.maxName) {
                omitted.add(1, "a name in \(list) \(fault)")
            } else if usable.count == MessageCodec.maxEntries {
                omitted.add(1, "\(list) exceeds \(MessageCodec.maxEntries) entries")
            } else if known.insert(ExactString(id)).inserted {
                usable.append(entry)
            }
        }
        return usable
    }
}

extension RunnerStatus {
    /// The omitted entries of all of its lists.
    public var allOmitted: OmittedEntries { engines.reduce(into: omitted) { $0.add(all: $1.omitted) } }

    mutating func omitUnusableNames() {
        for index in engines.indices { engines[index].omitUnusableModels() }
        for (name, engineName) in modelAliases {
            let fault =
                NameFault(in: name.rawValue, maxLength: MessageCodec.maxName)
                ?? NameFault(in: engineName.rawValue, maxLength: MessageCodec.maxName)
            guard let fault else { continue }
            modelAliases[name] = nil
            omitted.add(1, "a name in model_aliases \(fault)")
        }
    }
}
