public import NIOCore

extension ByteBuffer {
    /// Appends the next bytes, for a reader that cuts slices off the front; copies nothing if the buffer was empty.
    ///
    /// Bytes that have been read are discarded here and not after every slice: slices share the storage, so each
    /// discard would copy everything that is left.
    public mutating func takeIn(_ bytes: ByteBuffer) {
        if readableBytes == 0 {
            self = bytes
        } else {
            discardReadBytes()
            writeImmutableBuffer(bytes)
        }
    }
}
