/// A fault of an installation, with its remedy.
public struct Finding: Hashable, Sendable, CustomStringConvertible {
    public enum Severity: String, Hashable, Sendable {
        /// Calls fail, or will fail after a restart.
        case error
        /// It works, and will probably not stay that way.
        case warning
    }

    /// The check that found it, such as `engine.refused`; stable, for scripts.
    public let check: String
    public let severity: Severity
    /// What is wrong, and where. Never contains a secret.
    public let message: String
    /// What to do: a sentence, or a command.
    public let fix: String

    /// An error.
    public init(_ check: String, _ message: String, fix: String) { self.init(check, .error, message, fix: fix) }

    public init(_ check: String, _ severity: Severity, _ message: String, fix: String) {
        self.check = check
        self.severity = severity
        self.message = message
        self.fix = fix
    }

    public var description: String { "\(severity.rawValue): \(message)\n  fix: \(fix)  [\(check)]" }
}

/// The checks of `simpleai doctor`, and their results for a described system. Pure.
public enum Doctor {
    typealias Check = @Sendable (SystemDescription) -> [Finding]

    /// In the order in which an operator has to repair things.
    static let checks: [Check] = [
        HostChecks.findings, SettingsChecks.findings, FileChecks.findings, DiskChecks.findings, ListenerChecks.findings,
        IssuerChecks.findings, TokenChecks.findings, EngineChecks.findings, ModelChecks.findings, ClassChecks.findings,
        MachineChecks.findings,
        WakeChecks.findings, ServiceChecks.findings, RunnerChecks.findings,
    ]

    /// All findings: errors first, otherwise in the order of the checks. Empty for a healthy installation.
    public static func findings(in system: SystemDescription) -> [Finding] {
        let all = checks.flatMap { $0(system) }
        return all.filter { $0.severity == .error } + all.filter { $0.severity == .warning }
    }
}
