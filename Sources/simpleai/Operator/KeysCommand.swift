import ArgumentParser

/// `simpleai keys`: credentials for clients that do not support OpenID Connect.
struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys",
        abstract: "Create, list and revoke API keys of a running gateway.",
        discussion: """
            For programs that know nothing but `OPENAI_API_KEY`. A key calls the classes of the gateway, or some of \
            them; with the role model:specific also exact models. No key administers.
            """,
        subcommands: [Create.self, List.self, Revoke.self],
        defaultSubcommand: List.self)
}

extension KeysCommand {
    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "create",
            abstract: "Create a key and print it. It is shown this once.",
            discussion: "The key alone goes to standard output, what is to be known about it to standard error.")

        @Argument(help: "What it is for, so that it can be told from others.")
        var name: String
        @Option(help: "A role, as a token would state it; may be given several times.")
        var role: [String] = []
        @Option(name: .customLong("class"), help: .init("A class that it is good for (default: all); may be repeated."))
        var classes: [String] = []
        @Option(help: .init("How long it is good: 12h, 90d (default: until it is revoked).", valueName: "duration"))
        var expires: TimeToLive?
        @OptionGroup(title: "Gateway") var gateway: OperatorOptions

        func run() async throws {
            try await reporting {
                let order = KeyOrder(
                    name: name, roles: role, classes: classes.isEmpty ? nil : classes,
                    lifeInSeconds: expires.map { Int($0.duration.components.seconds) })
                let key = try await KeyRequests(client: gateway.client()).create(order)
                print(key.key ?? "")
                StandardError.write("\(key.summary)\nKeep it now: it cannot be shown again.")
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List the keys: whose they are, what they may, when they were last used.")

        @Flag(help: "Print what the gateway says, as JSON.")
        var json = false
        @OptionGroup(title: "Gateway") var gateway: OperatorOptions

        func run() async throws {
            try await reporting {
                let requests = KeyRequests(client: try await gateway.client())
                if json { return print(try await requests.listing()) }
                let keys = try await requests.list()
                print(keys.isEmpty ? "There are no keys. `simpleai keys create NAME` makes one." : KeyTable(keys).text)
            }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "revoke", abstract: "Take a key out of service, at once and for good.")

        @Argument(help: "The key's id, as `simpleai keys list` shows it.")
        var id: String
        @OptionGroup(title: "Gateway") var gateway: OperatorOptions

        func validate() throws {
            guard !id.isEmpty, id.utf8.allSatisfy({ $0.isLetterOrDigit }) else {
                throw ValidationError("'\(id)' is no key's id; `simpleai keys list` shows them")
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
