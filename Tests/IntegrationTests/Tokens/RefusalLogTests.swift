import Foundation
import Logging
import Settings
import SimpleAICore
import Synchronization
import TestSupport
import Testing

@testable import LocalFleet

extension Integration {
    /// Why a token is refused: the caller learns that it has expired, the operator everything, on every path.
    @Suite struct RefusalLogTests {
        private final class Log: Sendable {
            let causes = Mutex<[String]>([])

            var logger: Logger {
                .observed { [self] event in
                    if let cause = event.metadata["cause"] { causes.withLock { $0.append(cause) } }
                }
            }
        }

        private static let paths = [("POST", "/v1/chat/completions"), ("GET", "/v1/models"), ("GET", "/admin")]

        @Test func theLogStatesFoundAndExpectedValues() async throws {
            let log = Log()
            let logger = log.logger
            try await RunningGateway.with([], logger: logger) { gateway in
                let (key, name) = (gateway.mint.key, RunningGateway.issuer)
                let other = TokenMint(key: key, issuer: name, audience: "account")
                let foreignMint = TokenMint(key: key, issuer: name + "/", audience: "simpleai")
                let past = Date(timeIntervalSinceNow: -7200)
                for (token, cause, message) in [
                    (
                        try other.token(user: "alice", roles: []),
                        #"unexpected audience: found "account", expected "simpleai""#,
                        "Invalid token."
                    ),
                    (
                        try foreignMint.token(user: "alice", roles: []),
                        #"issuer is not configured: found "https://issuer.test/", expected "https://issuer.test""#,
                        "Invalid token."
                    ),
                    (
                        try gateway.mint.token(user: "alice", roles: [], issuedAt: past), "token has expired: found ",
                        "The token has expired. Request a new one from its issuer."
                    ),
                ] {
                    for (method, path) in Self.paths {
                        log.causes.withLock { $0 = [] }
                        let response = try await gateway.send(RunningGateway.chat(), method, path, token: token)
                        #expect(response.status == 401)
                        #expect(try response.error().message == message)
                        #expect(response["www-authenticate"] == #"Bearer realm="simpleai", error="invalid_token""#)
                        // The line comes after the response.
                        try await gateway.settled()
                        let causes = log.causes.withLock(\.self)
                        #expect(causes.contains { $0.hasPrefix(cause) }, "\(path): \(causes)")
                        for part in token.split(separator: ".") {
                            #expect(causes.allSatisfy { !$0.contains(part) }, "the log quotes the token")
                        }
                    }
                }
            }
        }

        /// On both planes: what the caller holds, and what would have been enough.
        @Test func theLogStatesTheRolesOfTheCallerAndTheExpectedOnes() async throws {
            let log = Log()
            let logger = log.logger
            try await RunningGateway.with([], logger: logger) { gateway in
                let admin = #"holds the roles "reader"; expected one of the roles "admin""#
                for (method, path, wanted) in [
                    ("POST", "/v1/chat/completions", admin + #", "model:specific""#),
                    ("POST", "/v1/route", admin + #", "model:specific""#),
                    ("POST", "/v1/route?as_role=x", admin), ("GET", "/admin", admin),
                    ("POST", "/admin/api/machines/m/wake", admin), ("DELETE", "/admin/api/keys/k", admin),
                ] {
                    log.causes.withLock { $0 = [] }
                    let response = try await gateway.send(
                        method == "POST" ? RunningGateway.chat() : "", method, path, roles: ["reader"])
                    #expect(response.status == 403)
                    #expect(!response.text.contains("reader"), "the response to the caller does not contain it")
                    try await gateway.settled()
                    let causes = log.causes.withLock(\.self)
                    #expect(causes.contains { $0.hasSuffix(wanted) }, "\(path): \(causes)")
                }
            }
        }

        /// What stands there instead of a token may be one.
        @Test(
            arguments: [
                (nil, "found no Authorization header"), ("Basic c2VjcmV0OnNlY3JldA==", "found the scheme Basic"),
                ("Bearer ", "found the scheme Bearer without a token"),
                ("secret", "found an Authorization header without a scheme"),
            ] as [(String?, String)])
        func theLogStatesTheKindOfTheCredentials(_ value: String?, _ cause: String) async throws {
            let log = Log()
            let logger = log.logger
            try await RunningGateway.with([], logger: logger) { gateway in
                for (method, path) in Self.paths {
                    log.causes.withLock { $0 = [] }
                    let fields = value.map { ["Authorization: \($0)"] } ?? []
                    let response = try await gateway.send(
                        method == "POST" ? RunningGateway.chat() : "", method, path, token: "", fields: fields)
                    #expect(response.status == 401)
                    try await gateway.settled()
                    let causes = log.causes.withLock(\.self)
                    #expect(causes.contains { $0.hasPrefix(cause) }, "\(path): \(causes)")
                    #expect(causes.allSatisfy { !$0.contains("c2Vj") && !$0.contains("secret") })
                }
            }
        }
    }
}
