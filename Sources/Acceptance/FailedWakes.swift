import Synchronization

/// Targets whose machines did not wake in this round. The Wake-on-LAN test reports the failure; later tests exclude these
/// targets, so that one sleeping machine is one failure.
final class FailedWakes: Sendable {
    private let targets = Mutex<[String]>([])

    /// The id of the check that reports the failure.
    static let check = "wol.calls.answered"

    func note(_ target: String) { targets.withLock { $0.append(target) } }

    func contains(_ target: String) -> Bool {
        targets.withLock { $0.contains { $0.utf8.elementsEqual(target.utf8) } }
    }

    static func note(on target: String) -> String { "\(target) did not wake up, see \(check)" }
}
