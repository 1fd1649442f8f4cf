import SimpleAICore

/// The scanner's result for a document, however it was cut into pieces.
struct Scanned: Equatable {
    var members: [JSONScanner.Member?] = []
    var isObject = false
    var error: JSONError?

    static let watched = ["model", "stream"]

    init(_ pieces: [ArraySlice<UInt8>], maxDepth: Int = 512) {
        var scanner = JSONScanner(watching: .init(Self.watched), maxDepth: maxDepth)
        do throws(JSONError) {
            for piece in pieces { try scanner.scan(piece) }
            try scanner.finish()
        } catch {
            self.error = error
        }
        members = Self.watched.map { scanner.member($0) }
        isObject = scanner.isObject
    }

    init(_ document: String, maxDepth: Int = 512) {
        self.init([Array(document.utf8)[...]], maxDepth: maxDepth)
    }

    init(_ document: [UInt8]) {
        self.init([document[...]])
    }
}
