import Foundation

/// The parts of a body in `multipart/form-data` (RFC 7578). The simulated engine receives small files, so it holds the
/// body in memory.
struct MultipartForm {
    private var fields: [(name: String, value: ArraySlice<UInt8>)] = []

    /// - Parameter contentType: the header field, with the boundary.
    /// - Returns: nil if the body is no complete form.
    init?(_ body: [UInt8], contentType: String) {
        guard let boundary = Self.parameter("boundary", of: contentType), !boundary.isEmpty else { return nil }
        let delimiter = Array("--\(boundary)".utf8)
        var position = 0
        guard body.starts(with: delimiter) else { return nil }
        while true {
            position += delimiter.count
            if body[position...].starts(with: "--".utf8) { return }
            guard let head = Self.find(Array("\r\n\r\n".utf8), in: body, from: position),
                let end = Self.find(Array("\r\n".utf8) + delimiter, in: body, from: head + 4)
            else { return nil }
            let lines = String(decoding: body[position..<head], as: UTF8.self).split(separator: "\r\n")
            let disposition = lines.first { $0.lowercased().hasPrefix("content-disposition:") }
            if let name = disposition.flatMap({ Self.parameter("name", of: String($0)) }) {
                fields.append((name, body[head + 4..<end]))
            }
            position = end + 2
        }
    }

    subscript(name: String) -> String? { file(name).map { String(decoding: $0, as: UTF8.self) } }

    /// The content of the first part with this name.
    func file(_ name: String) -> ArraySlice<UInt8>? {
        fields.first { $0.name.utf8.elementsEqual(name.utf8) }?.value
    }

    private static func parameter(_ name: String, of field: String) -> String? {
        for parameter in field.split(separator: ";").dropFirst() {
            let pair = parameter.split(separator: "=", maxSplits: 1)
            guard pair.count == 2, pair[0].filter({ $0 != " " }).lowercased() == name else { continue }
            return pair[1].filter { $0 != "\"" && $0 != " " }
        }
        return nil
    }

    private static func find(_ pattern: [UInt8], in body: [UInt8], from start: Int) -> Int? {
        Data(body[start...]).range(of: Data(pattern)).map { start + $0.lowerBound }
    }
}
