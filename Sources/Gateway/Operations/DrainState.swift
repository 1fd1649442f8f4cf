import Synchronization

/// Whether the gateway is on its way out: readiness turns false at once, open calls get their time.
final class DrainState: Sendable {
    private let draining = Atomic<Bool>(false)

    var isDraining: Bool { draining.load(ordering: .relaxed) }

    func begin() {
        draining.store(true, ordering: .relaxed)
    }
}
