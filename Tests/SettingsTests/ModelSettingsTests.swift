import SimpleAICore
import Testing

@testable import Settings

@Suite struct ModelSettingsTests {
    private static let start = "{auth: {mode: none}, classes: {fast: [a], big: [b]}, models:\n"
    private static let runners = "runners: [{id: r, url: 'http://127.0.0.1:1', models: [a, b, llama3:8b]}]"

    @Test func everyKeyReachesItsAlias() throws {
        let text = """
            classes: { fast: [a] }
            models:
              aliases:
                "gpt-4o-mini*": class:fast
                embed: nomic-embed-text
                claude-x: { target: class:fast, listed: true, keep_name: true, display_name: Claude X }
            """
        #expect(
            try settings(text).models.aliases == [
                ModelAlias("gpt-4o-mini*", target: .byClass("fast")),
                ModelAlias("embed", target: .exactly("nomic-embed-text")),
                ModelAlias(
                    "claude-x", target: .byClass("fast"), isListed: true, keepsName: true, displayName: "Claude X"),
            ])
        let rules = AccessRules(try settings(text))
        #expect(rules.aliases.alias(for: "gpt-4o-mini-x")?.target == .byClass("fast"))
    }

    /// Plain YAML scalars are numbers, booleans and texts as in JSON; quoted ones are texts.
    @Test func everyKeyReachesItsParameters() throws {
        let text = """
            classes: { fast: [a] }
            models:
              parameters:
                "class:fast":
                  remove: [logit_bias, chat_template_kwargs.x]
                  default: { temperature: 0.7, stop: ["\\n", 1, "1"], seed: "7", flag: True, plain: some text }
                  force:
                    chat_template_kwargs.enable_thinking: false
                    response_format: { type: json_object, x: null }
                  max: { max_tokens: 4096, top_p: 0.5 }
            """
        let parameters = try settings(text).models.parameters
        #expect(parameters.map(\.pattern.text) == ["class:fast"])
        #expect(
            parameters.first?.edits.description == #"""
                remove logit_bias, chat_template_kwargs.x; default temperature=0.7, stop=["\n",1,"1"], seed="7", \#
                flag=true, plain="some text"; force chat_template_kwargs.enable_thinking=false, \#
                response_format={"type":"json_object","x":null}; max max_tokens=4096, top_p=0.5
                """#)
        #expect(AccessRules(try settings(text)).parameters.entries == parameters)
    }

    @Test(arguments: [
        ProblemCase(
            "{aliases: {x: class:fats}}", "s.yaml:2: models.aliases.x: unknown class fats; did you mean class:fast?"),
        ProblemCase("{aliases: {x: class:zzzzz}}", "s.yaml:2: models.aliases.x: unknown class zzzzz; use one of…"),
        ProblemCase("{aliases: {x: }}", "s.yaml:2: models.aliases.x: is required; set class:NAME or a model id"),
        ProblemCase(
            "{aliases: {x: {listed: true}}}", "s.yaml:2: models.aliases.x.target: is required; set class:NAME…"),
        ProblemCase("{aliases: {x: [a]}}", "s.yaml:2: models.aliases.x: must be a single value; …"),
        ProblemCase(
            "{aliases: {x: {target: class:fast, liste: true}}}", "s.yaml:2: models.aliases.x.liste: is unknown; …"),
        ProblemCase(
            "{aliases: {'class:x': class:fast}}", "s.yaml:2: models.aliases.\"class:x\": begins with class:, …"),
        ProblemCase("{aliases: {'': class:fast}}", "s.yaml:2: models.aliases.\"\": the name is empty; …"),
        ProblemCase(
            "{aliases: {'x*': {target: class:fast, listed: true}}}",
            "s.yaml:2: models.aliases.\"x*\".listed: cannot be listed, because it has wildcards; …"),
        ProblemCase("{aliases: {x: x}}", "s.yaml:2: models.aliases.x: leads back to itself (x → x); …"),
        ProblemCase(
            "{aliases: {'a*': class:fast, c: d, '*a': class:big}}",
            "s.yaml:2: models.aliases.\"*a\": matches some of the names of \"a*\", and neither is more specific; …"),
        ProblemCase(
            "{aliases: {x: lama3:8b}}, \(runners)",
            "s.yaml:2: models.aliases.x: no runner lists lama3:8b; did you mean llama3:8b?"),
        ProblemCase(
            "{parameters: {'class:fats': {remove: [x]}}}",
            "s.yaml:2: models.parameters.\"class:fats\": unknown class; did you mean class:fast?"),
        ProblemCase("{parameters: {x: {}}}", "s.yaml:2: models.parameters.x: changes nothing; …"),
        ProblemCase(
            "{parameters: {x: {force: {Model: y}}}}",
            "s.yaml:2: models.parameters.x.force.Model: \"Model\" cannot be changed: the gateway sets it…"),
        ProblemCase(
            "{parameters: {x: {remove: [stream]}}}",
            "s.yaml:2: models.parameters.x.remove[0]: \"stream\" cannot be changed: only the caller knows…"),
        ProblemCase(
            "{parameters: {x: {max: {n: 1}}}}", "s.yaml:2: models.parameters.x.max.n: \"n\" cannot be changed: …"),
        ProblemCase(
            "{parameters: {x: {max: {top_k: many}}}}",
            "s.yaml:2: models.parameters.x.max.top_k: \"many\" is not a number; …"),
        ProblemCase("{parameters: {x: {default: {a: }}}}", "s.yaml:2: models.parameters.x.default.a: is empty; …"),
        ProblemCase(
            "{parameters: {x: {default: {a..b: 1}}}}",
            "s.yaml:2: models.parameters.x.default.\"a..b\": \"a..b\" is not…"),
        ProblemCase(
            "{parameters: {x: {default: {a: {b: 1}}, force: {a.b: 2}}}}",
            "s.yaml:2: models.parameters.x: addresses `a` and `a.b`, which overlap; …"),
    ])
    func problemsAreReported(_ problem: ProblemCase) {
        expect(problem, in: problems(Self.start + problem.text + "}"))
    }

    @Test func everyAliasOfACycleIsReported() {
        let found = problems(Self.start + "{aliases: {x: y, y: z, z: x}}}")
        #expect(found.count == 3 && found[0].contains("(x → y → z → x)"), "\(found)")
    }

    @Test func aliasesOfAliasesAndEquallyLongNamesAreValid() throws {
        let text =
            Self.start + "{aliases: {x: y, y: class:fast, 'gpt-4*': class:big, 'gpt-5*': a, 'claude-*': claude-local}}}"
        #expect(problems(text) == [])
    }

    @Test func unintendedNamesCauseWarnings() throws {
        func found(_ text: String) throws -> [String] {
            try warnings(Self.start + text + ", \(Self.runners)}")
        }
        #expect(
            try found("{aliases: {a: class:fast}}").first?.hasPrefix(
                "s.yaml:2: models.aliases.a: is also the id of a model in classes.fast, so the alias has no effect")
                == true)
        #expect(try found("{aliases: {'llama3:8b': class:fast}}").first?.contains("a model in runners (r)") == true)
        #expect(
            try found("{parameters: {'llama3:8c': {remove: [x]}}}").first?.hasPrefix(
                "s.yaml:2: models.parameters.\"llama3:8c\": matches no model and no alias; did you mean llama3:8b?")
                == true)
        #expect(
            try found("{aliases: {x: {target: class:fast, display_name: X}}}").first?.contains("is never shown") == true
        )
        #expect(
            try found("{aliases: {'x*': class:fast}, parameters: {'x-1': {remove: [x]}, 'll*': {remove: [x]}}}") == [])
    }

    @Test func changesAreReportedByName() throws {
        let old = try settings(
            "classes: {fast: [a]}\nmodels: {aliases: {x: class:fast, y: a}, parameters: {a: {max: {k: 1}}}}")
        let new = try settings(
            "classes: {fast: [a]}\nmodels: {aliases: {x: {target: b, listed: true}}, parameters: {a: {max: {k: 2}}}}")
        let (adopted, changes) = old.adopting(new)
        #expect(adopted == new)
        #expect(
            changes == [
                SettingsChange("models.aliases.x", from: "class:fast", to: "b, listed"),
                SettingsChange("models.aliases.y", from: "a", to: nil),
                SettingsChange("models.parameters.a", from: "max k=1", to: "max k=2"),
            ])
    }
}
