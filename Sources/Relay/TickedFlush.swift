public import NIOCore
public import NIOHTTP1

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
    /// Empty but at the end of a tick: two arrays take turns, so that none is made anew.
    private var flushing: [TickedFlush] = []
    /// Storage to write into, the latest used last: what has been sent a moment ago is still in the processor's cache, and
    /// connections that are idle hold none.
    private var spare: [ByteBuffer] = []

    /// Of spare storage, in bytes.
    private static let capacities = (1 << 10)...(4 << 10)
    private static let mostSpares = 64

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    fileprivate func add(_ handler: TickedFlush) {
        waiting.append(handler)
        guard waiting.count == 1 else { return }
        // The loop runs what it is told here after the events of this tick.
        eventLoop.assumeIsolated().execute { self.flushAll() }
    }

    fileprivate func takeStorage(_ capacity: Int) -> ByteBuffer {
        let capacity = max(capacity, Self.capacities.lowerBound)
        guard var storage = spare.popLast() else { return ByteBufferAllocator().buffer(capacity: capacity) }
        storage.clear(minimumCapacity: capacity)
        return storage
    }

    fileprivate func giveBack(_ storage: ByteBuffer) {
        guard spare.count < Self.mostSpares, Self.capacities.contains(storage.capacity) else { return }
        spare.append(storage)
    }

    private func flushAll() {
        swap(&waiting, &flushing)
        // Whoever flushes once more meanwhile waits for the next tick.
        flushing.withUnsafeBufferPointer { for handler in $0 { handler.flushNow() } }
        flushing.removeAll(keepingCapacity: true)
    }
}

/// The place in a connection's pipeline where its flushes wait for the end of the tick: next to the socket, or to TLS.
///
/// It also joins what is written in small pieces up to a flush. An HTTP encoder writes an event as three of them (its
/// length, itself, a line break); each would be an entry in the channel's list of writes and a vector of its own in the
/// system call, which costs far more than copying a few hundred bytes.
///
/// Next to the socket it writes what it has joined past the channel (`SocketWriter`): the channel's list of writes is for
/// what the kernel does not take at once.
public final class TickedFlush: ChannelOutboundHandler, RemovableChannelHandler {
    public typealias OutboundIn = IOData
    public typealias OutboundOut = IOData

    /// What comes after this handler on the way out.
    public enum Neighbour: Sendable {
        case socket
        /// Nothing may go past it.
        case tls
    }

    /// In bytes. What is longer goes as it is.
    private static let longestPiece = 4 << 10
    private static let longestJoined = 16 << 10

    /// In bytes. Up to here nobody asks whether the channel's buffer is full.
    private static let smallTick = 16 << 10

    private let batch: FlushBatch
    private let neighbour: Neighbour
    /// Once it is known that there is one.
    private var socket: SocketWriter?
    /// Whether something may lie in the channel: nothing must overtake it.
    private var channelHolds = true
    /// What the channel has got since it was last told to send, in bytes.
    private var unflushed = 0
    private var context: ChannelHandlerContext?
    private var isWaiting = false
    /// What has been written and not gone on: here pieces are joined.
    private var joint = ByteBuffer()
    private var promise: EventLoopPromise<Void>?

    public init(_ batch: FlushBatch, nextTo neighbour: Neighbour) {
        self.batch = batch
        self.neighbour = neighbour
    }

