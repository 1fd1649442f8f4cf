import SimpleAICore
import Testing

@testable import Scheduling

@Suite struct RunnersByModelTests {
    @Test func listsRunnersByModelInTheOrderOfTheirPositions() {
        var index = RunnersByModel()
        for position in [2, 0, 1] { _ = index.update(position, to: ["m": position != 1]) }
        #expect(index.serving == ["m": [0, 2]])
        #expect(index.loadable == ["m": [1]])
        #expect(index.listing("m") == [0, 2, 1])
        #expect(index.listing("other").isEmpty)
    }

    @Test func reportsWhetherAnythingChanged() {
        var index = RunnersByModel()
        let lists: [[ModelID: Bool]] = [[:], ["m": true], ["m": true], ["m": false], [:]]
        let changes = lists.map { index.update(3, to: $0) }
        #expect(changes == [false, true, false, true, true])
        #expect(index.serving.isEmpty && index.loadable.isEmpty)
    }

    /// After any changes to individual runners, the index equals one that is built from all of them.
    @Test(arguments: 0..<20) func agreesWithAnIndexMadeFromScratch(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var index = RunnersByModel()
        var lists: [[ModelID: Bool]] = Array(repeating: [:], count: 6)
        for _ in 0..<300 {
            let position = Int.random(in: lists.indices, using: &random)
            var list: [ModelID: Bool] = [:]
            for model in ["a", "b", "c", "d"] as [ModelID] where Bool.random(using: &random) {
                list[model] = Bool.random(using: &random)
            }
            let didChange = index.update(position, to: list)
            #expect(didChange == (lists[position] != list))
            lists[position] = list
            for model in ["a", "b", "c", "d"] as [ModelID] {
                let serving = lists.indices.filter { lists[$0][model] == true }
                let loadable = lists.indices.filter { lists[$0][model] == false }
                #expect(index.serving[model, default: []] == serving)
                #expect(index.loadable[model, default: []] == loadable)
                #expect(index.listing(model) == serving + loadable)
            }
        }
    }
}
