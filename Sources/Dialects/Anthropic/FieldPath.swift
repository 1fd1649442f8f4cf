/// The path of a value in a request, as Anthropic's errors state it: `messages.0.content.1`. It is composed only for an
/// error, because a request has many values.
struct FieldPath: CustomStringConvertible {
    private let root: String
    /// Whether `first` is the index of a message, whose elements are the blocks of its content.
    private let isMessage: Bool
    private var first: Int?
    private var second: Int?

    /// The path of a list, such as `system`.
    init(_ root: String) {
        self.root = root
        isMessage = false
    }

    /// The path of a message.
    init(message index: Int) {
        root = "messages"
        isMessage = true
        first = index
    }

    /// The path of an element of the list, or of a block of the message's content.
    func element(_ index: Int) -> FieldPath {
        var path = self
        if isMessage { path.second = index } else { path.first = index }
        return path
    }

    /// The path of the list, or of the message's content.
    var list: String { isMessage ? "\(self).content" : description }

    var description: String {
        var text = root
        if let first { text += ".\(first)" }
        if let second { text += ".content.\(second)" }
        return text
    }
}
