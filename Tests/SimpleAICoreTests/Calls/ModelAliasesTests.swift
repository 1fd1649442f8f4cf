import SimpleAICore
import TestSupport
import Testing

@Suite struct ModelAliasesTests {
    private static let aliases = ModelAliases([
        ModelAlias("claude-*", target: .byClass("big")),
        ModelAlias("claude-*-haiku-*", target: .byClass("fast"), keepsName: true),
        ModelAlias("claude-3-haiku-x", target: .exactly("m")),
        ModelAlias("friend", target: .exactly("claude-3-haiku-x")),
        ModelAlias("self", target: .exactly("self")), ModelAlias("*", target: .exactly("claude-real")),
    ])

    private func target(_ name: String, models: Set<ModelID> = []) -> ModelRequest? {
        Self.aliases.resolve(.exactly(ModelID(name)), isModel: models.contains)?.target
    }

    @Test(
        arguments: [
            ("claude-opus-9", .byClass("big")), ("claude-4-haiku-2", .byClass("fast")),
            ("claude-3-haiku-x", .exactly("m")), ("anything", .exactly("claude-real")), ("friend", .exactly("m")),
            ("self", .exactly("self")), ("Claude-opus", .exactly("claude-real")),
        ] as [(String, ModelRequest)])
    func theMostSpecificNameApplies(_ name: String, _ expected: ModelRequest) {
        #expect(target(name) == expected)
    }

    @Test func aModelTakesPrecedenceOverItsAlias() {
        #expect(target("claude-opus-9", models: ["claude-opus-9"]) == nil)
        // Also as the target of another alias.
        #expect(target("friend", models: ["claude-3-haiku-x"]) == .exactly("claude-3-haiku-x"))
    }

    @Test func aClassIsNoAlias() {
        #expect(Self.aliases.resolve(.byClass("claude-x")) { _ in false } == nil)
    }

    @Test func theCallHasTheTargetAndKeepsTheName() throws {
        func call(_ name: String) -> Call {
            Call(
                id: "c", endpoint: .chatCompletions, request: .exactly(ModelID(name)), streams: false, wantsUsage: false
            ).resolved(by: Self.aliases) { _ in false }
        }
        let kept = call("claude-1-haiku-2")
        #expect(kept.request == .byClass("fast") && kept.alias?.alias.pattern == "claude-*-haiku-*")
        #expect(kept.publicID(of: "m") == "claude-1-haiku-2")
        #expect(call("claude-1").publicID(of: "m") == "m")
        #expect(
            kept.alias?.json
                == #"{"name":"claude-1-haiku-2","pattern":"claude-*-haiku-*","target":"class:fast","keep_name":true}"#)
        #expect(Sample.call().publicID(of: "m") == "m")
    }

    /// The rights are those of the target.
    @Test func anAliasGrantsNothing() throws {
        let policy = AccessPolicy(classes: Sample.classes, grants: [AccessGrant(roles: nil, classes: ["fast"])])
        func outcome(_ target: ModelRequest) -> GatewayError.Code? {
            let call = Call(
                id: "c", endpoint: .chatCompletions, request: .exactly("alias"), streams: false, wantsUsage: false
            ).resolved(by: ModelAliases([ModelAlias("alias", target: target)])) { _ in false }
            do throws(GatewayError) {
                _ = try policy.authorize(call, by: Sample.caller)
                return nil
            } catch {
                return error.code
            }
        }
        #expect(outcome(.byClass("fast")) == nil)
        #expect(outcome(.byClass("big")) == .permissionDenied && outcome(.exactly("m")) == .permissionDenied)
    }
}

@Suite struct ParameterTableTests {
    private static func entry(_ pattern: WildcardName) -> ModelParameters { ModelParameters(pattern, BodyEdits()) }

    private static let table = ParameterTable(
        ["*", "class:*", "class:fast", "llama3:*", "llama3:8b", "gpt-4o*", "lla*"].map(entry))

    private func patterns(_ call: Call, _ model: ModelID) -> [String] {
        Self.table.entries(for: call, servedBy: model).map(\.pattern.text)
    }

    @Test func entriesApplyFromTheAliasToTheClass() {
        let byClass = Sample.call()
        #expect(patterns(byClass, "llama3:8b") == ["llama3:8b", "llama3:*", "lla*", "*", "class:fast", "class:*"])
        let exact = Call(
            id: "c", endpoint: .chatCompletions, request: .exactly("m"), streams: false, wantsUsage: false)
        #expect(patterns(exact, "m") == ["*"])
        let alias = Call(
            id: "c", endpoint: .chatCompletions, request: .exactly("gpt-4o-mini"), streams: false, wantsUsage: false
        ).resolved(by: ModelAliases([ModelAlias("gpt*", target: .byClass("fast"))])) { _ in false }
        #expect(patterns(alias, "m") == ["gpt-4o*", "*", "class:fast", "class:*"])
        #expect(ParameterTable().edits(for: byClass, servedBy: "m") == nil)
    }

    @Test func theMostSpecificEntryTakesPrecedence() throws {
        func edits(_ number: String) throws -> BodyEdits {
            let path = try #require(BodyEdits.Path("a")), other = try #require(BodyEdits.Path("b"))
            return BodyEdits(
                defaults: [.init(path, Array(number.utf8))], forced: [.init(other, Array(number.utf8))])
        }
        let table = ParameterTable([
            ModelParameters("class:fast", try edits("1")), ModelParameters("m", try edits("2")),
        ])
        let merged = try #require(table.edits(for: Sample.call(), servedBy: "m"))
        #expect(String(decoding: merged.applied(to: Array("{}".utf8)[...]), as: UTF8.self) == #"{"a":2,"b":2}"#)
    }
}
