import CSystemCalls

/// A detached thread whose start can fail; Foundation's threads do not report such failures.
enum SupervisionThread {
    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    private static let stackSize: UInt = 256 << 10

    static func start(_ body: @escaping @Sendable () -> Void) throws(SystemError) {
        let box = Unmanaged.passRetained(Body(body))
        let status = csystem_start_thread(Self.run, box.toOpaque(), stackSize)
        guard status == 0 else {
            box.release()
            throw SystemError(number: status)
        }
    }

    private static let run: @convention(c) (UnsafeMutableRawPointer?) -> Void = { argument in
        if let argument { Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run() }
    }
}
