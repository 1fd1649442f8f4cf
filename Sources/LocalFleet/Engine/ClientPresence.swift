import NIOCore
import Synchronization

/// The client of a connection has left: work for it is to stop.
struct ClientGone: Error {}

/// Whether the client at the other end of one connection is still there, for those who work for it.
///
/// A FIN counts as leaving: over TCP a half-close looks the same.
final class ClientPresence: Sendable {
    private struct State {
        var isGone = false
        var interruptible: OneShot?
    }

    let channel: any Channel
    private let state = Mutex(State())

    init(channel: any Channel) {
        self.channel = channel
    }

    func clientLeft() {
        let interrupted = state.withLock { state in
            state.isGone = true
            defer { state.interruptible = nil }
            return state.interruptible
        }
        interrupted?.settle(.failure(ClientGone()))
    }

    /// Waits for `event`, but no longer than the client does.
    ///
    /// One wait at a time: a connection has one request in work.
    ///
    /// - Throws: `ClientGone`.
    func wait(for event: OneShot) async throws {
        let isGone = state.withLock { state in
            if !state.isGone { state.interruptible = event }
            return state.isGone
        }
        guard !isGone else { throw ClientGone() }
        defer { state.withLock { $0.interruptible = nil } }
        try await event.wait()
    }

    /// Waits until `deadline`, but no longer than the client does.
    ///
    /// - Throws: `ClientGone`.
    func pause(until deadline: NIODeadline) async throws {
        guard deadline > .now() else {
            if state.withLock(\.isGone) { throw ClientGone() }
            return
        }
        let elapsed = OneShot()
        let timer = channel.eventLoop.scheduleTask(deadline: deadline) { elapsed.settle() }
        defer { timer.cancel() }
        try await wait(for: elapsed)
    }
}

/// The connections that a server has open.
final class ConnectionRoster: Sendable {
    private struct State {
        var open: [ObjectIdentifier: ClientPresence] = [:]
        var isClosedForGood = false
    }

    private let state = Mutex(State())

    func presence(on channel: any Channel) -> ClientPresence? {
        state.withLock { $0.open[ObjectIdentifier(channel)] }
    }

    /// Ends them all without a word, as a machine does that loses its power.
    func closeAll() {
        for presence in state.withLock({ Array($0.open.values) }) {
            presence.channel.close(promise: nil)
        }
    }

    /// The same, for those that are still to come, too.
    func closeForGood() {
        state.withLock { $0.isClosedForGood = true }
        closeAll()
    }

    /// To stand in the pipeline of every connection.
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
                state.open[ObjectIdentifier(channel)] = ClientPresence(channel: channel)
                return state.isClosedForGood
            }
            // Of a channel that closes before it was ever active nothing else is heard.
            channel.closeFuture.whenComplete { [roster] _ in roster.remove(channel) }
            // In a later turn of the loop: the server must have taken the connection over before it ends.
            if isLate { context.eventLoop.execute { channel.close(promise: nil) } }
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case .some(.inputClosed) = event as? ChannelEvent {
                roster.presence(on: context.channel)?.clientLeft()
            }
            context.fireUserInboundEventTriggered(event)
        }
    }

    private func remove(_ channel: any Channel) {
        state.withLock { $0.open.removeValue(forKey: ObjectIdentifier(channel)) }?.clientLeft()
    }
}
