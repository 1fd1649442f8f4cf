import Settings
import SimpleAICore
import Testing

@testable import LocalFleet

extension Integration {
    /// Expensive clients: their effect on memory and on other clients.
    ///
    /// Memory is measured for the whole process: gateway, engines and clients together, so the gateway's share is
    /// less.
    @Suite struct LoadFaultTests {
        private typealias Engine = ScriptedEngine
        private static let maxMemory = 64 << 20

        @Test func clientsThatDoNotRead() async throws {
            let event = "data: {\"x\":\"" + String(repeating: "x", count: (64 << 10) - 32) + "\"}\n\n"
            let chunk = Engine.chunk(event)
            let size = 10 << 20
            let taken = Watched(0)
            try await withEngine(
                { request, wire in
                    guard request.body.contains("\"stream\":true") else {
                        return try await wire.send(Engine.document(Engine.completion()))
                    }
                    try await wire.send(Engine.streamHead)
                    for _ in 0..<(size / event.utf8.count) {
                        try await wire.send(chunk)
                        taken.update { $0 += event.utf8.count }
                    }
                    try await Engine.silent(request, wire)
                }, runner: { $0.slots = 200 }
            ) { gateway, engine in
                let before = try await Self.latencies(gateway)
                let memory = Fault.residentMemory
                var wires: [Wire] = []
                for _ in 1...100 {
                    let wire = try await gateway.connect(window: 16 << 10, segment: 1_400)
                    try await wire.pauseReading()
                    try await wire.send(gateway.request(RunningGateway.chat(stream: true)))
                    wires.append(wire)
                }
                _ = try await engine.counts.value {
                    $0.requests.filter { $0.body.contains("\"stream\":true") }.count == 100
                }
                let stalled = try await gateway.stalled { taken.value }
                let during = try await Self.latencies(gateway)
                let growth = Fault.residentMemory.flatMap { now in memory.map { now - $0 } }
                if let growth { #expect(growth < Self.maxMemory, "\(Fault.mebibytes(growth)) more") }
                let (calm, busy) = (Fault.p95(before), Fault.p95(during))
                // Equal, within the tolerance for a computer that does other work.
                #expect(busy < calm * 3 + .milliseconds(20), "p95 \(calm) before, \(busy) during")
                for wire in wires { await wire.close() }
                try await gateway.settled()
                Fault.report(
                    "100 stalled clients x 10 MB",
                    "\(growth.map(Fault.mebibytes) ?? "unknown") more memory (\(Fault.mebibytes(stalled)) taken from the engine),"
                        + " p95 of others \(Fault.milliseconds(calm)) before and \(Fault.milliseconds(busy)) during")
            }
        }

        private static func latencies(_ gateway: RunningGateway) async throws -> [Duration] {
            let token = try gateway.token(["model:specific"])
            let wire = try await gateway.connect()
            var latencies: [Duration] = []
            for _ in 1...200 {
                let start = ContinuousClock.now
                try await wire.send(gateway.request(RunningGateway.chat(), token: token))
                #expect(try await wire.response().status == 200)
                latencies.append(ContinuousClock.now - start)
            }
            await wire.close()
            return latencies
        }

        @Test func hugeTokensAndDepthBombs() async throws {
            let sizes = [8, 16, 32, 48, 60, 64, 128, 512, 1_024].map { $0 << 10 }
            let bomb = "{\"model\":\"m\",\"messages\":[],\"x\":" + String(repeating: "[", count: 100_000)
            try await withEngine(Engine.wellBehaved) { gateway, engine in
                let good = try gateway.token()
                let parts = good.split(separator: ".").map(String.init)
                let memory = Fault.residentMemory
                var slowest = Duration.zero
                var (refused, count) = (0, 0)
                func expectRefusal(_ statuses: [Int], _ request: String) async throws {
                    count += 1
                    let start = ContinuousClock.now
                    let wire = try await gateway.connect()
                    // The gateway may close the connection before the whole megabyte is sent.
                    try? await wire.send(request)
                    let response = try await wire.response()
                    slowest = max(slowest, ContinuousClock.now - start)
                    #expect(statuses.contains(response.status), "\(response.status) \(response.text)")
                    if statuses.contains(response.status) { refused += 1 }
                    await wire.close()
                }
                for _ in 1...5 {
                    for size in sizes {
                        let padding = String(repeating: "A", count: size)
                        for token in [
                            padding, "\(parts[0]).\(padding).\(parts[2])", "\(padding).\(parts[1]).\(parts[2])",
                        ] {
                            try await expectRefusal(
                                size < 60 << 10 ? [401] : [401, 431],
                                gateway.request(RunningGateway.chat(), token: token))
                        }
                    }
                    for _ in 1...10 {
                        try await expectRefusal([400], gateway.request(bomb, token: good))
                        try await expectRefusal(
                            [400], gateway.request(bomb + String(repeating: "]", count: 100_000) + "}", token: good))
                    }
                }
                #expect(engine.counts.value.requests.isEmpty)
                #expect(slowest < .seconds(2))
                try await gateway.settled()
                let growth = Fault.residentMemory.flatMap { now in memory.map { now - $0 } }
                if let growth { #expect(growth < Self.maxMemory, "\(Fault.mebibytes(growth)) more") }
                Fault.report(
                    "tokens of 8 kB to 1 MB, 100,000 nested arrays",
                    "\(refused) of \(count) refused, the slowest in \(Fault.milliseconds(slowest)),"
                        + " \(growth.map(Fault.mebibytes) ?? "unknown") more memory")
            }
        }

        /// A head that never completes, although its client keeps sending bytes.
        @Test func clientsThatNeverGetToThePoint() async throws {
            try await withEngine(Engine.wellBehaved, settings: { $0.server.idleTimeout = .seconds(1) }) { gateway, _ in
                let memory = Fault.residentMemory
                let start = ContinuousClock.now
                var wires: [Wire] = []
                for _ in 1...200 {
                    let wire = try await gateway.connect()
                    try await wire.send("POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\nX-Slow: ")
                    wires.append(wire)
                }
                let count = wires.count
                while !wires.isEmpty {
                    for wire in wires { try? await wire.send("x") }
                    #expect(try await gateway.get("/health").status == 200, "others are served meanwhile")
                    wires.removeAll { $0.state.value.hasEnded }
                    try Task.checkCancellation()
                }
                let took = ContinuousClock.now - start
                let growth = Fault.residentMemory.flatMap { now in memory.map { now - $0 } }
                if let growth { #expect(growth < Self.maxMemory, "\(Fault.mebibytes(growth)) more") }
                try await gateway.settled()
                Fault.report(
                    "slow-loris",
                    "\(count) of \(count) closed \(Fault.milliseconds(took)) after the first came (limit 1 s),"
                        + " \(growth.map(Fault.mebibytes) ?? "unknown") more memory")
            }
        }
    }
}
