import NIOCore
import NIOPosix

enum FreePort {
    /// A UDP port of 127.0.0.1 that is currently free.
    static func udp() async throws -> Int {
        let channel = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let port = channel.localAddress?.port ?? 0
        try await channel.close()
        return port
    }
}
