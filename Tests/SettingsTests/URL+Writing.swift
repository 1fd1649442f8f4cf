import Foundation

extension URL {
    /// The path of a new file in this directory.
    func write(_ name: String, _ data: Data) throws -> String {
        let file = appending(path: name)
        try data.write(to: file)
        return file.path
    }
}
