import ArgumentParser
import Foundation
import Gateway
import Installation
import LocalFleet
import OperatingSystem
import Settings

/// `simpleai setup`: writes the settings of a gateway or of a runner agent.
struct SetupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "setup",
        abstract: "Write working settings: finds engines, proposes classes, makes the token key.",
        discussion: """
            Asks five questions; every answer can be given as an option, and --yes takes the defaults. The network is \
            searched for engines only with consent (--scan-network). Existing settings are replaced only with --force, and kept \
            under another name; an existing token key is kept. With --runner it writes the settings of an agent: run the line \
            that `simpleai invite` prints.

            Example: simpleai setup --yes --engine http://127.0.0.1:11434
            """)

    @Flag(help: "Ask nothing; take the options and the defaults.")
    var yes = false
    @Option(
        help: .init(
            "Folder of the settings (default: /etc/simpleai for root, else the current one).", valueName: "directory"),
        completion: .directory)
    var directory: String?
    @Option(
        help: .init(
            "Folder of the key database and the state (default: /var/lib/simpleai for root, else that of the settings).",
            valueName: "directory"),
        completion: .directory)
    var stateDirectory: String?
    @Flag(help: "Replace existing settings; the old file is kept under another name.")
    var force = false
    @Flag(help: "Do nothing, successfully, if settings by setup exist.")
    var ifMissing = false
    @Flag(
        inversion: .prefixedNo, help: "Start the service, now and at every boot (default with root and systemd: start)."
    )
    var start: Bool?
    @Option(help: .init("Engine to use, in addition to those that are found; may be repeated.", valueName: "base-url"))
    var engine: [String] = []

    @OptionGroup(title: "Gateway") var gateway: GatewaySetupOptions
    @OptionGroup(title: "Runner agent") var agent: RunnerSetupOptions

    func validate() throws {
        for url in engine {
            guard (try? OperatorURL(url)) != nil else {
                throw ValidationError("--engine \(url) is not a URL such as http://127.0.0.1:11434")
            }
        }
        try gateway.validateOptions()
        try agent.validateOptions()
        if agent.runner, let option = gateway.firstGivenOption {
            throw ValidationError("\(option) is an answer about a gateway; it cannot be combined with --runner")
        }
    }

    func run() async throws {
        try await reporting {
            if agent.runner {
                try await RunnerSetup(command: self).run()
            } else {
                try await GatewaySetup(command: self).run()
            }
        }
    }

    /// The folder of the settings.
    var folder: String { directory ?? (geteuid() == 0 ? "/etc/simpleai" : ".") }

    /// Checks that the file may be written.
    /// - Returns: false if there is nothing to do.
    func mayWrite(_ file: InstalledFile) throws -> Bool {
        switch try file.existing() {
        case .replaceable, .commented: return true
        case .ownFile where ifMissing: return false
        case .ownFile, .foreign:
            guard !force else { return true }
            throw CommandFailure(
                "\(file.path) exists and is not replaced; check it with `simpleai config check --config "
                    + "\(ShellText.word(file.path))`, or use --force, which keeps it under another name")
        }
    }

    /// The engines that the options name.
    func namedEngines() async -> [FoundEngine] {
        var engines: [FoundEngine] = []
        for url in engine {
            if let found = await EngineSearch.engine(at: url) {
                engines.append(found)
            } else {
                Self.warn("\(url) does not respond like an engine now; it is used nevertheless")
                engines.append(FoundEngine(url: url, kind: .openAI, models: []))
            }
        }
        return engines
    }

    /// Whether setup starts the service.
    func startsService(_ questions: Questions) throws -> Bool {
        guard SystemService.isPresent, geteuid() == 0 else { return false }
        return try start
            ?? questions.confirm("Start it when the settings are written, and at every boot?", default: true)
    }

    /// Whether setup runs as root for a user who is not.
    static var usesSudo: Bool {
        let user = ProcessInfo.processInfo.environment["SUDO_USER"] ?? ""
        return geteuid() == 0 && !user.isEmpty && user != "root"
    }

    /// Written at once, in the order of the printed lines.
    static func warn(_ text: String) { StandardStream.error.write("warning: \(text)\n") }

    // MARK: Folders

    static func absolute(_ path: String) -> String {
        let path = URL(fileURLWithPath: path).standardizedFileURL.path
        return path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    }

    /// Creates the folder of the settings, in which the service's user reads.
    func makeFolder() throws { _ = try Self.makeFolder(Self.absolute(folder), mode: 0o755) }

    /// Creates a folder for state, which belongs to the service's user if there is one.
    static func makeStateFolder(_ path: String, user name: String) throws {
        guard try makeFolder(path, mode: 0o700), let user = getpwnam(name) else { return }
        _ = chown(path, user.pointee.pw_uid, user.pointee.pw_gid)
    }

    /// - Returns: whether it was created.
    private static func makeFolder(_ path: String, mode: UInt32) throws -> Bool {
        do throws(SystemError) {
            return try StoredFolder(path: path).create(mode: mode)
        } catch {
            throw CommandFailure("the folder \(path) cannot be created: \(error)")
        }
    }
}

/// A URL of an engine or a gateway.
struct OperatorURL {
    init(_ text: String) throws {
        guard let url = URLComponents(string: text), let scheme = url.scheme, ["http", "https"].contains(scheme),
            let host = url.encodedHost, !host.isEmpty, !text.contains("${")
        else { throw CommandFailure("\(text) is not an http or https URL") }
    }
}
