/// Ollama's own API has other names for the parameters of chat completions, in the member `options`.
extension BodyEdits {
    /// The edits for a request to this endpoint.
    ///
    /// The settings name the keys of chat completions. For Ollama's own API a key of `ollamaOptions` becomes the option of the
    /// same meaning; all other keys stay. A limit of `num_predict` replaces negative numbers, too: to Ollama they mean no limit.
    public func renamed(for endpoint: Endpoint) -> BodyEdits {
        guard endpoint.dialect == .ollama else { return self }
        return BodyEdits(
            removed: removed.map { Self.option($0) ?? $0 },
            defaults: defaults.map(Self.renamed), forced: forced.map(Self.renamed), maxima: maxima.map(Self.renamed))
    }

    /// Keys of chat completions, and Ollama's options of the same meaning.
    static let ollamaOptions: [(key: String, option: String)] = [
        ("max_tokens", "num_predict"), ("max_completion_tokens", "num_predict"), ("temperature", "temperature"),
        ("top_p", "top_p"), ("top_k", "top_k"), ("min_p", "min_p"), ("seed", "seed"), ("stop", "stop"),
        ("presence_penalty", "presence_penalty"), ("frequency_penalty", "frequency_penalty"),
        ("repeat_penalty", "repeat_penalty"), ("repetition_penalty", "repeat_penalty"),
    ]

    private static let options: [[UInt8]: (path: Path?, isUnlimitedIfNegative: Bool)] = Dictionary(
        ollamaOptions.map { key, option in
            (FoldedKey.bytes(of: Array(key.utf8)), (Path("options.\(option)"), option == "num_predict"))
        }, uniquingKeysWith: { first, _ in first })

    private static func option(_ path: Path) -> Path? { path.onlyKey.flatMap { options[$0.folded]?.path } }

    private static func renamed(_ edit: Assignment) -> Assignment {
        guard let key = edit.path.onlyKey, let (path, isUnlimitedIfNegative) = options[key.folded], let path else {
            return edit
        }
        var renamed = Assignment(path, edit.value)
        renamed.limitsNegativeNumbers = isUnlimitedIfNegative
        return renamed
    }
}
