public import NIOCore

#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif

extension Channel {
    /// Sets whether the end of this connection is a reset (RST) instead of a regular end (FIN), however it is closed, also by
    /// the end of this process. No effect on channels without a socket. Call it on the event loop.
    public func setResetsOnClose(_ isOn: Bool) {
        // Fails only if the connection has ended.
        _ = (self as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: isOn ? 1 : 0, l_linger: 0))
    }
}
