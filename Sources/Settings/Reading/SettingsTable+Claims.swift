// Claim paths: a dotted path, a list of keys, or a table with a path and the accepted values.

extension SettingsTable {
    /// A list of claim paths; nil if the key is absent. Invalid elements are omitted.
    mutating func claimPaths(_ key: String) -> [Settings.ClaimPath]? {
        mixedList(key, of: .name("a claim"), values: Settings.ClaimPath.init) { table in
            table.declare(["path", "keys"])
            let path = table.oneOrList("path", .name("a claim")).map(Settings.ClaimPath.init)
            let usesMemberNames = table.read("keys", .flag) ?? false
            if table.lacks("path") {
                table.problem("is required; set the claim that contains the roles, such as [roles]", at: "path")
            }
            return usesMemberNames ? path.map { .memberNames($0) } : path
        }
    }
}

extension KeyShape {
    /// A list of claim paths.
    static var claims: KeyShape {
        let path = SettingsKind<String>.name("a claim")
        var table: [KeyDeclaration] = [
            .init("path", "The claim, whose value is an object.", .oneOrMore(path)),
            .init("keys", "Whether the roles are the member names of the object.", .value(SettingsKind.flag)),
        ]
        for index in table.indices { table[index].reload = .restart }
        return .list(.anyOf([.oneOrMore(path), .section(table)]))
    }
}

extension Settings.ClaimPath {
    init(_ written: SettingsTable.OneOrMore<String>) {
        self =
            switch written {
            case .one(let dotted): .dotted(dotted)
            case .more(let keys): .keys(keys)
            }
    }

    /// Whether the path has no keys.
    var isEmpty: Bool {
        switch self {
        case .dotted(let text): text.isEmpty
        case .keys(let keys): keys.isEmpty
        case .memberNames(let object): object.isEmpty
        }
    }
}
