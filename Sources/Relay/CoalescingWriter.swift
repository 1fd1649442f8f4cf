public import NIOCore
public import NIOHTTP1

/// Defers writes to the sockets of one event loop until the loop has handled everything that is ready to read.
///
/// If every response were written at once, each write would wake a process that has just gone to sleep, with an
/// interrupt to another core: at full load this took half of the gateway's CPU time (docs/decisions/0006). At the end
/// of a tick the same writes follow each other so closely that the receiving process is still awake. A loop with one
/// event loses nothing: its tick ends when the event is handled.
///
/// Belongs to one event loop, like everything in its pool.
public final class EndOfTickFlusher {
    private let eventLoop: any EventLoop
    private var waiting: [CoalescingWriter] = []
    /// Empty except at the end of a tick: two arrays alternate, so that none is allocated anew.
    private var flushing: [CoalescingWriter] = []
    /// Storage for writes, in order of last use: the most recent, at the end, is still in the processor's cache. Idle
    /// connections hold none.
    private var spare: [ByteBuffer] = []

    /// Capacities of spare storage, in bytes.
    private static let capacities = (1 << 10)...(4 << 10)
    private static let maxSpareBuffers = 64

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    fileprivate func add(_ handler: CoalescingWriter) {
        waiting.append(handler)
        guard waiting.count == 1 else { return }
        // The loop executes this after the events of this tick.
        eventLoop.assumeIsolated().execute { self.flushAll() }
    }

    fileprivate func takeStorage(_ capacity: Int) -> ByteBuffer {
        let capacity = max(capacity, Self.capacities.lowerBound)
        guard var storage = spare.popLast() else { return ByteBufferAllocator().buffer(capacity: capacity) }
        storage.clear(minimumCapacity: capacity)
        return storage
    }

    fileprivate func giveBack(_ storage: ByteBuffer) {
        guard spare.count < Self.maxSpareBuffers, Self.capacities.contains(storage.capacity) else { return }
        spare.append(storage)
    }

    private func flushAll() {
        swap(&waiting, &flushing)
        // A handler that flushes again meanwhile waits for the next tick.
        flushing.withUnsafeBufferPointer { for handler in $0 { handler.flushNow() } }
        flushing.removeAll(keepingCapacity: true)
    }
}

/// Sits in a connection's pipeline next to the socket, or to TLS, and defers flushes to the end of the tick.
///
/// It also joins small writes until a flush. An HTTP encoder writes an event as three buffers (its length, itself, a
/// line break); each would be an entry in the channel's list of writes and a separate vector in the system call,
/// which costs far more than copying a few hundred bytes.
///
/// Next to the socket it writes the joined bytes directly to the socket (`SocketWriter`): only the bytes that the
/// kernel does not take at once go to the channel's list of writes.
public final class CoalescingWriter: ChannelOutboundHandler, RemovableChannelHandler {
    public typealias OutboundIn = IOData
    public typealias OutboundOut = IOData

    /// The next handler in outbound direction.
    public enum NextHandler: Sendable {
        case socket
        /// Direct socket writes would bypass TLS, so there are none.
        case tls
    }

    /// In bytes. Longer buffers are passed on without joining.
    private static let maxPieceLength = 4 << 10
    private static let maxJoinedLength = 16 << 10

    /// In bytes. Up to this size the channel's writability is not checked.
    private static let maxUncheckedLength = 16 << 10

    private let batch: EndOfTickFlusher
    private let nextHandler: NextHandler
    /// Nil until a socket has been found.
    private var socket: SocketWriter?
    /// Whether the channel may hold unsent bytes, which must be sent before any later byte.
    private var channelHasPendingWrites = true
    /// Bytes written to the channel since its last flush.
    private var unflushed = 0
    private var context: ChannelHandlerContext?
    private var isWaiting = false
    /// Written bytes that have not been passed on: small pieces are joined here.
    private var joined = ByteBuffer()
    private var promise: EventLoopPromise<Void>?

    public init(_ batch: EndOfTickFlusher, nextTo nextHandler: NextHandler) {
        self.batch = batch
        self.nextHandler = nextHandler
    }

    public func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    public func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        socket = nil
        channelHasPendingWrites = true
        isWaiting = false
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

