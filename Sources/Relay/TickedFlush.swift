public import NIOCore

/// Writes to the sockets of one event loop, put off until the loop has read everything that is ready.
///
/// Written at once, every answer would wake a process that has just gone to sleep, and be paid for with an interrupt to
/// another core: at full load half of the gateway's CPU time went there (docs/decisions/0006). At the end of a tick the
/// same writes follow each other so closely that the other side is still awake. A loop with one thing to do loses
/// nothing: its tick ends when that is done.
///
/// Belongs to one event loop, like everything in its pool.
public final class FlushBatch {
    private let eventLoop: any EventLoop
    private var waiting: [TickedFlush] = []

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    fileprivate func add(_ handler: TickedFlush) {
        waiting.append(handler)
        guard waiting.count == 1 else { return }
        // The loop runs what it is told here after the events of this tick.
        eventLoop.assumeIsolated().execute { self.flushAll() }
    }

    private func flushAll() {
        let handlers = waiting
        waiting.removeAll(keepingCapacity: true)
        for handler in handlers { handler.flushNow() }
    }
}

/// The place in a connection's pipeline where its flushes wait for the end of the tick: next to the socket, or to TLS.
public final class TickedFlush: ChannelOutboundHandler, RemovableChannelHandler {
    public typealias OutboundIn = Any
    public typealias OutboundOut = Any

    private let batch: FlushBatch
    private var context: ChannelHandlerContext?
    private var isWaiting = false

    public init(_ batch: FlushBatch) {
        self.batch = batch
    }

    public func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    public func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        isWaiting = false
    }

    public func flush(context: ChannelHandlerContext) {
        // What is more than a full buffer does not wait: back-pressure has to tell what the socket takes, not what lies
        // here.
        guard context.channel.isWritable else {
            isWaiting = false
            return context.flush()
        }
        guard !isWaiting else { return }
        isWaiting = true
        batch.add(self)
    }

    public func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        flushNow()
        context.close(mode: mode, promise: promise)
    }

    fileprivate func flushNow() {
        guard isWaiting else { return }
        isWaiting = false
        context?.flush()
    }
}
