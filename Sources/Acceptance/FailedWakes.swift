import Synchronization

/// Targets whose machines did not wake in this run. The Wake-on-LAN test reports it; the tests that follow leave these
/// targets out, so that one sleeping machine is one failure.
final class FailedWakes: Sendable {
    private let targets = Mutex<[String]>([])

    /// The check that reports it.
    static let check = "wol.calls.answered"

    func note(_ target: String) { targets.withLock { $0.append(target) } }

    func contains(_ target: String) -> Bool {
        targets.withLock { $0.contains { $0.utf8.elementsEqual(target.utf8) } }
    }

    static func note(on target: String) -> String { "\(target) did not wake up, see \(check)" }
}
