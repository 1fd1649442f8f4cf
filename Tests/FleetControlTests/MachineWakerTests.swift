import Logging
import NIOCore
import NIOPosix
import Scheduling
import Settings
import SimpleAICore
import Synchronization
import TestSupport
import Testing

@testable import FleetControl

/// The wake methods in their order, and what is reported to the scheduler.
@Suite(.timeLimit(.minutes(2))) struct MachineWakerTests {
    /// Records the attempts, and fails those that a test selects.
    private final class Recorder: PowerControl {
        let sent = Mutex<[PowerMethod]>([])
        let fails: @Sendable (PowerMethod, Int) -> Bool

        init(fails: @escaping @Sendable (PowerMethod, Int) -> Bool = { _, _ in false }) { self.fails = fails }

        func perform(_ way: PowerMethod) async throws(PowerError) {
            let count = sent.withLock { sent in
                sent.append(way)
                return sent.count { $0 == way }
            }
            if fails(way, count) { throw .failed(address: "x", reason: "as told") }
        }
    }

    private static func settings() throws -> Settings {
        var settings = Settings()
        var runner = Settings.StaticRunner(id: "a", url: "http://127.0.0.1:1")
        runner.models = ["m"]
        let mac = try #require(MACAddress("52:54:00:12:34:56"))
        var target = Settings.WakeTarget(macs: [mac])
        target.command = ["wake-it", "now"]
        target.relay = Settings.HostAndPort(host: "helper", port: 9999)
        target.http = Settings.WebHook(method: "POST", url: "http://home.lan/secret", host: "home.lan")
        runner.wake = target
        settings.runners = [runner]
        return settings
    }

    /// A scheduler whose only machine is asleep; a waker runs its wake attempts, which end before this returns.
    /// - Parameter fallingAsleep: the number of the first attempts during which the machine may still be awake.
    private func wake(
        _ sender: Recorder, _ settings: Settings, attempts: Int, fallingAsleep: Int = 0
    ) async throws -> GatewayError? {
        var state = SchedulerState()
        for runner in settings.runners { state.add(Runner(runner)) }
        let scheduler = Scheduler(state)
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let waker = MachineWaker(
            machines: MachineDirectory(settings), power: sender, scheduler: scheduler,
            metrics: FleetMetrics(scheduler: scheduler),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, on: loop)
        let wakes = Mutex<[WakeID]>([])
        scheduler.onEffect { effect in
            if case .wakeStarted(_, let wake) = effect { wakes.withLock { $0.append(wake) } }
        }
        for _ in 0..<3 { scheduler.runnerUnreachable("a", lastContactAt: nil) }
        let refusal = Mutex<GatewayError?>(nil)
        let call = try AccessPolicy(
            classes: ClassTable([ModelClass(name: "fast", models: ["m"])], defaultClass: "fast")
        ).authorize(Sample.call(), by: Sample.caller)
        _ = scheduler.place(PlacementRequest(call)) { result in
            if case .failure(let error) = result { refusal.withLock { $0 = error } }
        }
        let wake = try #require(wakes.withLock { $0.first })
        for number in 0..<attempts {
            try await waker.attempt("a", wake, number: number, isFallingAsleep: number < fallingAsleep).get()
        }
        return refusal.withLock { $0 }
    }

    @Test func packetsAreRepeatedProgramsAndHooksAreNot() async throws {
        let sender = Recorder()
        #expect(try await wake(sender, Self.settings(), attempts: 3) == nil)
        let sent = sender.sent.withLock { $0 }
        #expect(sent.count { if case .packet = $0 { true } else { false } } == 3)
        #expect(sent.count { if case .relay = $0 { true } else { false } } == 3)
        #expect(sent.filter { !$0.isRepeated }.count == 2)
        #expect(
            sent.contains(.command(PowerCommandRequest(program: "wake-it", arguments: ["now"])))
                && sent.contains(
                    .http(PowerHookRequest(method: "POST", url: "http://home.lan/secret", host: "home.lan")))
        )
    }

    /// On a machine that is still awake they would have no effect, and they are not repeated after a success.
    @Test func programsAndHooksWaitUntilTheMachineHasFallenAsleep() async throws {
        let sender = Recorder()
        #expect(try await wake(sender, Self.settings(), attempts: 2, fallingAsleep: 2) == nil)
        #expect(sender.sent.withLock { $0.count } == 4 && sender.sent.withLock { $0.allSatisfy(\.isRepeated) })
        var settings = try Self.settings()
        settings.runners[0].wake?.macs = []
        settings.runners[0].wake?.relay = nil
        let late = Recorder()
        #expect(try await wake(late, settings, attempts: 6, fallingAsleep: 4) == nil, "waiting is no failure")
        #expect(late.sent.withLock { $0.count } == 2)
    }

    @Test func aProgramThatFailedIsTriedAgainUntilItSucceeds() async throws {
        let sender = Recorder { way, count in if case .command = way { count < 3 } else { false } }
        #expect(try await wake(sender, Self.settings(), attempts: 5) == nil)
        #expect(sender.sent.withLock { $0.count { if case .command = $0 { true } else { false } } } == 3)
    }

    @Test func aWakeFailsIfNothingCouldBeSent() async throws {
        let error = try #require(try await wake(Recorder { _, _ in true }, Self.settings(), attempts: 3))
        #expect(error.code == .wakeFailed)
        #expect(error.cause?.contains("as told") == true)
    }

    @Test func oneSuccessfulMethodIsEnough() async throws {
        let sender = Recorder { way, _ in if case .relay = way { false } else { true } }
        #expect(try await wake(sender, Self.settings(), attempts: 6) == nil)
    }

    @Test func agentsAreWokenByTheAddressThatTheyRegistered() throws {
        var settings = try Self.settings()
        settings.wake.broadcast = "192.168.7.255"
        settings.wake.port = 7
        let machines = MachineDirectory(settings)
        #expect(machines.wakeMethods(of: "b").isEmpty)
        machines.put(.init(name: "B", machineType: "gpu", mac: "aa-bb-cc-dd-ee-0f"), of: "b")
        let mac = try #require(MACAddress("AA:BB:CC:DD:EE:0F"))
        #expect(
            machines.wakeMethods(of: "b")
                == [.packet(WakePacketRequest(mac: mac, broadcast: "192.168.7.255", port: 7))])
        machines.put(.init(name: "B", machineType: "gpu", mac: nil), of: "b")
        #expect(machines.wakeMethods(of: "b").isEmpty)
        #expect(machines.agents.keys.sorted() == ["b"])
        machines.remove("b")
        #expect(machines.agents.isEmpty)
        #expect(machines.wakeMethods(of: "a").count == 4)
    }
}
