public import ArgumentParser
import Foundation
public import LocalFleet
import Settings
import SimpleAICore

/// `simpleai token`: prints a token from a key file, from an identity provider, or from the running local fleet.
struct TokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token",
        abstract: "Print a token.",
        discussion: """
            Without a subcommand this is `mint`: simpleai token --user USER --role ROLE. All its options: \
            simpleai token mint --help.

            Example: simpleai token --user alice --role model:specific
            """,
        subcommands: [Mint.self, Init.self],
        defaultSubcommand: Mint.self)
}

extension TokenCommand {
    /// `simpleai token`: prints only the token.
    struct Mint: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "mint",
            abstract: "Print a token from a key file, an identity provider, or the fleet of `simpleai dev`.",
            discussion: """
                From a key file: --key, else $SIMPLEAI_TOKEN_KEY. Issuer and audience are read from \
                the .json file next to the key.
                Else from an OpenID Connect provider: --provider, else the file named by SIMPLEAI_TOKEN_PROVIDER, else \
                \(TokenProviderFile.defaultPath). Its tokens are cached until shortly before they expire.
                Else from a running `simpleai dev`.
                Else from the key file ~/.simpleai/token-key.pem, or /etc/simpleai/tokens/token-key.pem of \
                `simpleai setup`.

                Example: simpleai token mint --key token-key.pem --user alice --ttl 15m
                """)

        @Option(
            help: ArgumentHelp("PEM private key, as written by `simpleai token init`.", valueName: "file"),
            completion: .file())
        var key: String?

        @Option(help: ArgumentHelp("Settings of an OpenID Connect provider.", valueName: "file"), completion: .file())
        var provider: String?

        @Flag(help: "Request a new token from the provider, without reading or writing the cache.")
        var noCache = false

        @Option(help: "Subject of the token; for a provider, one of the users in its settings. (default: developer)")
        var user: String?

        @Option(
            help: """
                Role of the user; may be repeated. Known roles are `model:specific` and `admin`. For a \
                provider, one of the roles in its settings.
                """)
        var role: [String] = []

        @Option(
            help: ArgumentHelp(
                "Lifetime: 30s, 15m, 1h, 365d. (default: 1h; a provider sets its own)",
                valueName: "duration"))
        var ttl: TimeToLive?

        @Option(
            help: ArgumentHelp("Write the token to a file of mode 0600, or a pipe, instead.", valueName: "file"),
            completion: .file())
        var output: String?

        @Flag(help: "Let --output replace a file that contains something else than a token.")
        var force = false

        @Option(help: "Overrides the issuer in the key's .json file.")
        var issuer: String?

        @Option(help: "Overrides the audience in the key's .json file.")
        var audience: String?

        func validate() throws {
            if user?.isEmpty ?? false { throw ValidationError("--user must not be empty.") }
            if role.contains(where: \.isEmpty) { throw ValidationError("--role must not be empty.") }
            if output?.isEmpty ?? false { throw ValidationError("--output must not be empty.") }
            if force, output == nil { throw ValidationError("--force requires --output.") }
            guard provider != nil else { return }
            if key != nil { throw ValidationError("--key and --provider are mutually exclusive.") }
            try refuseKeyFileOptions()
        }

        private func refuseKeyFileOptions() throws {
            let options = [("--ttl", ttl != nil), ("--issuer", issuer != nil), ("--audience", audience != nil)]
            guard let option = options.first(where: \.1)?.0 else { return }
            throw ValidationError("\(option) applies to key files only, not to a provider.")
        }

        func run() async throws {
            do {
                let text = try await token()
                guard let output else { return print(text) }
                try TokenOutputFile(path: output).write(text, replacing: force)
            } catch let failure as any Error & CustomStringConvertible {
                throw CommandFailure(failure.description)
            }
        }

        func token() async throws -> String {
            let environment = ProcessInfo.processInfo.environment
            // Options of the command line take precedence over the environment.
            if let key = key ?? (provider == nil ? Self.keyFromEnvironment(environment) : nil) {
                return try minted(by: key)
            }
            if let file = provider ?? ProviderTokens.path(environment: environment) {
                try refuseKeyFileOptions()
                return try await ProviderTokens(path: file, environment: environment)
                    .token(user: user, roles: role, usesCache: !noCache)
            }
            // The fleet precedes the key in the home folder: the user has just started it.
            if let fleet = try RunningFleetNote.read() {
                return try await TokenRequest(
                    issuer: fleet.issuer, user: user ?? Self.developer, roles: role.map { Role($0) }, lifetime: lifetime
                ).send()
            }
            guard let key = Self.keyAtHome(environment) else {
                guard let closed = Self.keys(environment).first(where: { access($0, F_OK) == 0 }) else {
                    throw CommandFailure(Self.noSource)
                }
                throw CommandFailure(
                    "the token key \(closed) cannot be read by this user; run the command as its owner (sudo), or name "
                        + "another key with --key")
            }
            return try minted(by: key)
        }

        private func minted(by key: String) throws -> String {
            try TokenKeyFiles(key: key).tokenMint(issuer: issuer, audience: audience)
                .token(user: user ?? Self.developer, roles: role.map { Role($0) }, lifetime: lifetime)
        }

        private static let developer = "developer"

        private var lifetime: Duration { ttl?.duration ?? .seconds(3600) }

        private static func keyFromEnvironment(_ environment: [String: String]) -> String? {
            let key = environment["SIMPLEAI_TOKEN_KEY"] ?? ""
            return key.isEmpty ? nil : key
        }

        /// Where `simpleai setup` keeps the key of an installation; readable for root.
        private static let installedKeys = "/etc/simpleai/tokens"

        /// The key of the user, `~/.simpleai/token-key.pem`, or that of the installation; nil if neither can be read.
        fileprivate static func keyAtHome(_ environment: [String: String]) -> String? {
            keys(environment).first { access($0, R_OK) == 0 }
        }

        /// The keys that are used without an option, whether they exist or not.
        private static func keys(_ environment: [String: String]) -> [String] {
            var folders = [installedKeys]
            if let home = environment["HOME"], home.hasPrefix("/") { folders.insert(home + "/.simpleai", at: 0) }
            return folders.map { TokenKeyFiles(directory: $0).key }
        }

        private static let noSource = """
            no source of tokens. Provide one in one of five ways:
              simpleai token --key FILE          a key from `simpleai token init`
              export SIMPLEAI_TOKEN_KEY=FILE     the same, for every call
              ~/.simpleai/token-key.pem          the same, from `simpleai token init --directory ~/.simpleai`
              simpleai token --provider FILE     an identity provider's settings; SIMPLEAI_TOKEN_PROVIDER=FILE
                                                 and \(TokenProviderFile.defaultPath) mean the same for every call
              simpleai dev                       a local fleet; its issuer is used while it runs
            """
    }

    /// `simpleai token init`: creates the files of an issuer.
    struct Init: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "init",
            abstract: "Write a signing key and the key set for the gateway's `jwks_file`.",
            discussion: """
                Writes token-key.pem (private, mode 0600), token-key.json (issuer and audience, read when minting) \
                and jwks.json (public, for the gateway).

                Example: simpleai token init --directory ~/.simpleai
                """)

        @Option(help: ArgumentHelp("Folder for the files.", valueName: "directory"), completion: .directory)
        var directory = "."

        @Option(help: "Issuer of the tokens; must be unique among the gateway's issuers.")
        var issuer = "https://tokens.simpleai.internal"

        @Option(help: "Audience of the tokens.")
        var audience = "simpleai"

        @Option(help: "RS256 or ES256.")
        var algorithm = SigningKey.Algorithm.rs256

        @Flag(help: "Replace an existing key; tokens signed with it become invalid.")
        var force = false

        func validate() throws {
            if issuer.isEmpty { throw ValidationError("--issuer must not be empty.") }
            if audience.isEmpty { throw ValidationError("--audience must not be empty.") }
        }

        func run() async throws {
            let files = TokenKeyFiles(directory: directory)
            let mint: TokenMint
            do {
                mint = TokenMint(
                    key: try SigningKey(generating: algorithm), issuer: issuer, audience: audience)
                try files.write(mint, replacing: force)
            } catch let failure as any Error & CustomStringConvertible {
                throw CommandFailure(failure.description)
            }
            // A key at home is found without the variable.
            let isAtHome = Mint.keyAtHome(ProcessInfo.processInfo.environment) == files.key
            let export = isAtHome ? "" : "export SIMPLEAI_TOKEN_KEY=\(shellQuoted(files.key))\n"
            print(
                """
                Wrote \(files.key) (private: keep it secret), \(files.details) and \(files.keySet).

                Add to simpleai.yaml on the gateway's machine, which needs only jwks.json:

                auth:
                  issuers:
                    - issuer: \(quoted(issuer))
                      audience: \(quoted(audience))
                      algorithms: [\(algorithm.rawValue)]
                      jwks_file: \(quoted(files.keySet))

                Then:

                \(export)simpleai token --user me --role model:specific
                """)
        }

        /// A double-quoted YAML scalar.
        private func quoted(_ text: String) -> String {
            "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
        }

        private func shellQuoted(_ text: String) -> String {
            "'" + text.replacing("'", with: "'\\''") + "'"
        }
    }
}

extension SigningKey.Algorithm: ExpressibleByArgument {}

/// An error message for the user of the command; the exit code is 1.
struct CommandFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// A duration in the format of options: `90s`, `15m`, `1h`, `365d`.
struct TimeToLive: ExpressibleByArgument, Equatable {
    let duration: Duration

    init(_ duration: Duration) {
        self.duration = duration
    }

    /// From one second to ten years.
    init?(argument: String) {
        let seconds: [Character: Int] = ["s": 1, "m": 60, "h": 3600, "d": 86400]
        guard let unit = argument.last.flatMap({ seconds[$0] }), let count = Int(argument.dropLast()),
            count > 0, count <= 10 * 366 * 86400 / unit
        else { return nil }
        duration = .seconds(count * unit)
    }
}
