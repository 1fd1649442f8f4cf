/// A text with numbers and gaps, to be found in a longer text.
struct BytePattern: Hashable, Sendable {
    private enum Element: Hashable { case text(ArraySlice<UInt8>), number(UInt8), gap }
    private let elements: [Element]

    /// - Parameter text: `{X}` is a number with the name X, `*` a gap.
    init(_ text: String) {
        var elements: [Element] = []
        var rest = Array(text.utf8)[...]
        while let first = rest.first {
            if first == UInt8(ascii: "*") {
                elements.append(.gap)
                rest = rest.dropFirst()
            } else if first == UInt8(ascii: "{"), rest.count >= 3 {
                elements.append(.number(rest[rest.startIndex + 1]))
                rest = rest.dropFirst(3)
            } else {
                let part = rest.prefix { $0 != UInt8(ascii: "*") && $0 != UInt8(ascii: "{") }
                elements.append(.text(part))
                rest = rest[part.endIndex...]
            }
        }
        self.elements = elements
    }

    /// The numbers at the first place where the pattern occurs; nil if it does not. The pattern begins with a text.
    func numbers(in text: [UInt8]) -> [(name: UInt8, number: Int)]? {
        guard case .text(let first)? = elements.first else { return nil }
        var start = 0
        while let range = Self.range(of: first, in: text, from: start) {
            if let numbers = numbers(in: text, from: range.upperBound) { return numbers }
            start = range.lowerBound + 1
        }
        return nil
    }

    private func numbers(in text: [UInt8], from start: Int) -> [(name: UInt8, number: Int)]? {
        var numbers: [(UInt8, Int)] = []
        var index = start
        var afterGap = false
        for element in elements.dropFirst() {
            switch element {
            case .gap: afterGap = true
            case .text(let part):
                guard let range = Self.range(of: part, in: text, from: index),
                    afterGap || range.lowerBound == index
                else { return nil }
                index = range.upperBound
                afterGap = false
            case .number(let name):
                if afterGap { index = text[index...].firstIndex(where: Self.isDigit) ?? text.endIndex }
                let digits = text[index...].prefix(while: Self.isDigit)
                // A longer number is not a token count.
                guard (1...12).contains(digits.count), let number = Int(String(decoding: digits, as: UTF8.self)) else {
                    return nil
                }
                numbers.append((name, number))
                index = digits.endIndex
                afterGap = false
            }
        }
        return numbers
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    static func range(of part: ArraySlice<UInt8>, in text: [UInt8], from start: Int) -> Range<Int>? {
        guard !part.isEmpty, text.count >= part.count, start <= text.count - part.count else { return nil }
        for index in start...(text.count - part.count) where text[index] == part[part.startIndex] {
            if text[index..<index + part.count].elementsEqual(part) { return index..<index + part.count }
        }
        return nil
    }
}