    /// Writes bytes of an HTTP/1 message and bypasses the handlers before this one, which would box and inspect them
    /// without effect: a body whose length the head has stated, or its framing. The caller must own the current
    /// exchange.
    public func write(_ bytes: ByteBuffer, promise: EventLoopPromise<Void>?) {
        guard let context else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        guard bytes.readableBytes <= Self.maxPieceLength else {
            forwardPending(context)
            return pass(.byteBuffer(bytes), promise, context)
        }
        makeRoom(bytes.readableBytes)
        joined.writeImmutableBuffer(bytes)
        guard let promise else { return }
        if let first = self.promise { first.futureResult.cascade(to: promise) } else { self.promise = promise }
    }

    /// Writes bytes as one chunk of an HTTP/1.1 message (RFC 9112 §7.1), also bypassing the handlers before this one.
    public func write(chunk: ByteBuffer) {
        let size = chunk.readableBytes
        guard context != nil, size > 0 else { return }
        let length = size + ChunkFrame.maxLength
        guard length <= Self.maxPieceLength else {
            for piece in [ChunkFrame.start(of: size), chunk, ChunkFrame.end] { write(piece, promise: nil) }
            return
        }
        makeRoom(length)
        joined.writeWithUnsafeMutableBytes(minimumWritableBytes: length) { ChunkFrame.write(chunk, to: $0) }
    }

    /// Writes the head of an HTTP/1 response, also bypassing the handlers before this one.
    /// - Parameter isChunked: whether its body follows in chunks.
    public func write(_ head: HTTPResponseHead, isChunked: Bool) {
        guard context != nil else { return }
        makeRoom(ResponseWriter.usualHead)
        ResponseWriter.write(head, isChunked: isChunked, into: &joined)
    }

    /// Writes an HTTP/1 request, also bypassing the handlers before this one.
    func write(_ request: UpstreamRequest, promise: EventLoopPromise<Void>?) {
        if context != nil {
            makeRoom(RequestWriter.usualHead)
            RequestWriter.write(request.head, into: &joined)
        }
        write(request.body, promise: promise)
    }

    /// Makes room for `length` bytes after the joined ones.
    private func makeRoom(_ length: Int) {
        if joined.readableBytes + length > Self.maxJoinedLength, let context { forwardPending(context) }
        if joined.capacity == 0 { joined = batch.takeStorage(length) }
    }

    /// Whether some written bytes have not been passed to the socket yet.
    public var hasPending: Bool { isWaiting || joined.readableBytes > 0 || promise != nil }

    // MARK: Flushing

    public func flush(context: ChannelHandlerContext) {
        flush()
    }

    /// Flushes the bytes written in this way.
    public func flush() {
        if isWaiting && unflushed == 0 || context == nil { return }
        // Bytes beyond a full buffer are not deferred: back-pressure must reflect what the socket takes, not what is
        // joined here.
        if unflushed + joined.readableBytes > Self.maxUncheckedLength, let context, !context.channel.isWritable {
            isWaiting = true
            return flushNow()
        }
        guard !isWaiting else { return }
        isWaiting = true
        batch.add(self)
    }

    public func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        flushNow()
        forwardPending(context)
        context.close(mode: mode, promise: promise)
    }

    fileprivate func flushNow() {
        guard isWaiting else { return }
        isWaiting = false
        if !channelHasPendingWrites, writeDirectly() { return }
        guard let context else { return }
        forwardPending(context)
        unflushed = 0
        context.flush()
        updatePendingWrites(context)
    }

    /// Writes the joined bytes directly to the socket.
    /// - Returns: whether the kernel took all of them.
    private func writeDirectly() -> Bool {
        // Writing zero bytes does not show whether a socket would still take bytes.
        guard let socket, socket.isOpen, promise == nil || joined.readableBytes > 0 else { return false }
        let sent = socket.write(joined)
        guard sent == joined.readableBytes else {
            joined.moveReaderIndex(forwardBy: sent)
            return false
        }
        batch.giveBack(joined)
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
        unflushed += data.readableBytes
        context.write(wrapOutboundOut(data), promise: promise)
    }

    /// Called after the channel was flushed.
    private func updatePendingWrites(_ context: ChannelHandlerContext) {
        guard case .socket = nextHandler else { return }
        if socket == nil { socket = SocketWriter(context.channel) }
        if let socket { channelHasPendingWrites = socket.hasPendingWrites }
    }
}
