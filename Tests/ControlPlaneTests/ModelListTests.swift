import SimpleAICore
import TestSupport
import Testing

@testable import ControlPlane
@testable import Scheduling

@Suite struct ModelListTests {
    private static let classes = ClassTable(
        [
            ModelClass(name: "fast", models: ["small", "tiny"], preferredMachineTypes: ["gpu"]),
            ModelClass(name: "empty", models: ["nomodel"]),
        ], defaultClass: "fast")

    private let now = ContinuousClock.now

    /// A fleet with a machine in every state.
    private func fleet() -> SchedulerState {
        var state = SchedulerState()
        func add(
            _ id: RunnerID, _ models: [ModelID], type: MachineType = "", wakes: Bool = false, boot: Duration? = nil
        ) {
            state.add(
                Runner(id: id, slots: 2, machineType: type, canBeWoken: wakes, statedModels: models),
                bootTime: BootTime(mean: boot))
        }
        func gone(_ id: RunnerID) { for _ in 0..<3 { state.runnerUnreachable(id, lastContactAt: nil, now: now) } }
        add("gpu1", ["small"], type: "gpu")
        add("gpu2", ["small"], type: "gpu")
        add("cpu", ["small", "tiny"])
        add("sleeper", ["night", "tiny"], wakes: true, boot: .milliseconds(41_200))
        add("waking", ["dawn"], wakes: true, boot: .seconds(30))
        add("down", ["broken"])
        add("unheard", ["unheard"])
        for id in ["gpu1", "gpu2", "cpu"] as [RunnerID] { state.runnerResponded(id, engineModels: nil, now: now) }
        gone("sleeper")
        gone("waking")
        _ = state.place(PlacementRequest(models: ["dawn"]), now: now)
        state.runnerRefusedConnection("down", now: now)
        return state
    }

    private func list(
        _ caller: Caller, showsMembers: Bool = true, showsRunners: Bool = true, after: Duration = .zero,
        contextLengths: [RunnerID: ContextLengths.Stated] = [:],
        _ change: (inout SchedulerState) -> Void = { _ in }
    ) throws -> JSONSlice {
        var state = fleet()
        change(&state)
        let list = ModelList(
            state.snapshot(now: now.advanced(by: after)), contextLengths: contextLengths, classes: Self.classes,
            policy: AccessPolicy(classes: Self.classes, showsMembers: showsMembers), caller: caller,
            showsRunners: showsRunners)
        return try #require(JSONSlice(document: Array(list.json.utf8)[...]))
    }

    private func ids(_ list: JSONSlice) -> [String] { list["data"]?.elements.compactMap { $0["id"]?.string } ?? [] }

    private func entry(_ list: JSONSlice, _ id: String) throws -> JSONSlice {
        try #require(list["data"]?.elements.first { $0["id"]?.string == id })
    }

    /// The shortest context length of the machines that may serve the model, because a call may be placed on any of them.
    @Test func aContextLengthIsListedUnderBothNames() throws {
        let list = try list(
            Sample.admin,
            contextLengths: [
                "gpu1": ["small": 8_192], "cpu": ["small": 4_096, "tiny": 2_048],
                "sleeper": ["night": 512, "tiny": 3_000],
            ])
        for (id, length) in [("small", 4_096), ("tiny", 2_048), ("night", 512), ("class:fast", 2_048)] {
            let entry = try entry(list, id)
            #expect(entry["context_length"]?.integer == length && entry["max_model_len"]?.integer == length, "\(id)")
        }
        let silent = try entry(list, "dawn")
        #expect(silent["context_length"] == nil && silent["max_model_len"] == nil)
    }

