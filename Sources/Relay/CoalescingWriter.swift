public import NIOCore
public import NIOHTTP1

/// Defers writes to the sockets of one event loop until the loop has handled everything that is ready to read.
///
/// If every response were written immediately, each write would wake a process that has just gone to sleep, through an
/// interrupt to another core: at full load this took half of the gateway's CPU time (docs/decisions/0006). At the end of a
/// tick the writes follow each other so closely that the receiving process is still awake. A tick with a single event is not
/// delayed: it ends when that event is handled.
///
/// Used on one event loop only.
public final class EndOfTickFlusher {
    private let eventLoop: any EventLoop
    private var scheduled: [CoalescingWriter] = []
    /// Empty except during `flushAll`. Two arrays alternate, so that none is allocated anew for each tick.
    private var flushing: [CoalescingWriter] = []
    /// Buffers for reuse, in order of last use: the most recent, at the end, is still in the processor's cache. Idle
    /// connections have no buffer.
    private var spareBuffers: [ByteBuffer] = []

    /// Capacities of the buffers that are kept for reuse, in bytes.
    private static let capacities = (1 << 10)...(4 << 10)
    private static let maxSpareBuffers = 64

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    fileprivate func add(_ handler: CoalescingWriter) {
        scheduled.append(handler)
        guard scheduled.count == 1 else { return }
        // The loop executes this after the events of this tick.
        eventLoop.assumeIsolated().execute { self.flushAll() }
    }

    fileprivate func makeStorage(_ capacity: Int) -> ByteBuffer {
        let capacity = max(capacity, Self.capacities.lowerBound)
        guard var storage = spareBuffers.popLast() else { return ByteBufferAllocator().buffer(capacity: capacity) }
        storage.clear(minimumCapacity: capacity)
        return storage
    }

    fileprivate func recycle(_ storage: ByteBuffer) {
        guard spareBuffers.count < Self.maxSpareBuffers, Self.capacities.contains(storage.capacity) else { return }
        spareBuffers.append(storage)
    }

    private func flushAll() {
        swap(&scheduled, &flushing)
        // A handler that is added meanwhile is flushed in the next tick.
        flushing.withUnsafeBufferPointer { for handler in $0 { handler.flushNow() } }
        flushing.removeAll(keepingCapacity: true)
    }
}

/// A channel handler, next to the socket or to TLS, that defers flushes to the end of the tick.
///
/// It also joins small writes until the flush. An HTTP encoder writes an event as three buffers (chunk size, event, line
/// break); each would be an entry in the channel's list of writes and a separate vector in the system call, which costs far
/// more than copying a few hundred bytes.
///
/// Next to the socket, it writes the joined bytes directly to the socket (`SocketWriter`); only bytes that the kernel does
/// not accept go to the channel's list of writes.
public final class CoalescingWriter: ChannelOutboundHandler, RemovableChannelHandler {
    public typealias OutboundIn = IOData
    public typealias OutboundOut = IOData

    /// The next handler in outbound direction.
    public enum NextHandler: Sendable {
        case socket
        /// No direct socket writes, because they would bypass TLS.
        case tls
    }

    /// In bytes. Longer buffers are forwarded without joining.
    private static let maxPieceLength = 4 << 10
    private static let maxJoinedLength = 16 << 10

    /// In bytes. Up to this size the channel's writability is not checked.
    private static let maxUncheckedLength = 16 << 10

    private let flusher: EndOfTickFlusher
    private let nextHandler: NextHandler
    /// The channel's socket; nil before the first flush, and next to TLS.
    private var socket: SocketWriter?
    /// Whether the channel may hold unsent bytes, which must be sent before any later byte.
    private var channelHasPendingWrites = true
    /// Number of bytes written to the channel since its last flush.
    private var unflushedBytes = 0
    private var context: ChannelHandlerContext?
    private var isFlushScheduled = false
    /// Small writes, joined and not forwarded yet.
    private var joined = ByteBuffer()
    private var promise: EventLoopPromise<Void>?

    public init(_ flusher: EndOfTickFlusher, nextTo nextHandler: NextHandler) {
        self.flusher = flusher
        self.nextHandler = nextHandler
    }

