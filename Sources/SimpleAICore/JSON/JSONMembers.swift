/// A JSON object with a few watched top-level members, which are found in the same pass that validates it.
public struct JSONMembers {
    private let document: ArraySlice<UInt8>
    private let scanner: JSONScanner
    /// Set only for a document with a duplicate key: the last value applies, as in most parsers.
    private let ambiguous: JSONSlice?

    /// Nil if `document` is not a valid JSON object.
    public init?(document: ArraySlice<UInt8>, keys: JSONScanner.Keys, grammar: JSONGrammar = .strict) {
        var scanner = JSONScanner(watching: keys, grammar: grammar)
        var ambiguous: JSONSlice?
        do throws(JSONError) {
            try scanner.scan(document)
            try scanner.finish()
            guard scanner.isObject else { return nil }
        } catch {
            guard case .duplicateKey = error.reason,
                let slice = JSONSlice(document: document, grammar: grammar)
            else { return nil }
            ambiguous = slice
        }
        self.document = document
        self.scanner = scanner
        self.ambiguous = ambiguous
    }

    /// The value of one of the keys; its indices are those of the document.
    public subscript(key: String) -> JSONSlice? {
        if let ambiguous { return ambiguous[key] }
        guard let range = scanner.member(key)?.range else { return nil }
        let start = document.startIndex
        return JSONSlice(checked: document[start + range.lowerBound..<start + range.upperBound])
    }
}