    /// A name that only implies the tag of a listed one may be requested, and is not a second entry.
    @Test func anImpliedNameIsFoundAndNotListed() throws {
        var state = SchedulerState()
        state.add(Runner(id: "r"))
        state.runnerResponded("r", engineModels: ["a:latest", "small:latest"], now: now)
        func list(_ caller: Caller) -> ModelList {
            ModelList(
                state.snapshot(now: now), classes: Self.classes,
                policy: AccessPolicy(classes: Self.classes, showsMembers: false), caller: caller, showsRunners: true)
        }
        let models = list(Sample.specific)
        #expect(models.entries.map(\.id).filter { $0.hasPrefix("a") } == ["a:latest"])
        #expect(models.entry(for: "a")?.state == .ready && models.entry(for: "a:latest")?.state == .ready)
        #expect(models.entry(for: "A") == nil && models.entry(for: "a:LATEST") == nil)
        // A class names it, so it is listed under that name as well.
        #expect(models.entries.map(\.id).filter { $0.hasPrefix("small") } == ["small", "small:latest"])
        #expect(models.entry(for: "class:fast")?.state == .ready)
        #expect(list(Sample.caller).entry(for: "a") == nil, "rights are those of any other name")
        #expect(!models.json.contains("\"a\""))
        // Where one machine lists the name itself, it is a model of its own.
        state.add(Runner(id: "other"))
        state.runnerResponded("other", engineModels: ["a"], now: now)
        #expect(list(Sample.specific).entries.map(\.id).filter { $0.hasPrefix("a") } == ["a", "a:latest"])
    }

