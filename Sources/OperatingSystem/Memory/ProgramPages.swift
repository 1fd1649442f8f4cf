import CSystemCalls

/// The program's code and constants in this process's memory.
public enum ProgramPages {
    /// Releases the pages that were used until now. Most of them belong to the start (settings, certificates, metadata of
    /// types); those that serve calls return with their next use, from the system's cache of files.
    ///
    /// The system can reclaim unused pages itself, but keeps those that a process has mapped longer than others. On a
    /// small machine beside an engine that needs all memory, the gateway keeps what it uses.
    /// - Returns: the size of the released segments, in bytes; 0 if the system does not support it.
    @discardableResult
    public static func release() -> Int { Int(csystem_release_program_pages()) }
}
