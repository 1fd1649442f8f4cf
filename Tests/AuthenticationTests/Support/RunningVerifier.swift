import Foundation
import Logging
import SimpleAICore
import Synchronization
import Testing

@testable import Authentication

/// A wall clock that a test sets.
final class SettableClock: Sendable {
    private let time = Mutex(TestTime.date)
    var now: Date { time.withLock { $0 } }
    func advance(by seconds: Double) { time.withLock { $0 += seconds } }
}

/// Short retry delays, so that a recovery shows soon.
let quickLimits: KeyFetchLimits = {
    var limits = KeyFetchLimits()
    limits.firstRetry = .milliseconds(5)
    limits.lastRetry = .milliseconds(20)
    limits.filePollInterval = .milliseconds(5)
    return limits
}()

/// Runs a verifier around the body and stops it afterwards.
func withRunningVerifier(
    _ issuers: IssuerConfiguration..., leeway: Duration = .seconds(30), limits: KeyFetchLimits = quickLimits,
    clock: SettableClock = SettableClock(), _ body: (JWTVerifier) async throws -> Void
) async throws {
    let verifier = JWTVerifier(
        issuers: issuers, leeway: leeway, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
        maxCachedTokens: 1000, limits: limits, wallClock: { clock.now })
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await verifier.run() }
        defer { group.cancelAll() }
        try await body(verifier)
    }
}

/// Runs a verifier that has only the keys of the document.
func withVerifier(
    knowing document: [UInt8], as configuration: IssuerConfiguration = .example,
    leeway: Duration = .seconds(30), clock: SettableClock = SettableClock(),
    _ body: (JWTVerifier) async throws -> Void
) async throws {
    try await withTemporaryFile(document) { path in
        var issuer = configuration
        issuer.keys = .file(path: path)
        try await withRunningVerifier(issuer, leeway: leeway, clock: clock) { verifier in
            await verifier.keysArrived()
            try await body(verifier)
        }
    }
}

func withTemporaryFile(_ contents: [UInt8], _ body: (String) async throws -> Void) async throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("keys-\(UUID().uuidString).json").path
    try Data(contents).write(to: URL(fileURLWithPath: path))
    defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: path) } }
    try await body(path)
}

extension IssuerConfiguration {
    /// The issuer of the tokens of `TokenSketch`.
    static let example = IssuerConfiguration(issuer: "https://issuer.example", audience: .oneOf(["simpleai"]))

    static func of(
        _ server: KeyServer, every: Duration = .seconds(3600), cooldown: Duration = .seconds(3600)
    ) -> IssuerConfiguration {
        var issuer = IssuerConfiguration(issuer: IssuerID(server.url), audience: .oneOf(["simpleai"]))
        issuer.refreshInterval = every
        issuer.refreshCooldown = cooldown
        return issuer
    }
}

extension JWTVerifier {
    func keysArrived() async {
        for source in sources { _ = await source.waitForStatus { $0.keys != nil } }
    }

    /// The reason why the token is refused; nil if it is accepted.
    func reason(against token: String) async -> String? {
        do throws(TokenRejection) {
            _ = try await caller(for: token)
            return nil
        } catch {
            switch error {
            case .invalid(let reason), .expired(let reason): return reason
            case .apiKey(let fault): return fault.rawValue
            case .keysUnavailable: return "keys unavailable"
            }
        }
    }

    /// The fault that the reason begins with; the values found and expected follow it.
    func fault(of token: String) async -> TokenFault? {
        let reason = await reason(against: token)
        return reason.flatMap { TokenFault(rawValue: $0.split(separator: ": ").first.map(String.init) ?? "") }
    }
}