    @Test func isAnOpenAIList() throws {
        let list = try list(Sample.admin)
        #expect(list["object"]?.string == "list")
        #expect(ModelList.created > 1_700_000_000)
        for entry in try #require(list["data"]).elements {
            #expect(entry["object"]?.string == "model")
            #expect(entry["owned_by"]?.string == "simpleai")
            // Seconds since 1970; the same for all, and for every list of this process.
            #expect(entry["created"]?.integer == ModelList.created)
            #expect(entry["id"]?.string?.isEmpty == false)
            #expect(entry["classes"]?.bytes.first == UInt8(ascii: "["))
        }
    }

    @Test func followsTheCallersRights() throws {
        let everything = [
            "class:fast", "class:empty", "broken", "dawn", "night", "nomodel", "small", "tiny", "unheard",
        ]
        #expect(ids(try list(Sample.admin)) == everything)
        #expect(ids(try list(Sample.specific)) == everything)
        #expect(ids(try list(Sample.specific, showsMembers: false)) == everything)
        // Clients request any id in the list: without the right to request ids, it contains classes only.
        for showsMembers in [true, false] {
            #expect(ids(try list(Sample.caller, showsMembers: showsMembers)) == ["class:fast", "class:empty"])
        }
    }

    @Test(arguments: [
        (Sample.caller, true, ["small", "tiny"]), (Sample.caller, false, []),
        (Sample.specific, false, ["small", "tiny"]),
    ]) func aClassStatesItsMembers(_ caller: Caller, _ showsMembers: Bool, _ members: [String]) throws {
        let list = try list(caller, showsMembers: showsMembers)
        let entry = try entry(list, "class:fast")
        #expect(entry["models"]?.elements.compactMap(\.string) == members)
        if caller == Sample.specific { #expect(try self.entry(list, "small")["models"] == nil) }
    }

    /// A caller may request everything in its list, and the list contains everything that it may request.
    @Test func listedModelsMayBeRequested() throws {
        let limited = Caller(
            subject: "k", issuer: "", roles: [], privileges: [.specificModels], classes: ["empty"])
        for caller in [Sample.caller, Sample.specific, Sample.admin, limited] {
            let policy = AccessPolicy(classes: Self.classes)
            let listed = Set(ids(try list(caller)))
            for id in ids(try list(Sample.admin)) {
                let request = ModelRequest(field: id, defaultClass: "fast")
                #expect(listed.contains(id) == policy.ruling(on: request, for: caller).isAllowed, "\(id)")
            }
        }
    }

    @Test(
        arguments: [
            ("class:fast", "ready", 2, nil), ("small", "ready", 3, nil), ("tiny", "ready", 1, nil),
            ("night", "asleep", 0, 42),
            ("dawn", "waking", 0, 30), ("broken", "down", 0, nil), ("unheard", "down", 0, nil),
            ("class:empty", "down", 0, nil),
            ("nomodel", "down", 0, nil),
        ] as [(String, String, Int, Int?)])
    func showsHowSoonAModelCanServe(_ id: String, _ state: String, _ ready: Int, _ eta: Int?) throws {
        let entry = try entry(list(Sample.admin), id)
        #expect(entry["state"]?.string == state)
        #expect(entry["runners_ready"]?.integer == ready)
        #expect(entry["wake_eta_seconds"]?.integer == eta)
    }

    @Test func theExpectedWakeShrinksWhileAMachineWakes() throws {
        #expect(try entry(list(Sample.admin, after: .seconds(12)), "dawn")["wake_eta_seconds"]?.integer == 18)
        #expect(try entry(list(Sample.admin, after: .seconds(80)), "dawn")["wake_eta_seconds"]?.integer == 0)
    }

    @Test func theNextTierIsCountedWhenTheBetterIsEmpty() throws {
        let list = try list(Sample.admin) { state in
            state.runnerRefusedConnection("gpu1", now: now)
            state.runnerRefusedConnection("gpu2", now: now)
        }
        #expect(try entry(list, "class:fast")["runners_ready"]?.integer == 1)
    }

    @Test func runnersCanBeHidden() throws {
        for entry in try #require(try list(Sample.caller, showsRunners: false)["data"]).elements {
            #expect(entry["runners_ready"] == nil)
            #expect(entry["state"]?.string != nil)
        }
    }

    @Test func namesTheClasses() throws {
        let list = try list(Sample.admin)
        #expect(try entry(list, "small")["classes"]?.elements.map(\.string) == ["fast"])
        #expect(try entry(list, "class:empty")["classes"]?.elements.map(\.string) == ["empty"])
        #expect(try entry(list, "night")["classes"]?.elements.isEmpty == true)
    }

    /// As many names as agents may register: a list that examined every runner for every model would time out.
    @Test func listsTensOfThousandsOfModels() throws {
        var fleet = SchedulerState()
        for number in 0..<128 {
            let id = RunnerID("agent-\(number)")
            let models = (0..<256).map { ModelID("model-\(number)-\($0)") } + ["shared"]
            fleet.add(Runner(id: id, slots: 1, statedModels: models))
            fleet.runnerResponded(id, engineModels: nil, now: now)
        }
        let list = ModelList(
            fleet.snapshot(now: now), classes: ClassTable([], defaultClass: "fast"),
            policy: AccessPolicy(classes: ClassTable([], defaultClass: "fast")), caller: .anonymous, showsRunners: true)
        #expect(list.entries.count == 128 * 256 + 1)
        #expect(list.entries.first { $0.id == "model-127-255" }?.runnersReady == 1)
        #expect(list.entries.first { $0.id == "shared" }?.runnersReady == 128)
    }

    @Test func theFleetReportIsJSON() throws {
        var state = fleet()
        _ = state.place(PlacementRequest(models: ["small"]), now: now)
        let report = FleetReport(fleet: state.snapshot(now: now)).json
        let json = try #require(JSONSlice(document: Array(report.utf8)[...]))
        #expect(json["leases"]?.integer == 1)
        #expect(json["waiting"]?.integer == 1)
        let runners = try #require(json["runners"]).elements
        #expect(
            runners.map { $0["state"]?.string } == ["ready", "ready", "ready", "asleep", "waking", "down", "unknown"])
        let sleeper = try #require(runners.first { $0["id"]?.string == "sleeper" })
        #expect(sleeper["boot_ms"]?.integer == 41_200)
        #expect(sleeper["models"]?.elements.map(\.string) == ["night", "tiny"])
        #expect(sleeper["slots"]?.integer == 2)
        #expect(runners.compactMap { $0["active"]?.integer }.reduce(0, +) == 1)
    }
}
