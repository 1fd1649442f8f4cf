import SimpleAICore

@testable import Dialects

/// Multipart bodies as text, with the boundary `B`.
enum FormText {
    static let contentType = "multipart/form-data; boundary=B"

    /// A body of parts, each a header and a value.
    static func body(_ parts: [(header: String, value: String)]) -> [UInt8] {
        var text = ""
        for part in parts { text += "--B\r\n\(part.header)\r\n\r\n\(part.value)\r\n" }
        return Array((text + "--B--\r\n").utf8)
    }

    static func field(_ name: String, _ value: String) -> (header: String, value: String) {
        ("Content-Disposition: form-data; name=\"\(name)\"", value)
    }

    static let file = (
        header: "Content-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\nContent-Type: audio/wav",
        value: "RIFF\r\n--\r\n--A\r\n-"
    )

    /// - Parameter size: of the pieces; nil for one piece.
    static func scan(
        _ body: [UInt8], contentType: String? = contentType, size: Int? = nil
    ) -> Result<MultipartForm, GatewayError> {
        do throws(GatewayError) {
            var scanner = MultipartScanner(try MultipartBoundary(contentType: contentType))
            var rest = body[...]
            while !rest.isEmpty {
                try scanner.scan(rest.prefix(size ?? rest.count))
                rest = rest.dropFirst(size ?? rest.count)
            }
            return .success(try scanner.finish())
        } catch {
            return .failure(error)
        }
    }
}

extension Result where Success == MultipartForm, Failure == GatewayError {
    /// The fields in the order of their names, or the error.
    var summary: String {
        switch self {
        case .success(let form):
            MultipartField.allCases.compactMap { field in form[field].map { "\(field.rawValue)=\($0)" } }.sorted()
                .joined(separator: " ")
        case .failure(let error): "\(error.param ?? "-"): \(error.message)"
        }
    }
}
