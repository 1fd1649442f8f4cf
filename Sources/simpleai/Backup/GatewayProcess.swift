import Foundation
import OperatingSystem
import Settings

/// A gateway that runs on this machine, as far as /proc shows it: to its user and to root.
enum GatewayProcess {
    /// The working directory of the gateway that was started with a settings file.
    static func workingFolder(settings: String) -> String? {
        guard let wanted = identity(settings) else { return nil }
        let files = FileManager.default
        for process in (try? files.contentsOfDirectory(atPath: "/proc")) ?? [] where Int(process) != nil {
            let folder = "/proc/\(process)"
            guard let line = files.contents(atPath: "\(folder)/cmdline"),
                let option = settingsOption(of: line.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }),
                let working = try? files.destinationOfSymbolicLink(atPath: "\(folder)/cwd"),
                // In a container the same path may be another folder.
                let place = identity(working), place == identity("\(folder)/cwd")
            else { continue }
            // As `SettingsFile.load` searches.
            let candidates = option.map { [$0] } ?? SettingsFile.defaultPaths
            let used = candidates.lazy.compactMap { file in
                identity(file.hasPrefix("/") ? folder + "/" + "root" + file : "\(folder)/cwd/\(file)")
            }.first
            if used == wanted { return working }
        }
        return nil
    }

    /// The settings file that `simpleai serve` is given: nil if this is another command, `.some(nil)` without the option.
    static func settingsOption(of arguments: [String]) -> String?? {
        guard arguments.count > 1, arguments[0].hasSuffix("simpleai"), arguments[1] == "serve" else { return nil }
        for (index, argument) in arguments.enumerated().dropFirst(2) {
            if argument == "--config" { return index + 1 < arguments.count ? arguments[index + 1] : nil }
            if argument.hasPrefix("--config=") { return String(argument.dropFirst("--config=".count)) }
        }
        return .some(nil)
    }

    private static func identity(_ path: String) -> FileStatus.Identity? {
        FileStatus(path, followsLinks: true)?.identity
    }
}
