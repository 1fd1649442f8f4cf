import CZlib

/// Bytes encoded by zlib.
package enum Compressed {
    package enum Format: Int32, CaseIterable {
        case gzip = 31
        case zlib = 15
        case raw = -15
    }

    package static func bytes(_ content: [UInt8], _ format: Format) -> [UInt8] {
        var content = content
        var stream = z_stream()
        let size = Int32(MemoryLayout<z_stream>.size)
        deflateInit2_(&stream, 6, Z_DEFLATED, format.rawValue, 8, Z_DEFAULT_STRATEGY, zlibVersion(), size)
        defer { deflateEnd(&stream) }
        var result = [UInt8](repeating: 0, count: Int(deflateBound(&stream, UInt(content.count))) + 64)
        let count = content.withUnsafeMutableBufferPointer { input in
            result.withUnsafeMutableBufferPointer { output in
                stream.next_in = input.baseAddress
                stream.avail_in = UInt32(input.count)
                stream.next_out = output.baseAddress
                stream.avail_out = UInt32(output.count)
                deflate(&stream, Z_FINISH)
                return output.count - Int(stream.avail_out)
            }
        }
        return Array(result[..<count])
    }

    package static func bytes(_ text: String, _ format: Format) -> [UInt8] { bytes(Array(text.utf8), format) }
}
