import Synchronization

/// Whether the gateway is draining: it is not ready, and calls in progress may finish.
package final class DrainState: Sendable {
    private let draining = Atomic<Bool>(false)

    package init() {}

    package var isDraining: Bool { draining.load(ordering: .relaxed) }

    package func begin() {
        draining.store(true, ordering: .relaxed)
    }
}
