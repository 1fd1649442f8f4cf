public import NIOCore
import NIOPosix
import OperatingSystem

/// A handler of a listening channel, next to the socket, that pauses accepting while the system has no descriptor, buffer or
/// memory for another connection, or while only the reserved descriptors are left.
///
/// Without it, the channel would retry in a busy loop as long as a client waits, and would report nothing. During a pause,
/// clients wait in the listen backlog.
public final class AcceptErrorHandler: ChannelDuplexHandler, RemovableChannelHandler {
    public typealias InboundIn = any Channel
    public typealias OutboundIn = any Channel

    /// A change to report to the operator: the start of a pause, and the first connection accepted after it.
    public enum Change: Hashable, Sendable {
        case paused(cause: String)
        case resumed
    }

    /// Time between two attempts to accept.
    private static let pause: TimeAmount = .milliseconds(250)

    private let isExhausted: () -> Bool
    private let onChange: (Change) -> Void
    private var state = AcceptState()
    /// The end of the current pause.
    private var resumption: Scheduled<Void>?

    /// - Parameters:
    ///   - isExhausted: whether a new connection would use a reserved descriptor.
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
        // The failed attempt did not serve the read that requested it.
        state.readRequested()
    }

    private func pause(_ context: ChannelHandlerContext, cause: String) {
        let actions = state.exhausted()
        if actions.contains(.report) { onChange(.paused(cause: cause)) }
        stopReading(context.channel)
        guard actions.contains(.scheduleEnd) else { return }
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        resumption = context.eventLoop.scheduleTask(in: Self.pause) {
            let (handler, context) = bound.value
            handler.resume(context)
        }
    }

    public func handlerRemoved(context: ChannelHandlerContext) {
        resumption?.cancel()
        resumption = nil
    }

    /// After a failed accept the channel stays registered for reads, even if no handler requests one; only switching
    /// `autoRead` off unregisters it.
    private func stopReading(_ channel: any Channel) {
        guard let options = channel.syncOptions else { return }
        do {
            state.hadAutoRead = try state.hadAutoRead || options.getOption(.autoRead)
            try options.setOption(.autoRead, value: true)
            try options.setOption(.autoRead, value: false)
        } catch {
            // The channel is closed and accepts no more connections.
        }
    }

    private func resume(_ context: ChannelHandlerContext) {
        guard context.channel.isActive, let isReadRequested = state.resumed() else { return }
        if state.hadAutoRead {
            state.hadAutoRead = false
            try? context.channel.syncOptions?.setOption(.autoRead, value: true)
        }
        // A channel reads once, however often that is requested.
        if isReadRequested { read(context: context) }
    }
}
