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
        swap(&waiting, &flushing)
        for index in flushing.indices { flushing[index].flushNow() }
        flushing.removeAll(keepingCapacity: true)
    }
}

/// The place in a connection's pipeline where its flushes wait for the end of the tick: next to the socket, or to TLS.
///
/// It also joins what is written in small pieces up to a flush. An HTTP encoder writes an event as three of them (its
/// length, itself, a line break); each would be an entry in the channel's list of writes and a vector of its own in the
/// system call, which costs far more than copying a few hundred bytes.
public final class TickedFlush: ChannelOutboundHandler, RemovableChannelHandler {
    public typealias OutboundIn = IOData
    public typealias OutboundOut = IOData

    /// In bytes. What is longer goes as it is.
    private static let longestPiece = 4 << 10
    private static let longestJoined = 16 << 10
    /// The most that an idle connection keeps for its next pieces.
    private static let keptCapacity = 2 << 10

    /// In bytes. Up to here nobody asks whether the channel's buffer is full.
    private static let smallTick = 16 << 10

    private let batch: FlushBatch
    /// What has been handed on since the socket was last told to take it, in bytes.
    private var unflushed = 0
    private var context: ChannelHandlerContext?
    private var isWaiting = false
    /// What has been written since the last flush.
    private var pending = Pending.nothing
    private var pendingPromise: EventLoopPromise<Void>?
    /// Where pieces are joined: the storage is used again as soon as the socket has taken what was in it.
    private var joint = ByteBuffer()

    private enum Pending {
        case nothing
        case onePiece(ByteBuffer)
        case joint
    }

    public init(_ batch: FlushBatch) {
        self.batch = batch
    }

    public func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    public func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        isWaiting = false
        pending = .nothing
        pendingPromise?.fail(ChannelError.ioOnClosedChannel)
        pendingPromise = nil
    }

    public func removeHandler(context: ChannelHandlerContext, removalToken: ChannelHandlerContext.RemovalToken) {
        handOn(context)
        context.leavePipeline(removalToken: removalToken)
    }

    public func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .byteBuffer(var piece) = unwrapOutboundIn(data), piece.readableBytes <= Self.longestPiece else {
            handOn(context)
            unflushed = .max / 2
            return context.write(data, promise: promise)
        }
        if case .joint = pending, joint.readableBytes + piece.readableBytes > Self.longestJoined { handOn(context) }
        if let promise {
            if let first = pendingPromise { first.futureResult.cascade(to: promise) } else { pendingPromise = promise }
        }
        switch pending {
        case .nothing: pending = .onePiece(piece)
        case .onePiece(let first):
            joint.clear(minimumCapacity: max(Self.keptCapacity / 2, first.readableBytes + piece.readableBytes))
            joint.writeImmutableBuffer(first)
            joint.writeBuffer(&piece)
            pending = .joint
        case .joint: joint.writeBuffer(&piece)
        }
    }

    /// Writes bytes as one chunk of a message in HTTP/1.1 (RFC 9112 §7.1), past the handlers before this one: they would
    /// box it, look at it in vain, and make three writes of it. For whoever knows that such a message is under way.
    public func write(chunk: ByteBuffer) {
        guard let context, chunk.readableBytes > 0 else { return }
        let length = chunk.readableBytes + Self.chunkOverhead
        guard length <= Self.longestPiece else {
            handOn(context)
            var start = context.channel.allocator.buffer(capacity: Self.chunkOverhead)
            Self.writeLine(of: chunk.readableBytes, into: &start)
            unflushed += length
            for piece in [start, chunk, Self.lineBreak] {
                context.write(wrapOutboundOut(.byteBuffer(piece)), promise: nil)
            }
            return
        }
        join(length, context)
        Self.writeLine(of: chunk.readableBytes, into: &joint)
        joint.writeImmutableBuffer(chunk)
        joint.writeStaticString("\r\n")
    }

    /// Writes the head of a response in HTTP/1 by the same way.
    /// - Parameter isChunked: whether its body follows in chunks.
    public func write(_ head: HTTPResponseHead, isChunked: Bool) {
        guard let context else { return }
        join(ResponseWriter.usualHead, context)
        ResponseWriter.write(head, isChunked: isChunked, into: &joint)
    }

    /// Makes room for so many bytes behind what waits already.
    private func join(_ length: Int, _ context: ChannelHandlerContext) {
        switch pending {
        case .nothing: joint.clear(minimumCapacity: max(Self.keptCapacity / 2, length))
        case .onePiece(let first):
            joint.clear(minimumCapacity: max(Self.keptCapacity / 2, first.readableBytes + length))
            joint.writeImmutableBuffer(first)
        case .joint:
            if joint.readableBytes + length > Self.longestJoined {
                handOn(context)
                joint.clear(minimumCapacity: max(Self.keptCapacity / 2, length))
            }
        }
        pending = .joint
    }

    /// Writes bytes of a message in HTTP/1 by the same way: a body whose length its head has said, or what frames it.
    public func write(_ bytes: ByteBuffer, promise: EventLoopPromise<Void>?) {
        guard let context else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        write(context: context, data: wrapOutboundOut(.byteBuffer(bytes)), promise: promise)
    }

    /// Whether something has been written that has not been handed on to the socket.
    public var hasPending: Bool {
        if case .nothing = pending { isWaiting } else { true }
    }

    /// What has been written so shall go out.
    public func flush() {
        if let context { flush(context: context) }
    }

    /// In bytes: sixteen digits and two line breaks.
    private static let chunkOverhead = 20
    private static let lineBreak = ByteBuffer(string: "\r\n")

    private static func writeLine(of size: Int, into bytes: inout ByteBuffer) {
        bytes.writeWithUnsafeMutableBytes(minimumWritableBytes: chunkOverhead) { target in
            let digits = max(1, (Int.bitWidth - size.leadingZeroBitCount + 3) / 4)
            for index in 0..<digits {
                let digit = UInt8(truncatingIfNeeded: size >> (4 * (digits - 1 - index))) & 0xF
                target[index] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
            }
            target[digits] = 0x0D
            target[digits + 1] = 0x0A
            return digits + 2
        }
    }

    public func flush(context: ChannelHandlerContext) {
        handOn(context)
        // What is more than a full buffer does not wait: back-pressure has to tell what the socket takes, not what lies
        // here.
        if unflushed > Self.smallTick, !context.channel.isWritable {
            isWaiting = false
            unflushed = 0
            return context.flush()
        }
        guard !isWaiting else { return }
        isWaiting = true
        batch.add(self)
    }

    public func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        handOn(context)
        flushNow()
        context.close(mode: mode, promise: promise)
    }

    private func handOn(_ context: ChannelHandlerContext) {
        let bytes: ByteBuffer
        switch pending {
        case .nothing: return
        case .onePiece(let piece): bytes = piece
        case .joint:
            bytes = joint
            if joint.capacity > Self.keptCapacity { joint = ByteBuffer() }
        }
        pending = .nothing
        let promise = pendingPromise
        pendingPromise = nil
        unflushed += bytes.readableBytes
        context.write(wrapOutboundOut(.byteBuffer(bytes)), promise: promise)
    }

    fileprivate func flushNow() {
        guard isWaiting else { return }
        isWaiting = false
        unflushed = 0
        context?.flush()
    }
}
