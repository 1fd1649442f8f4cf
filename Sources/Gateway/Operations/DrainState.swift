import Synchronization

/// Whether the gateway is draining: readiness becomes false at once, and calls in progress may finish.
final class DrainState: Sendable {
    private let draining = Atomic<Bool>(false)

    var isDraining: Bool { draining.load(ordering: .relaxed) }

    func begin() {
        draining.store(true, ordering: .relaxed)
    }
}
