import SimpleAICore

/// The answers to the five questions of `simpleai setup`, and the settings file that follows from them. Pure.
public struct GatewayProposal: Hashable, Sendable {
    public enum Identity: Hashable, Sendable {
        /// A token key that setup makes; the path of its key set, and its issuer and audience.
        case ownKey(keySet: String, issuer: String, audience: String, algorithm: String)
        /// An identity provider.
        case provider(issuer: String, audience: String)
    }

    /// The first line of a file that setup has written.
    public static let firstLine = "# Written by simpleai setup. docs/reference/settings.md lists all keys."
    /// The first line of the file that a package installs.
    public static let templateLine =
        "# SimpleAI gateway: not set up yet. Run \"simpleai setup\", or write this file yourself."

    /// The file that a package installs: deploy/etc/simpleai.yaml.
    static let template = """
        \(templateLine)
        #
        # A gateway needs at least one issuer of tokens (auth.issuers). Every key with its default:
        # /usr/share/doc/simpleai/examples/simpleai.example.yaml. Relative paths are relative to /var/lib/simpleai.
        #
        #   simpleai config check --config /etc/simpleai/simpleai.yaml
        #   systemctl enable --now simpleai
        server:
          # This machine only; 0.0.0.0 or "::" for every network.
          host: 127.0.0.1
          port: 8080

        """

    public var host: String
    public var port: Int
    public var identity: Identity
    public var engines: [FoundEngine]
    public var classes: [ClassProposal.ModelClass]
    /// The folder for the key database and the state file; empty: the working directory.
    public var stateFolder: String

    public init(
        host: String, port: Int, identity: Identity, engines: [FoundEngine], classes: [ClassProposal.ModelClass],
        stateFolder: String
    ) {
        self.host = host
        self.port = port
        self.identity = identity
        self.engines = engines
        self.classes = classes
        self.stateFolder = stateFolder
    }

    /// The text of `simpleai.yaml`.
    public var settings: String {
        var lines = [
            Self.firstLine,
            "# Check a change with `simpleai config check`; SIGHUP (systemctl reload simpleai) applies it.", "",
            "server:", "  # 127.0.0.1: this machine only; 0.0.0.0: every network.", "  host: \(YAMLText.scalar(host))",
            "  port: \(port)", "",
        ]
        lines += authentication + [""] + classLines + runnerLines
        lines += [
            "# Machines with an agent register themselves: `simpleai invite NAME` prints the line to run there.",
            "fleet:",
            "  state_file: \(YAMLText.scalar(path("simpleai-state.json")))", "",
            "# API keys, for clients that support nothing else: `simpleai keys create NAME`.", "keys:",
            "  database: \(YAMLText.scalar(path("simpleai.db")))",
        ]
        return lines.joined(separator: "\n") + "\n"
    }

    private func path(_ name: String) -> String { stateFolder.isEmpty ? "./\(name)" : "\(stateFolder)/\(name)" }

    private var authentication: [String] {
        switch identity {
        case .ownKey(let keySet, let issuer, let audience, let algorithm):
            [
                "# Callers send a token of this key: `simpleai token --user NAME`.", "auth:", "  issuers:",
                "    - issuer: \(YAMLText.scalar(issuer))", "      audience: \(YAMLText.scalar(audience))",
                "      algorithms: [\(algorithm)]", "      jwks_file: \(YAMLText.scalar(keySet))",
            ]
        case .provider(let issuer, let audience):
            [
                "# Callers send a token of this identity provider.", "auth:", "  issuers:",
                "    - issuer: \(YAMLText.scalar(issuer))", "      audience: \(YAMLText.scalar(audience))",
            ]
        }
    }

    private var classLines: [String] {
        guard let first = classes.first else {
            return [
                "# Classes of models for the same purpose, in order of preference. Callers request class:fast.",
                "#classes:", "#  fast: [\"llama3.2\"]", "",
            ]
        }
        return ["# In order of preference. Callers request class:\(first.name).", "classes:"]
            + classes.map { "  \(YAMLText.scalar($0.name)): \(YAMLText.list($0.models))" }
            + ["default_class: \(YAMLText.scalar(first.name))", ""]
    }

    private var runnerLines: [String] {
        guard !engines.isEmpty else {
            return [
                "# Engines without an agent: `- url: http://HOST:PORT`.", "#runners:",
                "#  - url: http://127.0.0.1:11434", "",
            ]
        }
        var ids: Set<ExactString> = []
        let runners = engines.flatMap { engine in
            var lines = ["  - url: \(YAMLText.scalar(engine.url))"]
            // By default, host and port are the id; two engines may differ only in their path.
            let address = engine.url.split(separator: "/").dropFirst().first.map(String.init) ?? engine.url
            var (id, number) = (address, 1)
            while !ids.insert(ExactString(id)).inserted {
                number += 1
                id = "\(address)-\(number)"
            }
            if number > 1 { lines.append("    id: \(YAMLText.scalar(id))") }
            if let slots = engine.slots { lines.append("    slots: \(slots)") }
            return lines + (engine.requiresKey ? YAMLText.missingKey : [])
        }
        return ["# The engines that were found. Their models are learned from them.", "runners:"] + runners + [""]
    }
}
