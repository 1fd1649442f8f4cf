import ArgumentParser
import Foundation
import Installation
import OperatingSystem
import Settings
import SimpleAICore

/// `simpleai backup`: one file with settings, keys and state.
struct BackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Write settings, keys and state of a gateway to one file, while it runs.",
        discussion: """
            A tar archive with a manifest: the settings file and the files that it names, simpleai.env and runner.env beside \
            it, the token key, the key database (copied as of one moment, and checked), the state file and the runners' \
            tokens. It contains secrets; its mode is 0600. Relative paths in the settings belong to the working directory of \
            the gateway: of the one that runs with these settings, else of the service, else this folder or that of the \
            settings.

            Example: simpleai backup --output simpleai-backup.tar
            """)

    @Option(
        help: "The settings file; default ./simpleai.yaml, then /etc/simpleai/simpleai.yaml.", completion: .file())
    var config: String?
    @Option(name: .shortAndLong, help: .init("The file to write.", valueName: "file"), completion: .file())
    var output: String
    @Flag(help: "Replace an existing file.")
    var force = false

    func validate() throws {
        guard !output.isEmpty else { throw ValidationError("--output is empty; name the file to write") }
    }

    func run() async throws {
        try await reporting {
            guard force || !FileManager.default.fileExists(atPath: output) else {
                throw CommandFailure("\(output) exists; use --force to replace it")
            }
            let environment = InstalledEnvironment(settings: config, of: .gateway).variables
            let loaded: LoadedSettings
            do throws(SettingsError) {
                loaded = try SettingsFile.load(path: config, environment: environment)
            } catch {
                if let config, (try? RunnerSettingsFile.load(path: config, environment: environment)) != nil {
                    throw CommandFailure(
                        "\(config) contains the settings of a runner agent, and a backup is that of a gateway; "
                            + "invite the machine again instead")
                }
                throw CommandFailure("\(error)\na backup needs valid settings, because they name the files to save")
            }
            let contents = BackupContents(loaded)
            let place = WorkingFolder.resolved(WorkingFolder.absolute(output))
            if let source = contents.sources.first(where: { WorkingFolder.resolved($0.path).isExactly(place) }) {
                throw CommandFailure("\(source.path) is a file of the gateway; choose another --output")
            }
            let archived = try contents.archived()
            do throws(StoredFile.Failure) {
                let bytes = archived.archive.encoded(time: archived.manifest.created)
                try StoredFile(path: output).draft(bytes, .init(mode: 0o600)).commit()
            } catch {
                throw CommandFailure("\(output) cannot be written: \(error)")
            }
            print("Wrote \(output): \(archived.manifest.files.count) files.")
            for file in archived.manifest.files { print("  \(JSONString.visible(file.path)) (\(file.kind.rawValue))") }
            for path in archived.missing {
                StandardError.write(
                    "warning: not in the backup, because it does not exist: \(JSONString.visible(path))")
            }
        }
    }
}
