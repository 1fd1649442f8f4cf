public import SimpleAICore

/// Edits of a body by names and JSON texts; names that are no paths are left out.
public func edits(
    _ defaults: [(String, String)] = [], force: [(String, String)] = [], max: [(String, String)] = [],
    remove: [String] = []
) -> BodyEdits {
    func assignments(_ edits: [(String, String)]) -> [BodyEdits.Assignment] {
        edits.compactMap { name, value in BodyEdits.Path(name).map { .init($0, Array(value.utf8)) } }
    }
    return BodyEdits(
        removed: remove.compactMap { BodyEdits.Path($0) }, defaults: assignments(defaults),
        forced: assignments(force), maxima: assignments(max))
}
