public import NIOCore
import NIOPosix
import OperatingSystem

/// Sits in a listening socket's pipeline, next to the socket: pauses accepting while the system has no descriptor,
/// buffer or memory for another connection, or while accepting would use the reserve.
///
/// The channel alone would retry as long as a client waits, which takes a whole core, and would report nothing. Clients
/// wait in the backlog meanwhile.
public final class AcceptErrorHandler: ChannelDuplexHandler, RemovableChannelHandler {
    public typealias InboundIn = any Channel
    public typealias OutboundIn = any Channel

    /// A change that the operator should know of; reported once each time that it begins.
    public enum Change: Hashable, Sendable {
        case paused(cause: String)
        case resumed
    }

    /// Time between two attempts.
    private static let pause: TimeAmount = .milliseconds(250)

    private let isExhausted: () -> Bool
    private let onChange: (Change) -> Void
    private var state = AcceptState()

    /// - Parameters:
    ///   - isExhausted: whether a new connection would take from the reserve.
    ///   - onChange: called on the event loop.
    init(isExhausted: @escaping () -> Bool, onChange: @escaping (Change) -> Void) {
        self.isExhausted = isExhausted
        self.onChange = onChange
    }

    /// - Parameter onChange: called on the event loop.
    public convenience init(onChange: @escaping (Change) -> Void) {
        self.init(
            isExhausted: { DescriptorLimit.isReached(keeping: DescriptorLimit.connectionReserve) }, onChange: onChange)
    }

    public func read(context: ChannelHandlerContext) {
        if state.isPaused { return state.readRequested() }
        guard !isExhausted() else {
            pause(context, cause: "fewer than \(DescriptorLimit.connectionReserve) descriptors are left")
            return state.readRequested()
        }
        context.read()
    }

    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if state.accepted() { onChange(.resumed) }
        context.fireChannelRead(data)
    }

    public func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? IOError, SystemError(number: error.errnoCode).isExhaustion else {
            return context.fireErrorCaught(error)
        }
        pause(context, cause: "\(SystemError(number: error.errnoCode))")
        // The read that this attempt served is still requested.
        state.readRequested()
    }

    private func pause(_ context: ChannelHandlerContext, cause: String) {
        if state.paused() { onChange(.paused(cause: cause)) }
        stopReading(context.channel)
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: Self.pause) {
            let (handler, context) = bound.value
            handler.resume(context)
        }
    }

    /// A failed attempt leaves the channel registered for the next one, whatever handlers do; only switching `autoRead`
    /// off ends that.
    private func stopReading(_ channel: any Channel) {
        guard let options = channel.syncOptions else { return }
        do {
            state.wasReadingByItself = try state.wasReadingByItself || options.getOption(.autoRead)
            try options.setOption(.autoRead, value: true)
            try options.setOption(.autoRead, value: false)
        } catch {
            // The channel is closed and accepts no more connections.
        }
    }

    private func resume(_ context: ChannelHandlerContext) {
        guard context.channel.isActive, let isWanted = state.resumed() else { return }
        if state.wasReadingByItself {
            state.wasReadingByItself = false
            // Turning `autoRead` on triggers a read.
            try? context.channel.syncOptions?.setOption(.autoRead, value: true)
        } else if isWanted {
            read(context: context)
        }
    }
}
