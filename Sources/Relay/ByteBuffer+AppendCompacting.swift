public import NIOCore

extension ByteBuffer {
    /// Appends bytes to a buffer from whose front a parser takes slices; copies nothing if the buffer is empty.
    ///
    /// Discards the bytes already read. Discarding them after every slice would copy the rest each time, because slices share
    /// the storage.
    public mutating func appendCompacting(_ bytes: ByteBuffer) {
        if readableBytes == 0 {
            self = bytes
        } else {
            discardReadBytes()
            writeImmutableBuffer(bytes)
        }
    }
}
