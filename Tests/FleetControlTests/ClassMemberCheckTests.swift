import SimpleAICore
import Testing

@testable import FleetControl

struct ClassMemberCheckTests {
    private let classes = [
        ModelClass(name: "fast", models: ["llama3.2", "mistral:7b"]), ModelClass(name: "big", models: ["none"]),
    ]

    @Test func anUnlistedMemberIsReportedWithASuggestion() {
        let found = ClassMemberCheck.findings(
            classes,
            listed: [
                ("this-machine", ["llama3.2:3b-instruct", "llama3.2:3b", "phi"]),
                ("other", ["mistral:7b", "LLAMA3.2:70b"]),
            ])
        #expect(
            found.map(\.message) == [
                "no machine lists llama3.2; this-machine lists llama3.2:3b", "no machine lists none",
            ])
        #expect(found.map(\.className) == ["fast", "big"])
    }

    /// A machine that has not reported yet may have any model.
    @Test func noMemberIsMissingWhileAListIsUnknown() {
        #expect(ClassMemberCheck.findings(classes, listed: []).isEmpty)
        #expect(ClassMemberCheck.findings(classes, listed: [("a", ["x"]), ("b", [])]).isEmpty)
    }
}
