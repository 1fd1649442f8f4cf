import SimpleAICore
import Foundation
import Testing

@testable import Authentication

/// Public test vectors of Project Wycheproof against the verification of one token with one key set.
@Suite struct WycheproofTests {
    struct VectorFile: Decodable {
        struct Group: Decodable {
            let keys: KeyDocument
            let comment: String
            let tests: [Vector]

            private enum CodingKeys: String, CodingKey { case comment, tests, `public`, `private` }

            init(from decoder: any Decoder) throws {
                let values = try decoder.container(keyedBy: CodingKeys.self)
                comment = try values.decode(String.self, forKey: .comment)
                tests = try values.decode([Vector].self, forKey: .tests)
                keys =
                    try values.decodeIfPresent(KeyDocument.self, forKey: .public)
                    ?? values.decode(KeyDocument.self, forKey: .private)
            }
        }

        struct Vector: Decodable {
            let tcId: Int
            let jws: String
            let result: String
        }

        let numberOfTests: Int
        let testGroups: [Group]
    }

    /// A key or a key set, as a set.
    struct KeyDocument: Decodable {
        let keys: [[String: Member]]

        enum Member: Decodable {
            case one(String)
            case several([String])

            init(from decoder: any Decoder) throws {
                let value = try decoder.singleValueContainer()
                do {
                    self = .one(try value.decode(String.self))
                } catch DecodingError.typeMismatch {
                    self = .several(try value.decode([String].self))
                }
            }

            var json: JSONValue {
                switch self {
                case .one(let text): .string(text)
                case .several(let texts): .array(texts.map { .string($0) })
                }
            }
        }

        private enum CodingKeys: String, CodingKey { case keys }

        init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: CodingKeys.self)
            keys =
                try values.decodeIfPresent([[String: Member]].self, forKey: .keys)
                ?? [[String: Member](from: decoder)]
        }

        var document: [UInt8] {
            let keys = keys.map {
                JSONValue.object(Dictionary(uniqueKeysWithValues: $0.map { (ExactString($0), $1.json) }))
            }
            return Array(JSONValue.object(["keys": .array(keys)]).text.utf8)
        }

        var isSymmetric: Bool {
            keys.allSatisfy { if case .one("oct")? = $0["kty"] { true } else { false } }
        }
    }

    /// Valid according to their file, but the key declares a different algorithm than the token, or an unknown one, or
    /// the encoding has a foreign character: the strict verifier refuses them.
    static let disputed: Set<Int> = [346, 347, 350, 351, 372, 373]

    static let folder =
        (ProcessInfo.processInfo.environment["SIMPLEAI_CORPORA"].map { URL(fileURLWithPath: $0) }
        ?? URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("shared/corpora"))
        .appendingPathComponent("wycheproof")

    static let isThere = FileManager.default.fileExists(
        atPath: folder.appendingPathComponent("json_web_signature_test.json").path)

    private func vectors(_ name: String) throws -> VectorFile {
        let data = try Data(contentsOf: Self.folder.appendingPathComponent(name))
        return try JSONDecoder().decode(VectorFile.self, from: data)
    }

    private func accepts(_ jws: String, with keys: KeyDocument) -> Bool {
        do {
            let set = try KeySet(document: keys.document, algorithms: [.rs256, .es256])
            _ = try set.verify(CompactToken(jws))
            return true
        } catch {
            return false
        }
    }

    @Test(.enabled(if: isThere, "the corpora are not there; SIMPLEAI_CORPORA names their folder"))
    func signatures() throws {
        let file = try vectors("json_web_signature_test.json")
        #expect(file.testGroups.reduce(0) { $0 + $1.tests.count } == 401)
        var accepted = 0
        for group in file.testGroups {
            for vector in group.tests {
                let isGood =
                    vector.result == "valid" && !group.keys.isSymmetric && !Self.disputed.contains(vector.tcId)
                #expect(
                    accepts(vector.jws, with: group.keys) == isGood, "vector \(vector.tcId) of \(group.comment)")
                if isGood { accepted += 1 }
            }
        }
        // Each supported family has vectors that must pass, so a verifier that refuses everything fails.
        #expect(accepted == 32)
    }

    @Test(.enabled(if: isThere, "the corpora are not there; SIMPLEAI_CORPORA names their folder"))
    func keys() throws {
        let file = try vectors("json_web_key_test.json")
        #expect(file.testGroups.reduce(0) { $0 + $1.tests.count } == 26)
        for group in file.testGroups {
            for vector in group.tests {
                let isGood = vector.result == "valid" && !group.keys.isSymmetric
                #expect(
                    accepts(vector.jws, with: group.keys) == isGood, "vector \(vector.tcId) of \(group.comment)")
            }
        }
        let good = try #require(file.testGroups.first { $0.tests.contains { $0.tcId == 5 } })
        #expect(accepts(try #require(good.tests.first).jws, with: good.keys))
    }
}
