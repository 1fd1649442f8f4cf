/// Keys that a later version brings: known, so that nobody takes them for a typing error, and refused as soon as they
/// ask for something, so that nobody relies on what is not there.
extension SettingsTable {
    /// A single value that may be empty or equal to what happens anyway.
    mutating func later<Value: Equatable>(_ key: String, _ kind: SettingsKind<Value>, unless value: Value) {
        guard asksForSomething(key) else { return known(key) }
        if let written = read(key, kind), written != value { refuse(key) }
    }

    /// A list, a table or a text that may be empty.
    mutating func later(_ key: String) {
        known(key)
        if asksForSomething(key) { refuse(key) }
    }

    private func refuse(_ key: String) {
        problem("not yet: this version does not do that; remove the key", at: key)
    }
}
