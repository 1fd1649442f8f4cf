import CZlib

/// Decodes a body as it arrives, in pieces of bounded size, so that its owner can limit the total.
///
/// Strict: damaged or truncated data, and data after the end, are errors. A gzip body may have several members (RFC
/// 1952 §2.2).
public final class ContentDecoder {
    public enum Fault: Error, Hashable, Sendable {
        /// The body has another coding, is damaged, or is followed by other data.
        case malformed
        /// The body ends within the coding.
        case truncated
        /// Memory for decoding could not be allocated.
        case noMemory
    }

    /// Memory of a decoder, in bytes: DEFLATE's window of 32 KiB, zlib's tables, and a piece.
    public static let memory = 64 << 10
    /// In bytes.
    private static let maxPiece = 16 << 10
    /// Maximum number of gzip members. Even an empty one takes time; programs that write many members put 64 KiB into each.
    private static let maxMembers = 4096

    private let coding: ContentCoding
    private let stream: UnsafeMutablePointer<z_stream>
    private var piece: [UInt8]
    /// Bytes received; those before `used` are decoded.
    private var input: [UInt8] = []
    private var used = 0
    private var isOpen = false
    private var memberCount = 0
    private var memberHasEnded = false
    /// Whether the last piece was full, so that more may follow without further input.
    private var isFull = false

    public init(_ coding: ContentCoding) {
        self.coding = coding
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        piece = Array(repeating: 0, count: Self.maxPiece)
    }

    deinit {
        if isOpen { inflateEnd(stream) }
        stream.deinitialize(count: 1)
        stream.deallocate()
    }

    /// Appends the next bytes of the body. Call `next()` until it returns nil before each call.
    public func append(_ bytes: some Collection<UInt8>) {
        input = Array(input[used...])
        input.append(contentsOf: bytes)
        used = 0
    }

    /// The next piece of the output so far; nil if more input is needed.
    public func next() throws(Fault) -> ArraySlice<UInt8>? {
        while true {
            if memberHasEnded {
                guard used < input.count else { return nil }
                guard coding == .gzip, memberCount < Self.maxMembers, inflateReset(stream) == Z_OK else {
                    throw .malformed
                }
                memberHasEnded = false
            }
            guard try open(), used < input.count || isFull else { return nil }
            let (result, count) = inflate()
            switch result {
            case Z_OK: break
            case Z_BUF_ERROR: if count == 0 { return nil }
            case Z_STREAM_END:
                memberHasEnded = true
                memberCount += 1
                isFull = false
            case Z_MEM_ERROR: throw .noMemory
            default: throw .malformed
            }
            if count > 0 { return piece[..<count] }
        }
    }

    /// Verifies at the end of the body that it is complete.
    public func finish() throws(Fault) {
        guard memberHasEnded, used == input.count else { throw .truncated }
    }

    /// - Returns: false until the first bytes have arrived, which distinguish the formats of `deflate`.
    private func open() throws(Fault) -> Bool {
        if isOpen { return true }
        let windowBits: Int32
        switch coding {
        case .gzip: windowBits = 15 + 16
        case .deflate:
            guard input.count - used >= 2 else { return false }
            windowBits = Self.isZlibHeader(input[used], input[used + 1]) ? 15 : -15
        }
        let size = Int32(MemoryLayout<z_stream>.size)
        guard inflateInit2_(stream, windowBits, zlibVersion(), size) == Z_OK else { throw .noMemory }
        isOpen = true
        return true
    }

    /// RFC 1950 §2.2. Raw DEFLATE that begins like this would be a stored block with nonzero padding, which no program
    /// writes.
    private static func isZlibHeader(_ first: UInt8, _ second: UInt8) -> Bool {
        first & 0x0F == 8 && first >> 4 <= 7 && (Int(first) << 8 | Int(second)).isMultiple(of: 31)
    }

    private func inflate() -> (result: Int32, count: Int) {
        input.withUnsafeMutableBufferPointer { input in
            piece.withUnsafeMutableBufferPointer { piece in
                stream.pointee.next_in = input.baseAddress?.advanced(by: used)
                stream.pointee.avail_in = UInt32(input.count - used)
                stream.pointee.next_out = piece.baseAddress
                stream.pointee.avail_out = UInt32(piece.count)
                let result = CZlib.inflate(stream, Z_NO_FLUSH)
                used = input.count - Int(stream.pointee.avail_in)
                isFull = stream.pointee.avail_out == 0
                let count = piece.count - Int(stream.pointee.avail_out)
                stream.pointee.next_in = nil
                stream.pointee.next_out = nil
                return (result, count)
            }
        }
    }
}
