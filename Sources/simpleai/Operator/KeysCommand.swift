import ArgumentParser

/// `simpleai keys`: credentials for clients that do not support OpenID Connect.
struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys",
        abstract: "Create, list and revoke API keys of a running gateway.",
        discussion: """
            For programs that support only `OPENAI_API_KEY`. A key is valid for all classes of the gateway, or for \
            some of them; with the role model:specific also for exact model ids. No key has the admin role.

            Example: simpleai keys create laptop --class fast --expires 90d
            """,
        subcommands: [Create.self, List.self, Revoke.self],
        defaultSubcommand: List.self)
}

extension KeysCommand {
    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "create",
            abstract: "Create a key and print it. It cannot be shown again.",
            discussion: """
                Prints the key on standard output and its description on standard error.

                Example: simpleai keys create laptop --class fast --expires 90d
                """)

        @Argument(help: "Name that identifies the key.")
        var name: String
        @Option(help: "Role of the key; may be repeated.")
        var role: [String] = []
        @Option(name: .customLong("class"), help: .init("Class that the key may use (default: all); may be repeated."))
        var classes: [String] = []
        @Option(help: .init("Lifetime: 12h, 90d (default: until revoked).", valueName: "duration"))
        var expires: TimeToLive?
        @OptionGroup(title: "Gateway") var gateway: OperatorOptions

        func run() async throws {
            try await reporting {
                let body = NewKeyBody(
                    name: name, roles: role, classes: classes.isEmpty ? nil : classes,
                    lifeInSeconds: expires.map { Int($0.duration.components.seconds) })
                let key = try await KeyRequests(client: gateway.client()).create(body)
                print(key.key ?? "")
                StandardError.write("\(key.summary)\nSave it now: it cannot be shown again.")
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List the keys: creator, rights and last use.",
            discussion: "Example: simpleai keys list --json")

        @Flag(help: "Print the gateway's JSON response.")
        var json = false
        @OptionGroup(title: "Gateway") var gateway: OperatorOptions

        func run() async throws {
            try await reporting {
                let requests = KeyRequests(client: try await gateway.client())
                if json { return print(try await requests.listing()) }
                let keys = try await requests.list()
                print(keys.isEmpty ? "No keys. Create one with `simpleai keys create NAME`." : KeyTable(keys).text)
            }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "revoke", abstract: "Revoke a key immediately and permanently.",
            discussion: "Example: simpleai keys revoke 1a2B3c4D")

        @Argument(help: "The key's id, as `simpleai keys list` shows it.")
        var id: String
        @OptionGroup(title: "Gateway") var gateway: OperatorOptions

        func validate() throws {
            guard !id.isEmpty, id.utf8.allSatisfy({ $0.isLetterOrDigit }) else {
                throw ValidationError("unknown key id '\(id)'; `simpleai keys list` shows the ids")
            }
        }

        func run() async throws {
            try await reporting {
                let key = try await KeyRequests(client: gateway.client()).revoke(id)
                print("Revoked: \(key.summary)")
            }
        }
    }
}

extension UInt8 {
    fileprivate var isLetterOrDigit: Bool {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        default: false
        }
    }
}
