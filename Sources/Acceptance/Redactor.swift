import Synchronization

/// Replaces the secrets of a run in text before it is shown or stored.
public final class Redactor: Sendable {
    private let secrets = Mutex<Set<String>>([])

    public init() {}

    /// Adds `secret` to the secrets that ``redact(_:)`` replaces, unless it is under 8 bytes: it may be an ordinary word.
    func register(_ secret: String) {
        guard secret.utf8.count >= 8 else { return }
        secrets.withLock { _ = $0.insert(secret) }
    }

    /// Returns `text` with all known secrets, and all text in the format of a JWT, replaced.
    public func redact(_ text: String) -> String {
        var result = text
        let known = secrets.withLock { $0.sorted { $0.utf8.count > $1.utf8.count } }
        for secret in known where result.contains(secret) {
            result = result.replacing(secret, with: "[token]")
        }
        guard result.contains("eyJ") else { return result }
        return result.replacing(/eyJ[A-Za-z0-9_\-]{4,}\.[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]*/, with: "[jwt]")
    }

    /// Whether `text` contains one of the run's secrets.
    func findsSecret(in text: String) -> Bool {
        secrets.withLock { $0.contains { text.contains($0) } }
    }
}
