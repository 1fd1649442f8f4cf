#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The bytes of an open file or pipe, from its position to its end.
enum DescriptorContents {
    enum Failure: Error {
        case system(SystemError)
        case tooLarge
    }

    /// - Parameters:
    ///   - limit: maximum number of bytes.
    ///   - size: the expected number of bytes, for which memory is reserved.
    static func read(_ descriptor: Int32, atMost limit: Int, expecting size: Int = 0) throws(Failure) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(size)
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = systemRead(descriptor, &piece, piece.count)
            if count == 0 { return bytes }
            if count < 0 {
                if errno == EINTR { continue }
                throw .system(.last)
            }
            bytes += piece[..<count]
            guard bytes.count <= limit else { throw .tooLarge }
        }
    }
}

// `read(2)`, for methods of a type with a method of the same name.
private func systemRead(_ descriptor: Int32, _ bytes: UnsafeMutableRawPointer, _ count: Int) -> Int {
    read(descriptor, bytes, count)
}
