/// What `simpleai setup --runner` writes. Pure.
public struct RunnerProposal: Hashable, Sendable {
    public static let firstLine = "# Written by simpleai setup --runner. docs/reference/settings.md lists all keys."
    /// The first line of the file that a package installs.
    public static let templateLine =
        "# SimpleAI runner agent: not set up yet. Run \"simpleai setup --runner\", or write this file yourself."

    /// The file that a package installs: deploy/etc/runner.yaml.
    static let template = """
        \(templateLine)
        #
        # An agent needs the URL of its gateway (gateway) and at least one engine (engines). Every key with its default:
        # /usr/share/doc/simpleai/examples/runner.example.yaml. Relative paths are relative to /var/lib/simpleai-runner.
        #
        #   simpleai config check --config /etc/simpleai/runner.yaml
        #   systemctl enable --now simpleai-runner

        """

    /// A `ws` or `wss` URL.
    public var gateway: String
    public var id: String
    public var token: String
    public var port: Int
    public var engines: [FoundEngine]
    public var stateFile: String
    /// Empty: the machine is not put to sleep.
    public var sleepCommand: [String]

    public init(
        gateway: String, id: String, token: String, port: Int, engines: [FoundEngine], stateFile: String,
        sleepCommand: [String] = []
    ) {
        self.gateway = gateway
        self.id = id
        self.token = token
        self.port = port
        self.engines = engines
        self.stateFile = stateFile
        self.sleepCommand = sleepCommand
    }

    /// The text of `runner.yaml`.
    public var settings: String {
        let engines =
            engines.isEmpty ? [FoundEngine(url: "http://127.0.0.1:11434", kind: .ollama, models: [])] : engines
        var lines = [
            Self.firstLine, "", "gateway: \(YAMLText.scalar(gateway))",
            "# An invitation is exchanged for a token of this machine, which is kept in state_file.",
            "token: \(YAMLText.scalar(token))", "id: \(YAMLText.scalar(id))", "", "listen:", "  port: \(port)", "",
            "engines:",
        ]
        for engine in engines {
            lines += ["  - kind: \(engine.kind.rawValue)", "    url: \(YAMLText.scalar(engine.url))"]
            if let slots = engine.slots { lines.append("    slots: \(slots)") }
            if engine.requiresKey { lines += YAMLText.missingKey }
        }
        lines += ["", "state_file: \(YAMLText.scalar(stateFile))"]
        if !sleepCommand.isEmpty {
            lines += ["", "power:", "  sleep_command: \(YAMLText.list(sleepCommand))"]
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The line to run on a machine, to join it to a gateway.
    public static func joinCommand(gateway: String, id: String, token: String) -> String {
        let options = [("--gateway", gateway), ("--id", id), ("--token", token)].map(ShellText.option)
        return "simpleai setup --runner \(options.joined(separator: " "))"
    }
}

/// Words of a command line for a POSIX shell.
public enum ShellText {
    /// An option with its value. A value that begins with a hyphen must not be read as an option.
    public static func option(_ name: String, _ value: String) -> String {
        value.hasPrefix("-") ? "\(name)=\(word(value))" : "\(name) \(word(value))"
    }

    public static func word(_ text: String) -> String {
        let plain = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: "-_./:=@%+,[]".utf8.contains(byte) && byte != UInt8(ascii: "[") && byte != UInt8(ascii: "]")
            }
        }
        return plain && !text.isEmpty ? text : "'" + text.replacing("'", with: "'\\''") + "'"
    }
}
