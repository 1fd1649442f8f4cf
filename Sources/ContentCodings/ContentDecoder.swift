import CZlib

/// Decodes a body as it arrives, in pieces of bounded size, so that whoever takes them decides how much there may be.
///
/// Strict: what is damaged, cut short or followed by anything is an error. A gzip body may have several members
/// (RFC 1952 §2.2).
public final class ContentDecoder {
    public enum Fault: Error, Hashable, Sendable {
        /// Not this coding, or damaged, or followed by something else.
        case malformed
        /// The body ends in the middle of the coding.
        case truncated
        /// There is no memory for decoding.
        case noMemory
    }

    /// What a decoder takes itself, in bytes: DEFLATE's window of 32 KiB, zlib's tables, and a piece.
    public static let memory = 64 << 10
    /// In bytes.
    private static let maxPiece = 16 << 10
    /// Each takes time, however little is in it. Programs that write many members put 64 KiB into each.
    private static let maxMembers = 4096

    private let coding: ContentCoding
    private let stream: UnsafeMutablePointer<z_stream>
    private var piece: [UInt8]
    /// What has come and has not been decoded.
    private var input: [UInt8] = []
    private var used = 0
    private var isOpen = false
    private var memberCount = 0
    private var memberHasEnded = false
    /// The last piece was full: there may be more without further input.
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

    /// The body's next bytes. All that they mean has to be asked for before there may be more.
    public func append(_ bytes: some Collection<UInt8>) {
        input = Array(input[used...])
        input.append(contentsOf: bytes)
        used = 0
    }

    /// The next piece of what has come so far; nil when more has to come.
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

    /// The body ends here.
    public func finish() throws(Fault) {
        guard memberHasEnded, used == input.count else { throw .truncated }
    }

    /// - Returns: false as long as the first bytes are missing, by which the formats of `deflate` are told apart.
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

    /// RFC 1950 §2.2. What begins like this and is DEFLATE alone would be a stored block whose padding is not zero, which
    /// no program writes.
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
