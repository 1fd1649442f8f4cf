public import NIOCore
public import NIOPosix
public import SimpleAICore

/// The four methods of changing a machine's power state, combined in one `PowerControl`.
public struct WakeMethods: PowerControl {
    private let packets: Broadcaster
    private let relay: WakeRelay
    private let hook: WakeHook
    private let command: WakeCommand

    /// - Parameters:
    ///   - searchPath: the directories to search for programs without a slash, in the format of `PATH`.
    ///   - programTimeout: the time after which a program is stopped.
    public init(
        group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton, searchPath: String,
        programTimeout: Duration = .seconds(30)
    ) {
        packets = Broadcaster(group: group)
        relay = WakeRelay(group: group)
        hook = WakeHook(group: group)
        command = WakeCommand(searchPath: searchPath, timeout: programTimeout)
    }

    public func perform(_ method: PowerMethod) async throws(PowerError) {
        switch method {
        case .packet(let request): try await packets.send(request)
        case .relay(let request): try await relay.send(request)
        case .command(let request): try await command.run(request)
        case .http(let request): try await hook.call(request)
        }
    }
}
