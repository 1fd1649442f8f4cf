import ArgumentParser
import Foundation
import Installation
import OperatingSystem
import Settings

/// `simpleai backup`: one file with settings, keys and state.
struct BackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Write settings, keys and state of a gateway to one file, while it runs.",
        discussion: """
            A tar archive with a manifest: the settings file and the files that it names, the token key, the key database \
            (copied as of one moment), the state file and the runners' tokens. It contains secrets; its mode is 0600.

            Example: simpleai backup --output simpleai-backup.tar
            """)

    @Option(help: "The settings file; default ./simpleai.yaml, then /etc/simpleai/simpleai.yaml.")
    var config: String?
    @Option(name: .shortAndLong, help: .init("The file to write.", valueName: "file"))
    var output: String
    @Flag(help: "Replace an existing file.")
    var force = false

    func run() async throws {
        try await reporting {
            guard force || !FileManager.default.fileExists(atPath: output) else {
                throw CommandFailure("\(output) exists; use --force to replace it")
            }
            let loaded: LoadedSettings
            do throws(SettingsError) {
                loaded = try SettingsFile.load(path: config, environment: ProcessInfo.processInfo.environment)
            } catch {
                throw CommandFailure("\(error)\na backup needs valid settings, because they name the files to save")
            }
            let archive = try BackupContents(loaded).archive()
            do throws(StoredFile.Failure) {
                try StoredFile(path: output).replace(
                    with: archive.encoded(time: Int64(Date().timeIntervalSince1970)), mode: 0o600)
                _ = chmod(output, 0o600)
            } catch {
                throw CommandFailure("\(output) cannot be written: \(error)")
            }
            print("Wrote \(output): \(archive.entries.count - 1) files.")
        }
    }
}