    public func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    public func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        socket = nil
        channelHasPendingWrites = true
        isFlushScheduled = false
        joined = ByteBuffer()
        promise?.fail(ChannelError.ioOnClosedChannel)
        promise = nil
    }

    public func removeHandler(context: ChannelHandlerContext, removalToken: ChannelHandlerContext.RemovalToken) {
        flushNow()
        forwardPending(context)
        context.leavePipeline(removalToken: removalToken)
    }

    // MARK: Writing

    public func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .byteBuffer(let bytes): write(bytes, promise: promise)
        case .fileRegion(let region):
            forwardPending(context)
            pass(.fileRegion(region), promise, context)
        }
    }

    /// Writes bytes of an HTTP/1 message that need no framing: a body of known length, or framing itself. Bypasses the handlers
    /// before this one, which would only box and inspect them. Only the code that owns the current exchange may call this.
    public func write(_ bytes: ByteBuffer, promise: EventLoopPromise<Void>?) {
        guard let context else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        guard bytes.readableBytes <= Self.maxPieceLength else {
            forwardPending(context)
            return pass(.byteBuffer(bytes), promise, context)
        }
        reserveCapacity(bytes.readableBytes)
        joined.writeImmutableBuffer(bytes)
        guard let promise else { return }
        if let first = self.promise { first.futureResult.cascade(to: promise) } else { self.promise = promise }
    }

    /// Writes bytes as one chunk of an HTTP/1.1 message (RFC 9112 §7.1), also bypassing the handlers before this one.
    public func write(chunk: ByteBuffer) {
        let size = chunk.readableBytes
        guard context != nil, size > 0 else { return }
        let length = size + ChunkFrame.maxOverhead
        guard length <= Self.maxPieceLength else {
            for piece in [ChunkFrame.start(of: size), chunk, ChunkFrame.end] { write(piece, promise: nil) }
            return
        }
        reserveCapacity(length)
        joined.writeWithUnsafeMutableBytes(minimumWritableBytes: length) { ChunkFrame.write(chunk, to: $0) }
    }

    /// Writes the head of an HTTP/1 response, also bypassing the handlers before this one.
    /// - Parameter isChunked: whether its body follows in chunks.
    public func write(_ head: HTTPResponseHead, isChunked: Bool) {
        guard context != nil else { return }
        reserveCapacity(ResponseWriter.typicalHeadSize)
        ResponseWriter.write(head, isChunked: isChunked, into: &joined)
    }

    /// Writes an HTTP/1 request, also bypassing the handlers before this one.
    func write(_ request: UpstreamRequest, promise: EventLoopPromise<Void>?) {
        if context != nil {
            reserveCapacity(RequestWriter.typicalHeadSize)
            RequestWriter.write(request.head, into: &joined)
        }
        write(request.body, promise: promise)
    }

    /// Ensures that `joined` has capacity for `length` more bytes.
    private func reserveCapacity(_ length: Int) {
        if joined.readableBytes + length > Self.maxJoinedLength, let context { forwardPending(context) }
        if joined.capacity == 0 { joined = flusher.makeStorage(length) }
    }

    /// Whether some written bytes have not been passed to the socket yet.
    public var hasPending: Bool { isFlushScheduled || joined.readableBytes > 0 || promise != nil }

    // MARK: Flushing

    public func flush(context: ChannelHandlerContext) {
        flush()
    }

    /// Flushes all written bytes: at the end of the tick, or immediately if the channel is full.
    public func flush() {
        if isFlushScheduled && unflushedBytes == 0 || context == nil { return }
        // With a full channel nothing is deferred: back-pressure must reflect what the socket accepts, not what is joined
        // here.
        if unflushedBytes + joined.readableBytes > Self.maxUncheckedLength, let context, !context.channel.isWritable {
            isFlushScheduled = true
            return flushNow()
        }
        guard !isFlushScheduled else { return }
        isFlushScheduled = true
        flusher.add(self)
    }

    public func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        flushNow()
        forwardPending(context)
        context.close(mode: mode, promise: promise)
    }

    fileprivate func flushNow() {
        guard isFlushScheduled else { return }
        isFlushScheduled = false
        if !channelHasPendingWrites, writeDirectly() { return }
        guard let context else { return }
        forwardPending(context)
        unflushedBytes = 0
        context.flush()
        updatePendingWrites(context)
    }

    /// Writes the joined bytes directly to the socket.
    /// - Returns: whether the kernel took all of them.
    private func writeDirectly() -> Bool {
        // An empty write would not show whether the socket accepts bytes.
        guard let socket, socket.isOpen, promise == nil || joined.readableBytes > 0 else { return false }
        let sent = socket.write(joined)
        guard sent == joined.readableBytes else {
            joined.moveReaderIndex(forwardBy: sent)
            return false
        }
        flusher.recycle(joined)
        joined = ByteBuffer()
        if let promise {
            self.promise = nil
            promise.succeed()
        }
        return true
    }

    private func forwardPending(_ context: ChannelHandlerContext) {
        guard joined.readableBytes > 0 || promise != nil else { return }
        let (bytes, promise) = (joined, promise)
        (joined, self.promise) = (ByteBuffer(), nil)
        pass(.byteBuffer(bytes), promise, context)
    }

    private func pass(_ data: IOData, _ promise: EventLoopPromise<Void>?, _ context: ChannelHandlerContext) {
        channelHasPendingWrites = true
        unflushedBytes += data.readableBytes
        context.write(wrapOutboundOut(data), promise: promise)
    }

    /// Called after the channel was flushed.
    private func updatePendingWrites(_ context: ChannelHandlerContext) {
        guard case .socket = nextHandler else { return }
        if socket == nil { socket = SocketWriter(context.channel) }
        if let socket { channelHasPendingWrites = socket.hasPendingWrites }
    }
}
