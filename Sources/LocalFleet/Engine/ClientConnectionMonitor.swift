import NIOCore
import Synchronization

/// The client closed its connection, so work for it stops.
struct ClientDisconnected: Error {}

/// Interrupts work in progress when the client of its connection disconnects.
///
/// A FIN counts as disconnecting: over TCP it looks the same as a half-close.
final class ClientConnectionMonitor: Sendable {
    private struct State {
        var isDisconnected = false
        var currentWait: OneShot?
    }

    let channel: any Channel
    private let state = Mutex(State())

    init(channel: any Channel) {
        self.channel = channel
    }

    func clientDisconnected() {
        let interrupted = state.withLock { state in
            state.isDisconnected = true
            defer { state.currentWait = nil }
            return state.currentWait
        }
        interrupted?.settle(.failure(ClientDisconnected()))
    }

    /// Waits for `event`, at most until the client disconnects.
    ///
    /// Only one wait is allowed at a time: a connection has one request in progress.
    ///
    /// - Throws: `ClientDisconnected`.
    func wait(for event: OneShot) async throws {
        let isDisconnected = state.withLock { state in
            if !state.isDisconnected { state.currentWait = event }
            return state.isDisconnected
        }
        guard !isDisconnected else { throw ClientDisconnected() }
        defer { state.withLock { $0.currentWait = nil } }
        try await event.wait()
    }

    /// Waits until `deadline`, at most until the client disconnects.
    ///
    /// - Throws: `ClientDisconnected`.
    func pause(until deadline: NIODeadline) async throws {
        guard deadline > .now() else {
            if state.withLock(\.isDisconnected) { throw ClientDisconnected() }
            return
        }
        let elapsed = OneShot()
        let timer = channel.eventLoop.scheduleTask(deadline: deadline) { elapsed.settle() }
        defer { timer.cancel() }
        try await wait(for: elapsed)
    }
}

/// The open connections of a server.
final class ConnectionRoster: Sendable {
    private struct State {
        var open: [ObjectIdentifier: ClientConnectionMonitor] = [:]
        var isClosedPermanently = false
    }

    private let state = Mutex(State())

    func monitor(on channel: any Channel) -> ClientConnectionMonitor? {
        state.withLock { $0.open[ObjectIdentifier(channel)] }
    }

    /// Closes all connections without a final message, like a machine that loses its power.
    func closeAll() {
        for monitor in state.withLock({ Array($0.open.values) }) {
            monitor.channel.close(promise: nil)
        }
    }

    /// Closes all connections, including future ones.
    func closePermanently() {
        state.withLock { $0.isClosedPermanently = true }
        closeAll()
    }

    /// A handler for the pipeline of every connection.
    func makeHandler() -> some RemovableChannelHandler & Sendable { Watcher(self) }

    private final class Watcher: ChannelInboundHandler, RemovableChannelHandler, Sendable {
        typealias InboundIn = Any

        private let roster: ConnectionRoster

        init(_ roster: ConnectionRoster) {
            self.roster = roster
        }

        func handlerAdded(context: ChannelHandlerContext) {
            let channel = context.channel
            let isLate = roster.state.withLock { state in
                state.open[ObjectIdentifier(channel)] = ClientConnectionMonitor(channel: channel)
                return state.isClosedPermanently
            }
            // A channel that closes before it was active triggers no other event.
            channel.closeFuture.whenComplete { [roster] _ in roster.remove(channel) }
            // In a later tick of the event loop, because the server must own the connection before it closes.
            if isLate { context.eventLoop.execute { channel.close(promise: nil) } }
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case .some(.inputClosed) = event as? ChannelEvent {
                roster.monitor(on: context.channel)?.clientDisconnected()
            }
            context.fireUserInboundEventTriggered(event)
        }
    }

    private func remove(_ channel: any Channel) {
        state.withLock { $0.open.removeValue(forKey: ObjectIdentifier(channel)) }?.clientDisconnected()
    }
}
