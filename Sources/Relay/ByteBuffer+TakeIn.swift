public import NIOCore

extension ByteBuffer {
    /// Takes in what has come next, for a reader that cuts slices off the front: copies nothing where nothing was left.
    ///
    /// What has been read is thrown away here, and not after every slice: slices share the storage, so that each time would
    /// copy all that is left.
    public mutating func takeIn(_ bytes: ByteBuffer) {
        if readableBytes == 0 {
            self = bytes
        } else {
            discardReadBytes()
            writeImmutableBuffer(bytes)
        }
    }
}
