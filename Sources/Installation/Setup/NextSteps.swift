import SimpleAICore

/// The commands that setup prints at its end. Each works as printed, in the shell and by the user that ran setup. Pure.
public struct NextSteps: Hashable, Sendable {
    public enum Token: Hashable, Sendable {
        /// The key of the installation, which the commands find by themselves.
        case installedKey
        case key(path: String)
        case provider
    }

    public enum Start: Hashable, Sendable {
        case done
        case command(String)
        /// The gateway runs with the settings that were replaced.
        case restart(String)
    }

    /// The URL of the gateway on this machine.
    public var address: String
    /// The model of the first call.
    public var model: String
    public var token: Token
    public var start: Start
    /// For commands that do not find the settings by themselves.
    public var settingsFile: String?
    /// Whether setup ran by way of sudo: other users can read neither key nor settings.
    public var usesSudo: Bool

    public init(
        address: String, model: String, token: Token, start: Start, settingsFile: String?, usesSudo: Bool
    ) {
        self.address = address
        self.model = model
        self.token = token
        self.start = start
        self.settingsFile = settingsFile
        self.usesSudo = usesSudo
    }

    public var lines: [String] {
        var lines = [""]
        switch start {
        case .done: break
        case .command(let command): lines.append("Start it:         \(sudo)\(command)\(config)")
        case .restart(let command): lines.append("Restart it:       \(sudo)\(command)\(config)")
        }
        let body =
            "{\"model\":\(JSONString.encode(model)),\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}"
        return lines + [
            "First response:   curl \(ShellText.word("\(address)/v1/chat/completions")) -H \"Authorization: Bearer \(callToken)\" \\",
            "                    -H 'Content-Type: application/json' \\",
            "                    -d \(ShellText.word(body))",
            "Another machine:  \(invitation)",
            "Trouble:          \(sudo)simpleai doctor\(settingsFile.map { " --config \(ShellText.word($0))" } ?? "")",
        ]
    }

    private var sudo: String { usesSudo ? "sudo " : "" }

    /// `systemctl` needs no settings file.
    private var config: String {
        guard let settingsFile else { return "" }
        switch start {
        case .command(let command) where command.hasPrefix("simpleai "),
            .restart(let command) where command.hasPrefix("simpleai "):
            return " --config \(ShellText.word(settingsFile))"
        default: return ""
        }
    }

    private var callToken: String {
        switch token {
        case .installedKey: "$(\(sudo)simpleai token)"
        case .key(let path): "$(\(sudo)simpleai token --key \(ShellText.word(path)))"
        case .provider: "TOKEN"
        }
    }

    private var invitation: String {
        let url = ShellText.word(address)
        return switch token {
        case .installedKey: "\(sudo)simpleai invite NAME"
        case .key(let path):
            "simpleai invite NAME --url \(url) --token \"$(\(sudo)simpleai token --role admin --key \(ShellText.word(path)))\""
        case .provider: "simpleai invite NAME --url \(url) --token ADMIN_TOKEN"
        }
    }
}
