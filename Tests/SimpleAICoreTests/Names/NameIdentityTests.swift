import SimpleAICore
import Testing

/// Names are compared as bytes: strings that are equal for Swift may be different names.
@Suite struct NameIdentityTests {
    /// Canonically equivalent: equal as strings, and no two of them are the same bytes.
    private static let lookAlikes = [
        "Kevin", "\u{212A}evin",  // KELVIN SIGN
        "\u{E9}t\u{E9}", "e\u{301}te\u{301}",  // composed, decomposed
        "a\u{323}\u{307}", "a\u{307}\u{323}",  // the same marks in another order, the same length
        "\u{C5}", "\u{212B}", "A\u{30A}",  // ANGSTROM SIGN
        "\u{2126}", "\u{3A9}",  // OHM SIGN
        "\u{AC00}", "\u{1100}\u{1161}",  // a Hangul syllable
    ]

    private func expectIdentityOfBytes<Value: Name>(_: Value.Type) {
        let names = Self.lookAlikes.map { Value($0) }
        #expect(Set(names).count == names.count, "\(Value.self)")
        for (index, name) in names.enumerated() {
            for (other, otherName) in names.enumerated() {
                #expect((name == otherName) == (index == other), "\(Value.self): \(name) and \(otherName)")
            }
            // Another string object with the same bytes.
            #expect(name == Value(String(decoding: Array(Self.lookAlikes[index].utf8), as: UTF8.self)))
        }
    }

    @Test func namesOfEveryKindAreComparedByTheirBytes() {
        expectIdentityOfBytes(ModelID.self)
        expectIdentityOfBytes(EngineModelID.self)
        expectIdentityOfBytes(ClassName.self)
        expectIdentityOfBytes(RunnerID.self)
        expectIdentityOfBytes(CallID.self)
        expectIdentityOfBytes(Role.self)
        expectIdentityOfBytes(SubjectID.self)
        expectIdentityOfBytes(IssuerID.self)
        expectIdentityOfBytes(MachineType.self)
        expectIdentityOfBytes(ExactString.self)
    }

    @Test func namesAreOrderedByTheirBytes() {
        // By code point; Swift's strings sort U+FF21 before U+1F600 too, but U+212A like K.
        let names: [ModelID] = [
            "", "A", "K", "Kevin", "a", "e\u{301}", "\u{E9}", "\u{212A}evin", "\u{FF21}", "\u{1F600}",
        ]
        #expect(names.shuffled().sorted() == names)
        #expect(names.map(\.rawValue).shuffled().sortedByBytes().map { ModelID($0) } == names)
        for name in names { #expect(!(name < name)) }
    }

    @Test func comparesEveryByteOfLongStrings() {
        let text = Array(repeating: UInt8(ascii: "a"), count: 41)
        for length in [0, 1, 7, 8, 9, 15, 16, 17, 40, 41] {
            let base = String(decoding: text.prefix(length), as: UTF8.self)
            #expect(base.isExactly(String(decoding: Array(text.prefix(length)), as: UTF8.self)))
            #expect(!base.isExactly(base + "a"))
            for position in 0..<length {
                var other = Array(text.prefix(length))
                other[position] = UInt8(ascii: "b")
                #expect(!base.isExactly(String(decoding: other, as: UTF8.self)), "\(length), \(position)")
            }
        }
        // A slice of another string, which has storage of its own only after a copy.
        #expect(
            "xmodely".dropFirst().dropLast() == "model" && String("xmodely".dropFirst().dropLast()).isExactly("model"))
    }

    @Test func canonicallyEquivalentCallersAreDifferent() {
        let kevin = Caller(subject: "Kevin", issuer: "i", roles: [], privileges: [])
        let kelvin = Caller(subject: "\u{212A}evin", issuer: "i", roles: [], privileges: [])
        let elsewhere = Caller(subject: "Kevin", issuer: "\u{131}", roles: [], privileges: [])
        #expect(kevin.id != kelvin.id && kevin != kelvin)
        #expect(Set([kevin.id, kelvin.id, elsewhere.id]).count == 3)
        // The boundary between two names counts, too.
        #expect(CallerID(subject: "ab", issuer: "c") != CallerID(subject: "a", issuer: "bc"))
        #expect(CallerID(subject: "ab", issuer: "c").hashValue != CallerID(subject: "a", issuer: "bc").hashValue)
    }

    @Test func canonicallyEquivalentModelsBelongToTheirOwnClasses() throws {
        let classes = ClassTable(
            [ModelClass(name: "K", models: ["one"]), ModelClass(name: "\u{212A}", models: ["two"])], defaultClass: "K")
        #expect(classes["K"]?.models == ["one"] && classes["\u{212A}"]?.models == ["two"])
        let runner = Runner(id: "r", aliases: ["K": "\u{212A}"])
        #expect(
            runner.publicModels(engineModels: ["\u{212A}", "e\u{301}", "\u{E9}"]) == [
                "K": "\u{212A}", "e\u{301}": "e\u{301}", "\u{E9}": "\u{E9}",
            ])
    }
}
