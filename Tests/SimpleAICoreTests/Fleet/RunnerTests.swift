import SimpleAICore
import Testing

@Suite struct RunnerTests {
    private func models(
        stated: [ModelID] = [], aliases: [ModelID: EngineModelID] = [:], listed: [EngineModelID] = []
    ) -> [ModelID: EngineModelID] {
        Runner(id: "r", statedModels: stated, aliases: aliases).publicModels(engineModels: listed)
    }

    @Test func theEnginesListAppliesWithoutStatedModels() {
        #expect(models(listed: []) == [:])
        #expect(models(listed: ["a", "b", "a"]) == ["a": "a", "b": "b"])
    }

    @Test func statedModelsOverrideTheEnginesList() {
        #expect(models(stated: ["a", "a"], listed: ["b"]) == ["a": "a"])
        #expect(models(stated: ["a", "b"], aliases: ["a": "x", "z": "y"], listed: ["y"]) == ["a": "x", "b": "b"])
    }

    @Test func aliasesRenameListedModels() {
        #expect(models(aliases: ["a": "x"], listed: ["x", "y"]) == ["a": "x", "y": "y"])
        #expect(models(aliases: ["a": "x", "b": "x"], listed: ["x"]) == ["a": "x", "b": "x"])
        #expect(models(aliases: ["a": "x"], listed: ["y"]) == ["y": "y"])
    }

    /// The settings' alias `a` takes precedence over an engine's model named `a`.
    @Test func anAliasOverridesTheEnginesOwnName() {
        #expect(models(aliases: ["a": "b"], listed: ["a", "b"]) == ["a": "b"])
        #expect(models(aliases: ["a": "b", "b": "a"], listed: ["b", "a"]) == ["a": "b", "b": "a"])
    }

    /// Ollama lists `llama3.2:latest`, and accepts `llama3.2` for it.
    @Test func aListedTagIsImplied() {
        #expect(models(listed: ["a:latest", "b:1b"]) == ["a": "a:latest", "a:latest": "a:latest", "b:1b": "b:1b"])
        #expect(models(listed: ["a:latest", "a"])["a"] == "a", "a name that is listed is that model")
        #expect(models(listed: ["a"])["a:latest"] == nil, "never the other way")
        #expect(models(listed: ["A:LATEST", ":latest", "a:latest2"]).count == 3)
        #expect(models(listed: ["host:5000/x/a:latest"])["host:5000/x/a"] == "host:5000/x/a:latest")
        #expect(models(listed: ["e\u{301}:latest"])["\u{E9}"] == nil, "names are bytes")
    }

    @Test func aliasesImplyTheTagToo() {
        #expect(models(aliases: ["x": "a"], listed: ["a:latest"]) == ["x": "a:latest"])
        #expect(models(aliases: ["x": "a"], listed: ["a:latest", "a"]) == ["x": "a", "a:latest": "a:latest"])
        #expect(models(aliases: ["a": "b"], listed: ["b", "a:latest"]) == ["a": "b", "a:latest": "a:latest"])
        #expect(models(aliases: ["x": "a:latest"], listed: ["a"]) == ["a": "a"])
    }

    @Test func slotsAndWeightAreAtLeastOne() {
        let runner = Runner(id: "r", slots: 0, weight: -3)
        #expect(runner.slots == 1)
        #expect(runner.weight == 1)
    }
}

@Suite struct ClassTableTests {
    private let table = ClassTable(
        [
            ModelClass(name: "fast", models: ["a", "b"]), ModelClass(name: "big", models: ["b"]),
            ModelClass(name: "fast", models: ["c"]),
        ], defaultClass: "big")

    @Test func findsClassesByName() {
        #expect(table["big"]?.models == ["b"])
        #expect(table["fast"]?.models == ["a", "b"])
        #expect(table["Fast"] == nil)
        #expect(table.defaultClass == "big")
    }

    @Test func listsTheClassesOfAModel() {
        #expect(table.names(of: "b") == ["fast", "big"])
        #expect(table.names(of: "a") == ["fast"])
        #expect(table.names(of: "z").isEmpty)
    }
}
