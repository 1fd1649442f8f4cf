import Foundation
import NIOCore
import StandIn
import Testing

@testable import Acceptance

struct ClientTests {
    private func client(_ url: String) throws -> APIClient {
        try APIClient(deployment: try DeploymentAddress(url), verifiesCertificates: true)
    }

    private func failure(_ url: String, timeout: Duration = .seconds(20)) async throws -> ClientFailure? {
        do {
            _ = try await client(url).send(.get("/v1/models", as: .none), timeout: timeout)
            return nil
        } catch let failed as RequestFailed {
            return failed.failure
        }
    }

    private func answering<R: Sendable>(
        _ response: StandInResponse, _ body: (APIClient) async throws -> R
    ) async throws -> R {
        let server = try await StandInServer.start { _, loop in loop.makeSucceededFuture(response) }
        do {
            let result = try await body(try client("http://127.0.0.1:\(server.port)"))
            try await server.stop()
            return result
        } catch {
            try await server.stop()
            throw error
        }
    }

    @Test func everythingIsTimed() async throws {
        try await answering(StandInResponse(body: "{}")) { client in
            let exchange = try await client.send(.get("/", as: .none), timeout: .seconds(20))
            let connected = try #require(exchange.connected)
            let sent = try #require(exchange.sent)
            let head = try #require(exchange.head)
            #expect(exchange.started <= connected && connected <= sent && sent <= head && head <= exchange.done)
            #expect(exchange.ending == .clean)
            #expect(exchange.bodyText == "{}")
        }
    }

    @Test func refusedConnectionIsNamed() async throws {
        let server = try await StandInServer.start { _, loop in loop.makeSucceededFuture(StandInResponse()) }
        try await server.stop()
        #expect(try await failure("http://127.0.0.1:\(server.port)") == .refused(authority: "127.0.0.1:\(server.port)"))
    }

    @Test func unknownNameIsNamed() async throws {
        let failure = try await failure("http://no-such-host.invalid")
        #expect("\(try #require(failure))".contains("no-such-host.invalid"))
    }

    @Test func timeOutNamesItsOption() async throws {
        try await answering(StandInResponse(delay: .seconds(30))) { client in
            let error = await #expect(throws: RequestFailed.self) {
                try await client.send(.get("/", as: .none), timeout: .milliseconds(100))
            }
            let text = "\(try #require(error).failure)"
            #expect(text.hasPrefix("Request timed out"))
            #expect(text.contains("--timeout"))
        }
    }

    @Test func plainServerIsNoTLS() async throws {
        let server = try await StandInServer.start { _, loop in loop.makeSucceededFuture(StandInResponse()) }
        let failure = try await failure("https://127.0.0.1:\(server.port)")
        try await server.stop()
        #expect(failure == .lacksTLS(authority: "127.0.0.1:\(server.port)"))
    }

    @Test func cutBodyIsBroken() async throws {
        try await answering(StandInResponse(body: "half", isCut: true)) { client in
            let exchange = try await client.send(.get("/", as: .none), timeout: .seconds(20))
            guard case .broken = exchange.ending else {
                Issue.record("\(exchange.ending)")
                return
            }
        }
    }

    @Test func hugeBodyIsCutOff() async throws {
        let body = String(repeating: "x", count: APIClient.maxBodySize + 10)
        try await answering(StandInResponse(body: body)) { client in
            let exchange = try await client.send(.get("/", as: .none), timeout: .seconds(20))
            #expect(exchange.ending == .tooLong)
            #expect(exchange.body.count == APIClient.maxBodySize)
        }
    }

    @Test func redirectsAreNotFollowed() async throws {
        try await answering(StandInResponse(status: 302, headers: [("location", "/elsewhere")])) { client in
            let exchange = try await client.send(.get("/", as: .none), timeout: .seconds(20))
            #expect(exchange.status == 302)
        }
    }

    @Test func cancellationEndsARequest() async throws {
        try await answering(StandInResponse(delay: .seconds(30))) { client in
            let task = Task { try await client.send(.get("/", as: .none), timeout: .seconds(30)) }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
    }

    @Test func htmlEndsTheRunWithOneLine() async throws {
        let page = StandInResponse(headers: [("content-type", "text/html")], body: "<html></html>")
        let server = try await StandInServer.start { _, loop in loop.makeSucceededFuture(page) }
        let suite = Acceptance.Suite(
            deployment: try DeploymentAddress("http://127.0.0.1:\(server.port)"), tests: [.modelRouting],
            tokens: try .fixed("token-x"),
            options: SuiteOptions(seed: 1))
        let report = try await suite.run { _ in }
        try await server.stop()
        #expect(report.aborted?.contains("an HTML page") == true)
        #expect(report.conclusion == .failed)
        #expect(report.verdictLine.hasPrefix("FAILED"))
    }

    @Test func deadlineLeavesTheRestUndecided() async throws {
        var bench = Bench()
        bench.options.deadline = .milliseconds(150)
        let report = try await bench.run([.wakeOnLAN])
        #expect(report.aborted != nil || report.ids(.inconclusive).contains("wol.warm.answered"), "\(report.outline)")
        #expect(report.conclusion != .passed)
    }
}
