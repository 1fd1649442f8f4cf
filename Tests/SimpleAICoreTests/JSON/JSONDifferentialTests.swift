import Foundation
import SimpleAICore
import TestSupport
import Testing

/// The scanner compared with Foundation's parser: this file names the reason for every difference.
@Suite struct JSONDifferentialTests {
    private func foundationAccepts(_ bytes: [UInt8]) -> Bool {
        do {
            _ = try JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
            return true
        } catch {
            return false
        }
    }

    /// Foundation is laxer with input that is not UTF-8: it accepts a byte order mark, and guesses UTF-16 and UTF-32
    /// from zero bytes. RFC 8259 §8.1 allows UTF-8 alone, and an engine might guess differently. Foundation also
    /// accepts a comma after an array's last element, which the grammar does not have.
    private func mayBeAcceptedByFoundationOnly(_ bytes: [UInt8]) -> Bool {
        String(decoding: bytes, as: UTF8.self).contains(/,[ \t\r\n]*\]/) || bytes.starts(with: [0xEF, 0xBB, 0xBF])
            || bytes.starts(with: [0xFE, 0xFF]) || bytes.starts(with: [0xFF, 0xFE])
            || bytes.prefix(4).contains(0)
    }

    /// Foundation is stricter with values that it cannot represent: unpaired surrogates, and numbers beyond a double.
    /// The grammar allows both, and their interpretation is left to the engine: the gateway passes them on.
    private func mayBeAcceptedByTheScannerOnly(_ bytes: [UInt8]) -> Bool {
        let text = String(decoding: bytes, as: UTF8.self).lowercased()
        return text.contains("\\ud") || text.contains(/[0-9]e\+?[0-9]{3}/) || text.contains(/[0-9]{19}/)
    }

    private func compare(_ bytes: [UInt8]) -> String? {
        let (ours, theirs) = (Scanned(bytes).error == nil, foundationAccepts(bytes))
        if ours == theirs { return nil }
        if ours ? mayBeAcceptedByTheScannerOnly(bytes) : mayBeAcceptedByFoundationOnly(bytes) { return nil }
        return "\(ours ? "we" : "Foundation") alone: \(String(decoding: bytes, as: UTF8.self).debugDescription)"
    }

    @Test func agreesOnEveryShortDocument() {
        let alphabet = Array("{}[],:\"01-.e+ \\a".utf8)
        var documents: [[UInt8]] = [[]]
        for length in 1...4 {
            documents = documents.flatMap { document in alphabet.map { document + [$0] } }
            let differences = documents.compactMap { compare($0) }
            #expect(differences.isEmpty, "length \(length): \(differences.prefix(5))")
        }
    }

    @Test(arguments: 1...6 as ClosedRange<UInt64>)
    func agreesOnRandomAndMutatedDocuments(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<1000 {
            let good = Array(Tree.random(depth: 4, using: &random).document(using: &random).utf8)
            #expect(Scanned(good).error == nil)
            for document in [good, mutated(good, using: &random), mutated(good, using: &random)] {
                let difference = compare(document)
                #expect(difference == nil, "seed \(seed): \(difference ?? "")")
            }
        }
    }

    /// A document that both accept has the same meaning for both, as far as the gateway reads documents.
    @Test(arguments: 7...9 as ClosedRange<UInt64>)
    func readsTheSameValues(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<300 {
            let tree = Tree.array([.random(depth: 4, using: &random)])
            let bytes = Array(tree.document(using: &random).utf8)
            let slice = try #require(JSONSlice(document: bytes[...]))
            let theirs = try JSONDecoder().decode(Tree.self, from: Data(bytes))
            #expect(theirs == tree)
            expect(slice, means: tree)
        }
    }

    private func expect(_ slice: JSONSlice, means tree: Tree) {
        switch tree {
        case .null: #expect(slice.isNull)
        case .boolean(let value): #expect(slice.bytes.elementsEqual("\(value)".utf8))
        case .integer(let value): #expect(slice.integer == value)
        case .string(let text): #expect(slice.string == text)
        case .array(let elements):
            let found = slice.elements
            #expect(found.count == elements.count)
            for (found, element) in zip(found, elements) { expect(found, means: element) }
        case .object(let members):
            #expect(slice.isObject)
            for (key, value) in members {
                guard let found = slice[key] else {
                    Issue.record("no member \(key.debugDescription)")
                    continue
                }
                expect(found, means: value)
            }
        }
    }
}

extension Tree: Decodable {
    init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if value.decodeNil() {
            self = .null
        } else if let flag = try? value.decode(Bool.self) {
            self = .boolean(flag)
        } else if let number = try? value.decode(Int.self) {
            self = .integer(number)
        } else if let text = try? value.decode(String.self) {
            self = .string(text)
        } else if let elements = try? value.decode([Tree].self) {
            self = .array(elements)
        } else {
            self = .object(try value.decode([String: Tree].self))
        }
    }
}