    public func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    public func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        socket = nil
        channelHolds = true
        isWaiting = false
        joint = ByteBuffer()
        promise?.fail(ChannelError.ioOnClosedChannel)
        promise = nil
    }

    public func removeHandler(context: ChannelHandlerContext, removalToken: ChannelHandlerContext.RemovalToken) {
        flushNow()
        handOn(context)
        context.leavePipeline(removalToken: removalToken)
    }

    // MARK: Writing

    public func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .byteBuffer(let bytes): write(bytes, promise: promise)
        case .fileRegion(let region):
            handOn(context)
            pass(.fileRegion(region), promise, context)
        }
    }

    /// Writes bytes of a message in HTTP/1 past the handlers before this one, which would box them and look at them in
    /// vain: a body whose length its head has said, or what frames it. For whoever knows that it is their turn.
    public func write(_ bytes: ByteBuffer, promise: EventLoopPromise<Void>?) {
        guard let context else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        guard bytes.readableBytes <= Self.longestPiece else {
            handOn(context)
            return pass(.byteBuffer(bytes), promise, context)
        }
        makeRoom(bytes.readableBytes)
        joint.writeImmutableBuffer(bytes)
        guard let promise else { return }
        if let first = self.promise { first.futureResult.cascade(to: promise) } else { self.promise = promise }
    }

    /// Writes bytes as one chunk of a message in HTTP/1.1 (RFC 9112 §7.1) by the same way.
    public func write(chunk: ByteBuffer) {
        let size = chunk.readableBytes
        guard context != nil, size > 0 else { return }
        let length = size + ChunkFrame.longest
        guard length <= Self.longestPiece else {
            for piece in [ChunkFrame.start(of: size), chunk, ChunkFrame.end] { write(piece, promise: nil) }
            return
        }
        makeRoom(length)
        joint.writeWithUnsafeMutableBytes(minimumWritableBytes: length) { ChunkFrame.write(chunk, to: $0) }
    }

    /// Writes the head of a response in HTTP/1 by the same way.
    /// - Parameter isChunked: whether its body follows in chunks.
    public func write(_ head: HTTPResponseHead, isChunked: Bool) {
        guard context != nil else { return }
        makeRoom(ResponseWriter.usualHead)
        ResponseWriter.write(head, isChunked: isChunked, into: &joint)
    }

    /// Writes a request in HTTP/1 by the same way.
    func write(_ request: UpstreamRequest, promise: EventLoopPromise<Void>?) {
        if context != nil {
            makeRoom(RequestWriter.usualHead)
            RequestWriter.write(request.head, into: &joint)
        }
        write(request.body, promise: promise)
    }

    /// For so many bytes behind what waits already.
    private func makeRoom(_ length: Int) {
        if joint.readableBytes + length > Self.longestJoined, let context { handOn(context) }
        if joint.capacity == 0 { joint = batch.takeStorage(length) }
    }

    /// Whether something has been written that has not been handed on to the socket.
    public var hasPending: Bool { isWaiting || joint.readableBytes > 0 || promise != nil }

    // MARK: Flushing

    public func flush(context: ChannelHandlerContext) {
        flush()
    }

    /// What has been written so shall go out.
    public func flush() {
        if isWaiting && unflushed == 0 || context == nil { return }
        // What is more than a full buffer does not wait: back-pressure has to tell what the socket takes, not what lies
        // here.
        if unflushed + joint.readableBytes > Self.smallTick, let context, !context.channel.isWritable {
            isWaiting = true
            return flushNow()
        }
        guard !isWaiting else { return }
        isWaiting = true
        batch.add(self)
    }

    public func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        flushNow()
        handOn(context)
        context.close(mode: mode, promise: promise)
    }

    fileprivate func flushNow() {
        guard isWaiting else { return }
        isWaiting = false
        if !channelHolds, sendPast() { return }
        guard let context else { return }
        handOn(context)
        unflushed = 0
        context.flush()
        noteWhatChannelHolds(context)
    }

    /// Writes what waits past the channel.
    /// - Returns: whether all of it has gone.
    private func sendPast() -> Bool {
        // Whether a socket would still take bytes, no bytes do not tell.
        guard let socket, socket.isOpen, promise == nil || joint.readableBytes > 0 else { return false }
        let sent = socket.write(joint)
        guard sent == joint.readableBytes else {
            joint.moveReaderIndex(forwardBy: sent)
            return false
        }
        batch.giveBack(joint)
        joint = ByteBuffer()
        if let promise {
            self.promise = nil
            promise.succeed()
        }
        return true
    }

    private func handOn(_ context: ChannelHandlerContext) {
        guard joint.readableBytes > 0 || promise != nil else { return }
        let (bytes, promise) = (joint, promise)
        (joint, self.promise) = (ByteBuffer(), nil)
        pass(.byteBuffer(bytes), promise, context)
    }

    private func pass(_ data: IOData, _ promise: EventLoopPromise<Void>?, _ context: ChannelHandlerContext) {
        channelHolds = true
        unflushed += data.readableBytes
        context.write(wrapOutboundOut(data), promise: promise)
    }

    /// After the channel has been told to send all.
    private func noteWhatChannelHolds(_ context: ChannelHandlerContext) {
        guard case .socket = neighbour else { return }
        if socket == nil { socket = SocketWriter(context.channel) }
        if let socket { channelHolds = socket.channelHoldsSomething }
    }
}
