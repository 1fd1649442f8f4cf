// Keys below other keys.

extension Key {
    /// A table with some of the section's keys.
    static func section(_ name: String, _ description: String, @KeyBuilder<Owner> keys: () -> [Key]) -> Key {
        let keys = keys()
        return Key(
            name,
            declaration: { owner in KeyDeclaration(name, description, .section(keys.map { $0.declaration(owner) })) },
            read: { table, owner in
                table.section(name) { $0.read(keys, into: &owner) }
            },
            changes: { old, new, prefix in keys.flatMap { $0.changes(old, new, "\(prefix)\(name).") } },
            adopt: { new, running, adoption in
                for key in keys { key.adopt(new, &running, adoption) }
            })
    }

    /// A table that is a section itself.
    static func section<Part: SettingsSection>(
        _ name: String, _ property: WritableKeyPath<Owner, Part>, _ description: String
    ) -> Key {
        let keys = Part.keys
        return Key(
            name,
            declaration: { owner in
                KeyDeclaration(name, description, .section(keys.map { $0.declaration(owner[keyPath: property]) }))
            },
            read: { table, owner in
                table.section(name) { owner[keyPath: property].read(from: &$0, keys) }
            },
            changes: { old, new, prefix in
                keys.flatMap { $0.changes(old[keyPath: property], new[keyPath: property], "\(prefix)\(name).") }
            },
            adopt: { new, running, adoption in
                for key in keys { key.adopt(new[keyPath: property], &running[keyPath: property], adoption) }
            })
    }

    /// The keys of a part of the section that the file does not put into a table of its own.
    static func lifted<Part>(_ property: WritableKeyPath<Owner, Part>, _ keys: [Key<Part>]) -> [Key] {
        keys.map { key in
            Key(
                key.name, declaration: { key.declaration($0[keyPath: property]) },
                read: { table, owner in key.read(&table, &owner[keyPath: property]) },
                changes: { old, new, prefix in key.changes(old[keyPath: property], new[keyPath: property], prefix) },
                adopt: { new, running, adoption in
                    key.adopt(new[keyPath: property], &running[keyPath: property], adoption)
                })
        }
    }
}
