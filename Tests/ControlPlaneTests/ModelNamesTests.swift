import Dialects
import Foundation
import SimpleAICore
import TestSupport
import Testing

@testable import ControlPlane
@testable import Scheduling

/// Aliases, capabilities and the forms of the list for other clients.
@Suite struct ModelNamesTests {
    private static let classes = ClassTable(
        [ModelClass(name: "fast", models: ["small", "tiny"]), ModelClass(name: "big", models: ["large"])],
        defaultClass: "fast")

    private static let aliases = ModelAliases([
        ModelAlias("claude-small", target: .byClass("fast"), isListed: true, displayName: "Small \"one\""),
        ModelAlias("claude-*", target: .byClass("big")),
        ModelAlias("claude-tiny", target: .exactly("tiny"), isListed: true),
        ModelAlias("hidden", target: .exactly("tiny")), ModelAlias("small", target: .byClass("big"), isListed: true),
        ModelAlias("again", target: .exactly("claude-small"), isListed: true),
    ])

    private func list(
        _ caller: Caller, contextLengths: [RunnerID: ContextLengths.Stated] = [:],
        capabilities: [RunnerID: ModelCapabilities.Stated] = [:]
    ) -> ModelList {
        var state = SchedulerState()
        state.add(Runner(id: "a", statedModels: ["small", "tiny"]))
        state.add(Runner(id: "b", statedModels: ["small", "large", "embed"]))
        return ModelList(
            state.snapshot(now: .now), contextLengths: contextLengths, capabilities: capabilities,
            classes: Self.classes, policy: AccessPolicy(classes: Self.classes), aliases: Self.aliases, caller: caller,
            showsRunners: true)
    }

    private func document(_ text: String) throws -> JSONSlice {
        try #require(JSONSlice(document: Array(text.utf8)[...]))
    }

    // MARK: Aliases

    @Test func listedAliasesAppearForCallersThatMayUseTheTarget() {
        #expect(
            list(Sample.admin).entries.map(\.id) == [
                "class:fast", "class:big", "embed", "large", "small", "tiny", "claude-small", "claude-tiny", "again",
            ])
        // Callers without the right to exact ids cannot use the model behind `claude-tiny`.
        #expect(list(Sample.caller).entries.map(\.id) == ["class:fast", "class:big", "claude-small", "again"])
    }

    @Test func anAliasHasTheEntryOfItsTarget() throws {
        let list = list(Sample.admin, contextLengths: ["a": ["tiny": 2_048]])
        let entry = try #require(list.entries.first { $0.id == "claude-tiny" })
        #expect(entry.contextLength == 2_048 && entry.displayName == "claude-tiny")
        let named = try document(list.json)["data"]?.elements.first { $0["id"]?.string == "claude-small" }
        #expect(named?["display_name"]?.string == "Small \"one\"" && named?["object"]?.string == "model")
        #expect(list.entries.first { $0.id == "small" }?.displayName == "small", "a model hides its alias")
    }

    @Test func anyNameThatAnAliasMatchesIsFound() {
        let list = list(Sample.admin)
        #expect(list.entry(for: "claude-opus-9")?.members == ["large"])
        #expect(list.entry(for: "hidden")?.id == "hidden" && list.entry(for: "gpt")?.id == nil)
        #expect(self.list(Sample.caller).entry(for: "hidden") == nil)
    }

    // MARK: Capabilities

    @Test func anEntryHasTheCapabilitiesThatAllItsModelsHave() throws {
        let list = list(
            Sample.admin,
            capabilities: [
                "a": ["small": [.chat, .tools, .vision], "tiny": [.chat, .tools]],
                "b": ["small": [.tools, .chat], "embed": [.embedding]],
            ])
        let data = try #require(try document(list.json)["data"])
        func capabilities(_ id: String) -> [String]? {
            data.elements.first { $0["id"]?.string == id }?["capabilities"]?.elements.compactMap(\.string)
        }
        #expect(capabilities("small") == ["chat", "tools"] && capabilities("class:fast") == ["chat", "tools"])
        #expect(capabilities("embed") == ["embedding"] && capabilities("claude-tiny") == ["chat", "tools"])
        #expect(capabilities("large") == nil, "unknown")
    }

    // MARK: Codex

    /// Codex discards the list if one of these keys is missing.
    @Test func modelsForCodexHaveEveryKeyThatItRequires() throws {
        let list = list(
            Sample.admin, contextLengths: ["a": ["tiny": 2_048]],
            capabilities: ["a": ["tiny": [.chat]], "b": ["embed": [.embedding]]])
        let models = try #require(try document(list.json)["models"]).elements
        #expect(
            models.compactMap { $0["slug"]?.string } == [
                "class:fast", "class:big", "large", "small", "tiny", "claude-small", "claude-tiny", "again",
            ], "no embedding model")
        #expect(models.compactMap { $0["priority"]?.integer } == Array(0..<8))
        for model in models {
            let strings = ["slug", "display_name", "shell_type", "visibility", "base_instructions"]
            #expect(strings.allSatisfy { model[$0]?.string?.isEmpty == false })
            #expect(
                ["supported_reasoning_levels", "experimental_supported_tools"].allSatisfy { model[$0]?.isArray == true }
            )
            #expect(["support_verbosity", "supported_in_api", "priority"].allSatisfy { model[$0] != nil })
            #expect(model["truncation_policy"]?["limit"]?.integer == 10_000)
        }
        let tiny = models.first { $0["slug"]?.string == "tiny" }
        #expect(tiny?["context_window"]?.integer == 2_048)
        #expect(tiny?["input_modalities"]?.elements.map(\.string) == ["text"])
        let unknown = models.first { $0["slug"]?.string == "large" }
        #expect(unknown?["input_modalities"]?.elements.count == 2 && unknown?["context_window"] == nil)
    }

    // MARK: Anthropic

    /// Strict clients of Anthropic require each of these members.
    @Test func anEntryIsAnAnthropicModel() throws {
        let list = list(Sample.admin, contextLengths: ["a": ["tiny": 2_048]])
        let entry = try #require(list.entry(for: "claude-small"))
        let bytes = AnthropicMessages.modelDocument(entry.anthropicModel)
        let model = try document(String(decoding: bytes, as: UTF8.self))
        #expect(model["id"]?.string == "claude-small" && model["display_name"]?.string == "Small \"one\"")
        #expect(model["type"]?.string == "model" && model["lifecycle"]?.string == "active")
        #expect(model["created_at"]?.string?.wholeMatch(of: /20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ/) != nil)
        #expect(list.entry(for: "claude-tiny")?.anthropicModel.contextLength == 2_048)
    }
}
