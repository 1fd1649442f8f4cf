import Foundation
import Installation
import SimpleAICore

/// The working directory of a gateway, to which relative paths in its settings belong.
struct WorkingFolder {
    private static let settingsFolder = "/etc/simpleai"
    private static let stateFolder = "/var/lib/simpleai"

    let path: String

    /// - Parameters:
    ///   - settings: the absolute path of the settings file.
    ///   - names: the relative paths in the settings.
    init(settings: String, names: [String]) {
        path = Self.choose(settings: settings, names: names)
    }

    func absolute(_ file: String) -> String { Self.absolute(file, in: path) }

    /// The absolute path of a file that was named to this process.
    static func absolute(_ file: String, in folder: String = FileManager.default.currentDirectoryPath) -> String {
        let path = file.hasPrefix("/") ? file : "\(folder)/\(file)"
        // Behind a link, `..` is the folder above the link's target.
        guard path.utf8.split(separator: UInt8(ascii: "/")).contains(where: { $0.elementsEqual("..".utf8) }) else {
            return FilePath.absolute(path, in: folder)
        }
        return resolved(path)
    }

    /// The path without links.
    static func resolved(_ path: String, below root: String = "/") -> String {
        FilePath.resolve(path, below: root) { try? FileManager.default.destinationOfSymbolicLink(atPath: $0) } ?? path
    }

    /// Whether the installed service reads the settings file.
    static func isInstalled(_ settings: String) -> Bool {
        let folders = [settingsFolder, resolved(settingsFolder)]
        return [settings, resolved(settings)].contains { file in
            folders.contains(where: FilePath.parent(of: file).isExactly)
        }
    }

    /// Certain knowledge first: a gateway that runs with these settings, then the unit of the installed service. Otherwise the
    /// folder in which any of the files is.
    private static func choose(settings: String, names: [String]) -> String {
        if let running = GatewayProcess.workingFolder(settings: settings) { return running }
        let files = FileManager.default
        if isInstalled(settings), files.fileExists(atPath: stateFolder) { return stateFolder }
        let own = files.currentDirectoryPath
        let candidates = [own, FilePath.parent(of: settings), FilePath.parent(of: resolved(settings))]
        return candidates.first { folder in
            names.contains { files.fileExists(atPath: absolute($0, in: folder)) }
        } ?? own
    }
}
