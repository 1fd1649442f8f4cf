import Dispatch
import Foundation
import Logging
import NIOPosix
import Synchronization
import TestSupport
import Testing

@testable import FleetControl

@Suite(.timeLimit(.minutes(1))) struct FleetMemoryTests {
    private static func content(_ models: String) -> StateFile.Content {
        StateFile.Content(runners: ["r": StateFile.RememberedRunner(models: [models])])
    }

    private func memory(
        _ file: StateFile, restoring content: StateFile.Content = .init(),
        look: @escaping @Sendable () -> StateFile.Content
    ) -> FleetMemory {
        FleetMemory(
            file, restoring: content, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            on: MultiThreadedEventLoopGroup.singleton.next(), content: look)
    }

    @Test func requestsDuringAWriteAreCombinedAndNothingIsLost() async throws {
        try await inTemporaryDirectory { directory in
            let file = StateFile(path: directory.appendingPathComponent("state.json").path)
            let (began, begin) = AsyncStream.makeStream(of: Void.self)
            let mayGoOn = DispatchSemaphore(value: 0)
            let looks = Mutex(0)
            let memory = memory(file) {
                let number = looks.withLock {
                    $0 += 1
                    return $0
                }
                if number == 1 {
                    begin.yield()
                    mayGoOn.wait()
                }
                return Self.content("of look \(number)")
            }
            memory.update()
            for await _ in began { break }
            for _ in 1...100 { memory.update() }
            mayGoOn.signal()
            try await memory.settled()
            #expect(looks.withLock { $0 } == 2)
            #expect(file.open().content == Self.content("of look 2"))
            memory.update()
            try await memory.settled()
            #expect(file.open().content == Self.content("of look 3"))
        }
    }

    @Test func unchangedContentIsNotWritten() async throws {
        try await inTemporaryDirectory { directory in
            let path = directory.appendingPathComponent("state.json").path
            let looks = Mutex(0)
            let memory = memory(StateFile(path: path), restoring: Self.content("m")) {
                looks.withLock { $0 += 1 }
                return Self.content("m")
            }
            memory.update()
            try await memory.settled()
            #expect(looks.withLock { $0 } == 1)
            #expect(!FileManager.default.fileExists(atPath: path))
        }
    }

    @Test func failedWritesAreRetried() async throws {
        try await inTemporaryDirectory { directory in
            let place = directory.appendingPathComponent("comes later")
            let file = StateFile(path: place.appendingPathComponent("state.json").path)
            let looks = Mutex(0)
            // State that only the first snapshot contained is kept as well.
            let memory = memory(file) {
                let number = looks.withLock {
                    $0 += 1
                    return $0
                }
                return number == 1 ? Self.content("m") : StateFile.Content()
            }
            memory.update()
            try await memory.settled()
            try FileManager.default.createDirectory(at: place, withIntermediateDirectories: false)
            memory.update()
            try await memory.settled()
            #expect(file.open().content == Self.content("m"))
        }
    }

    @Test func removedRunnersAreRemembered() async throws {
        try await inTemporaryDirectory { directory in
            let file = StateFile(path: directory.appendingPathComponent("state.json").path)
            let gone = StateFile.RememberedRunner(models: ["old"])
            let memory = memory(file, restoring: StateFile.Content(runners: ["gone": gone])) { Self.content("m") }
            memory.update()
            try await memory.settled()
            #expect(file.open().content.runners == Self.content("m").runners.merging(["gone": gone]) { $1 })
        }
    }
}
