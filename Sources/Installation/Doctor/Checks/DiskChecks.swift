import SimpleAICore

/// Whether there is room for the files that the programs write.
enum DiskChecks {
    private static let minFree = ByteCount.mebibytes(16)
    private static let lowFree = ByteCount.mebibytes(256)
    private static let minFreeFiles = 100

    /// One finding per folder: its files share a file system.
    @Sendable static func findings(in system: SystemDescription) -> [Finding] {
        let files = (system.gateway?.files ?? []) + (system.runner?.files ?? [])
        var seen: Set<ExactString> = []
        var findings: [Finding] = []
        for file in files where file.purpose.isWritten && seen.insert(ExactString(file.folderPath)).inserted {
            if let free = file.freeSpace, free.bytes < lowFree.bytes {
                let isFull = free.bytes < minFree.bytes
                findings.append(
                    Finding(
                        "disk.space", isFull ? .error : .warning,
                        "the file system of \(file.folderPath) has \(free.bytes >> 20) MiB left",
                        fix: "free space: df -h \(ShellWord.of(file.folderPath))"))
            }
            if let count = file.freeFiles, count < minFreeFiles {
                findings.append(
                    Finding(
                        "disk.files", "the file system of \(file.folderPath) has room for \(count) files only",
                        fix: "remove files: df -i \(ShellWord.of(file.folderPath))"))
            }
        }
        return findings
    }
}
