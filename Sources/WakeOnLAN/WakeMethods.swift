public import NIOCore
public import NIOPosix
public import SimpleAICore

/// The four methods of waking a machine, combined in one `WakeSender`.
public struct WakeMethods: WakeSender {
    private let packets: Broadcaster
    private let relay: WakeRelay
    private let hook: WakeHook
    private let command: WakeCommand

    /// - Parameter searchPath: the directories to search for programs without a slash, in the format of `PATH`.
    public init(group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton, searchPath: String) {
        packets = Broadcaster(group: group)
        relay = WakeRelay(group: group)
        hook = WakeHook(group: group)
        command = WakeCommand(searchPath: searchPath)
    }

    public func send(_ method: WakeMethod) async throws(WakeSendError) {
        switch method {
        case .packet(let request): try await packets.send(request)
        case .relay(let request): try await relay.send(request)
        case .command(let request): try await command.run(request)
        case .http(let request): try await hook.call(request)
        }
    }
}
