extension LoadedSettings {
    /// A file that the settings name and a program reads, such as a certificate or a secret.
    public struct NamedFile: Hashable, Sendable {
        /// Dotted, with indices.
        public let key: String
        public let path: String
    }

    /// In the order of the settings file; without files that the gateway writes.
    public var namedFiles: [NamedFile] {
        var files: [NamedFile] = []
        Self.collect(tree, at: .root, into: &files)
        return files
    }

    private static func collect(_ node: SettingsNode, at path: SettingsPath, into files: inout [NamedFile]) {
        switch node.content {
        case .table(let entries):
            for entry in entries {
                let path = path[entry.key]
                if case .scalar(let text) = entry.value.content, isFile(entry.key, text, path) {
                    files.append(NamedFile(key: path.description, path: text))
                } else {
                    collect(entry.value, at: path, into: &files)
                }
            }
        case .list(let elements):
            for (index, element) in elements.enumerated() { collect(element, at: path[index], into: &files) }
        case .nothing, .scalar, .broken: break
        }
    }

    private static func isFile(_ key: String, _ text: String, _ path: SettingsPath) -> Bool {
        guard !text.isEmpty, !text.contains("-----BEGIN") else { return false }
        if key.hasSuffix("_file") { return key != "state_file" }
        // The certificate and its key are a path or PEM.
        return ["server.tls.certificate", "server.tls.key"].contains(path.description)
    }
}
