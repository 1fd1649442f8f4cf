import Dialects
import Foundation
import NIOCore
import NIOPosix
import SimpleAICore
import Synchronization
import TestSupport
import Testing

@testable import OperatingSystem
@testable import Relay

/// Bodies in real files; descriptors and reserved bytes are counted.
@Suite(.timeLimit(.minutes(5))) struct BodySpoolTests {
    private static let caller = CallerID(subject: "alice", issuer: "i")
    private static let limits = SpoolState.Limits(maxInMemory: 1_000, maxPending: 100_000)

    /// A spool on its event loop, and the resources that it shares.
    private final class Bench: Sendable {
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        let directory: String
        let files: SpoolFiles
        let memory: BufferBudget
        let spool: NIOLoopBoundBox<BodySpool?>
        let events: AsyncStream<BodySpool.Event>
        private let report: AsyncStream<BodySpool.Event>.Continuation

        init(
            in directory: String, disk: BufferBudget = BufferBudget(limit: 1 << 30, minShare: 1 << 30),
            memory: BufferBudget = BufferBudget(limit: 1 << 30, minShare: 1 << 30), expectedLength: Int? = nil
        ) async throws {
            let files = SpoolFiles(directory: directory, budget: disk, threadCount: 1)
            let (events, report) = AsyncStream.makeStream(of: BodySpool.Event.self)
            (self.directory, self.files, self.memory, self.events, self.report) = (
                directory, files, memory, events, report
            )
            let eventLoop = eventLoop
            spool = try await eventLoop.submit {
                NIOLoopBoundBox(
                    BodySpool(
                        in: files, for: caller, memory: memory.share(for: caller, from: nil),
                        SpoolState(limits: limits, expectedLength: expectedLength), on: eventLoop
                    ) { report.yield($0) }, eventLoop: eventLoop)
            }.get()
        }

        func onLoop<Value: Sendable>(_ body: @escaping @Sendable (BodySpool) throws -> Value) async throws -> Value {
            try await eventLoop.submit { [spool] in try body(#require(spool.value)) }.get()
        }

        func next() async throws -> BodySpool.Event {
            var iterator = events.makeAsyncIterator()
            return try #require(await iterator.next())
        }

        /// Stores a body as a client sends it: waits when `append` requests it.
        func store(_ body: [UInt8], pieces: Int) async throws {
            var rest = body[...]
            while !rest.isEmpty {
                let piece = ByteBuffer(bytes: rest.prefix(pieces))
                rest = rest.dropFirst(pieces)
                if try await !onLoop({ try $0.append(piece) }) { #expect(try await next() == .wantsMore) }
            }
            if try await !onLoop({ try $0.finish() }) { #expect(try await next() == .complete) }
        }

        func read(_ rewrite: MultipartRewrite? = nil) async throws -> [UInt8] {
            try await eventLoop.flatSubmit { [spool, eventLoop] in
                let promise = eventLoop.makePromise(of: [UInt8].self)
                if let spool = spool.value {
                    Collector(
                        spool.reader(rewriting: rewrite ?? MultipartRewrite(length: spool.length)), promise
                    ).read()
                }
                return promise.futureResult
            }.get()
        }

        /// The files in the directory that this process has open, after everything in the queue of the threads.
        func openFiles() async throws -> Int {
            try await files.run(on: eventLoop) { .success(()) }.get()
            let links = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap {
                try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")
            }
            return links.count { $0.hasPrefix(directory) }
        }

        /// Keeps the thread busy until `body` returns.
        func whileBusy(_ body: () async throws -> Void) async throws {
            let (busy, free) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
            let work = files.run(on: eventLoop) {
                busy.signal()
                free.wait()
                return .success(())
            }
            defer { free.signal() }
            await withCheckedContinuation { continuation in
                DispatchQueue.global().async {
                    busy.wait()
                    continuation.resume()
                }
            }
            try await body()
            _ = work
        }

        func release() async throws { try await onLoop { $0.release() } }

        /// Releases the last reference.
        func drop() async throws { try await eventLoop.submit { [spool] in spool.value = nil }.get() }
    }

    private final class Collector {
        private let source: any BodySource
        private let promise: EventLoopPromise<[UInt8]>
        private var bytes: [UInt8] = []

        init(_ source: any BodySource, _ promise: EventLoopPromise<[UInt8]>) {
            (self.source, self.promise) = (source, promise)
        }

        func read() {
            source.onReady = { self.read() }
            while bytes.count < source.length {
                switch source.next() {
                case .bytes(let piece): bytes += piece.readableBytesView
                case .pending: return
                case .failed(let reason):
                    source.cancel()
                    return promise.fail(Failure(reason: reason))
                }
            }
            source.cancel()
            promise.succeed(bytes)
        }
    }

    private struct Failure: Error { let reason: String }

    private static func bytes(_ count: Int) -> [UInt8] {
        var random = SeededGenerator(seed: UInt64(count))
        return (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
    }

    // MARK: Storing and sending

    @Test(arguments: [(0, 1), (1, 1), (1_000, 7)])
    func aShortBodyStaysInMemory(length: Int, pieces: Int) async throws {
        try await inTemporaryDirectory { directory in
            let bench = try await Bench(in: directory.path)
            let body = Self.bytes(length)
            try await bench.store(body, pieces: pieces)
            #expect(try await bench.read() == body)
            #expect(try await bench.openFiles() == 0)
            #expect(bench.memory.bytesInUse == length && bench.files.budget.bytesInUse == 0)
            try await bench.release()
            #expect(bench.memory.bytesInUse == 0)
        }
    }

    @Test(arguments: [(1_001, 1_001, nil), (1_001, 1, 1_001), (1_000_000, 64_000, nil), (1_000_000, 9_999, 1_000_000)])
    func aLongBodyIsStoredInAFile(length: Int, pieces: Int, expectedLength: Int?) async throws {
        try await inTemporaryDirectory { directory in
            let bench = try await Bench(in: directory.path, expectedLength: expectedLength)
            let body = Self.bytes(length)
            try await bench.store(body, pieces: pieces)
            #expect(try await bench.openFiles() == 1)
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).isEmpty)
            #expect(bench.memory.bytesInUse == 0 && bench.files.budget.bytesInUse == length)
            // The same body may be sent to another runner.
            for _ in 1...2 { #expect(try await bench.read() == body) }
            try await bench.release()
            #expect(try await bench.openFiles() == 0)
            #expect(bench.files.budget.bytesInUse == 0)
        }
    }

    /// Fifty uploads together must not fill the memory first.
    @Test func aBodyWithAStatedLengthIsWrittenFromItsFirstPieceOn() async throws {
        try await inTemporaryDirectory { directory in
            let bench = try await Bench(in: directory.path, expectedLength: 1_001)
            _ = try await bench.onLoop { try $0.append(ByteBuffer(string: "x")) }
            #expect(try await bench.openFiles() == 1)
            try await bench.eventLoop.submit {}.get()
            #expect(bench.memory.bytesInUse == 0)
        }
    }

    @Test func theClientWaitsForTheDisk() async throws {
        try await inTemporaryDirectory { directory in
            let bench = try await Bench(in: directory.path, expectedLength: 1 << 20)
            let piece = ByteBuffer(repeating: 1, count: 40_000)
            try await bench.whileBusy {
                var wants: [Bool] = []
                for _ in 1...3 { wants.append(try await bench.onLoop { try $0.append(piece) }) }
                #expect(wants == [true, true, false])
                #expect(bench.memory.bytesInUse == 120_000)
            }
            #expect(try await bench.next() == .wantsMore)
            #expect(try await bench.onLoop { try $0.append(piece) })
        }
    }

    /// The model's name at every place around the end of a piece that is read.
    @Test func theModelIsReplacedInWhatIsSent() async throws {
        let field = "Content-Disposition: form-data; name=\"model\"\r\n\r\n"
        for shift in stride(from: -8, through: 8, by: 2) {
            let prefix = "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n"
            let padding = SpoolReader.pieceLength - prefix.utf8.count - "\r\n--B\r\n\(field)".utf8.count + shift
            let start = prefix + String(repeating: "x", count: padding) + "\r\n--B\r\n\(field)"
            let body = Array("\(start)whisper\r\n--B--\r\n".utf8)
            var scanner = MultipartScanner(try MultipartBoundary(contentType: "multipart/form-data; boundary=B"))
            try scanner.scan(body[...])
            let form = try scanner.finish()
            try await inTemporaryDirectory { directory in
                let bench = try await Bench(in: directory.path)
                try await bench.store(body, pieces: 50_000)
                for model in ["m", "Systran/faster-whisper-large-v3"] {
                    let sent = try await bench.read(MultipartRewrite(form, model: model))
                    #expect(sent == Array("\(start)\(model)\r\n--B--\r\n".utf8))
                }
                try await bench.release()
            }
        }
    }

    // MARK: Bounds

    @Test func diskSpaceIsSharedAndBounded() async throws {
        let cases: [(BufferBudget, GatewayError.Code, String)] = [
            (BufferBudget(limit: 4_000, minShare: 4_000), .queueFull, "server.max_spooled reached"),
            (
                BufferBudget(limit: 1 << 20, minShare: 1 << 20, maxPerCaller: 4_000), .queueFull,
                "server.max_spooled_per_caller, or share of server.max_spooled"
            ),
        ]
        for (disk, code, cause) in cases {
            try await inTemporaryDirectory { directory in
                let bench = try await Bench(in: directory.path, disk: disk)
                try await bench.store(Self.bytes(3_000), pieces: 500)
                let other = try await Bench(in: directory.path, disk: disk)
                _ = try await other.onLoop { try $0.append(ByteBuffer(repeating: 1, count: 900)) }
                for _ in 1...2 {
                    let error = await #expect(throws: GatewayError.self) {
                        try await other.onLoop { try $0.append(ByteBuffer(repeating: 1, count: 200)) }
                    }
                    #expect(error?.code == code && error?.status() == 503 && error?.cause == cause)
                    #expect(error?.message.contains(directory.path) == false)
                }
                #expect(disk.bytesInUse == 3_000 && other.memory.bytesInUse == 0)
                await #expect(throws: GatewayError.self) { try await other.onLoop { try $0.finish() } }
                try await bench.release()
                #expect(try await bench.openFiles() == 0 && disk.bytesInUse == 0)
            }
        }
    }

    @Test func memoryIsBounded() async throws {
        try await inTemporaryDirectory { directory in
            let bench = try await Bench(in: directory.path, memory: BufferBudget(limit: 500, minShare: 500))
            let error = await #expect(throws: GatewayError.self) {
                try await bench.onLoop { try $0.append(ByteBuffer(repeating: 1, count: 501)) }
            }
            #expect(error?.cause == "server.max_buffered reached")
            #expect(bench.memory.bytesInUse == 0)
        }
    }

    // MARK: Errors and ends

    /// The caller reads that the gateway cannot store the body, the operator reads where and why.
    @Test func aFailedWriteFailsTheCall() async throws {
        let bench = try await Bench(in: "/no/such/directory", expectedLength: 1 << 20)
        _ = try await bench.onLoop { try $0.append(ByteBuffer(string: "x")) }
        guard case .failed(let error) = try await bench.next() else {
            Issue.record("no failure")
            return
        }
        #expect(error.status() == 503 && error.message == "The gateway could not store the request body. Retry later.")
        #expect(
            error.cause
                == "storing a request body on the volume of /no/such/directory: No such file or directory")
        #expect(bench.memory.bytesInUse == 0 && bench.files.budget.bytesInUse == 0)
        await #expect(throws: GatewayError.self) { try await bench.onLoop { try $0.append(ByteBuffer(string: "x")) } }
        let full = bench.files.error(SystemError(number: ENOSPC))
        #expect(full.message == "The gateway has no disk space left for large request bodies. Retry later.")
        #expect(full.cause?.hasSuffix("No space left on device") ?? false)
    }

    @Test func theEndOfTheThreadsFailsTheCall() async throws {
        try await inTemporaryDirectory { directory in
            let bench = try await Bench(in: directory.path, expectedLength: 1 << 20)
            try await bench.files.shutdown()
            let error = await #expect(throws: GatewayError.self) {
                try await bench.onLoop { try $0.append(ByteBuffer(string: "x")) }
            }
            #expect(error?.cause?.hasSuffix("shutting down") ?? false)
            #expect(bench.memory.bytesInUse == 0 && bench.files.budget.bytesInUse == 0)
        }
    }

    /// The call may end at any moment.
    @Test(arguments: [false, true])
    func theFileIsClosedWhenTheBodyIsNotNeeded(isDropped: Bool) async throws {
        try await inTemporaryDirectory { directory in
            func end(_ bench: Bench) async throws {
                if isDropped { try await bench.drop() } else { try await bench.release() }
            }
            func isGone(_ bench: Bench) async throws -> Bool {
                let open = try await bench.openFiles()
                return try await bench.openFiles() == 0 && open <= 1 && bench.memory.bytesInUse == 0
                    && bench.files.budget.bytesInUse == 0
            }
            // Before the first write has created the file
            var bench = try await Bench(in: directory.path, expectedLength: 1 << 20)
            try await bench.whileBusy { [bench] in
                _ = try await bench.onLoop { try $0.append(ByteBuffer(repeating: 1, count: 60_000)) }
                try await end(bench)
            }
            #expect(try await isGone(bench))
            // During a later write
            bench = try await Bench(in: directory.path, expectedLength: 1 << 20)
            _ = try await bench.onLoop { try $0.append(ByteBuffer(repeating: 1, count: 60_000)) }
            #expect(try await bench.openFiles() == 1)
            try await bench.whileBusy { [bench] in
                _ = try await bench.onLoop { try $0.append(ByteBuffer(repeating: 1, count: 60_000)) }
                try await end(bench)
            }
            #expect(try await isGone(bench))
            // While it is read
            bench = try await Bench(in: directory.path)
            try await bench.store(Self.bytes(200_000), pieces: 50_000)
            try await bench.whileBusy { [bench] in
                try await bench.eventLoop.submit { [spool = bench.spool] in
                    let reader = try #require(spool.value).reader(rewriting: MultipartRewrite(length: 200_000))
                    #expect(reader.next() == .pending)
                    reader.cancel()
                }.get()
                try await end(bench)
            }
            #expect(try await isGone(bench))
        }
    }

    /// The call needs the body no longer, but an engine has not read all of it.
    @Test(arguments: [false, true])
    func aReaderKeepsTheBodyUntilItEnds(isCancelled: Bool) async throws {
        try await inTemporaryDirectory { directory in
            let bench = try await Bench(in: directory.path)
            let body = Self.bytes(200_000)
            try await bench.store(body, pieces: 50_000)
            let reader = try await bench.eventLoop.submit { [bench] in
                let spool = try #require(bench.spool.value)
                let reader = spool.reader(rewriting: MultipartRewrite(length: spool.length))
                #expect(reader.next() == .pending)
                spool.releaseToReaders()
                bench.spool.value = nil
                return NIOLoopBoundBox<(any BodySource)?>(reader, eventLoop: bench.eventLoop)
            }.get()
            #expect(try await bench.openFiles() == 1)
            if isCancelled {
                try await bench.eventLoop.submit { reader.value?.cancel() }.get()
            } else {
                let sent = try await bench.eventLoop.flatSubmit {
                    let promise = bench.eventLoop.makePromise(of: [UInt8].self)
                    if let source = reader.value { Collector(source, promise).read() }
                    return promise.futureResult
                }.get()
                #expect(sent == body)
            }
            #expect(try await bench.openFiles() == 0)
            #expect(bench.memory.bytesInUse == 0 && bench.files.budget.bytesInUse == 0)
            try await bench.eventLoop.submit { reader.value = nil }.get()
        }
    }

    @Test func aReleasedBodyCannotBeRead() async throws {
        try await inTemporaryDirectory { directory in
            let bench = try await Bench(in: directory.path)
            try await bench.store(Self.bytes(5_000), pieces: 500)
            await #expect(throws: Failure.self, "another length") {
                try await bench.read(MultipartRewrite(length: 4_999))
            }
            try await bench.release()
            await #expect(throws: Failure.self) { try await bench.read() }
            #expect(try await bench.onLoop { try $0.append(ByteBuffer(string: "x")) } == false)
        }
    }

    /// A file that became shorter, or a disk that fails.
    @Test func aFailedReadFailsTheSource() async throws {
        try await inTemporaryDirectory { directory in
            let bench = try await Bench(in: directory.path)
            try await bench.store(Self.bytes(200_000), pieces: 500)
            try await bench.files.shutdown()
            let failure = await #expect(throws: Failure.self) { try await bench.read() }
            #expect(failure?.reason.contains(directory.path) ?? false)
        }
    }
}
