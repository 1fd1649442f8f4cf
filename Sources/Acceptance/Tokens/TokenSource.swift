import Foundation

/// The tokens of a run, from the operator, a program or an issuer. A token is obtained once per user and role, and again
/// shortly before it expires.
///
/// An actor to protect the cache. It does not merge concurrent requests: checks run one after the other.
public actor TokenSource {
    /// Issues a token for a user and a role; nil selects the default.
    public typealias Provider = @Sendable (_ user: String?, _ role: String?) async throws -> String

    private enum Origin: Sendable {
        case none
        case fixed(String)
        case program(ExternalProgram, Duration)
        case provider(Provider)
    }

    private struct Key: Hashable {
        let user: String?
        let role: String?
    }

    /// Maximum time for a program to print one token.
    public static let programTimeout = Duration.seconds(30)

    private let origin: Origin
    private let admission: TokenAdmission
    private let expired: (@Sendable () async throws -> String)?
    private var cache: [Key: String] = [:]
    /// Redacts every token that this source has returned.
    public nonisolated let redactor: Redactor

    private init(
        origin: Origin, admission: TokenAdmission = .anywhere, expired: (@Sendable () async throws -> String)?
    ) {
        self.origin = origin
        self.admission = admission
        self.expired = expired
        redactor = Redactor()
    }

    /// A single token for all requests.
    ///
    /// - Throws: ``TokenProblem`` when it is not valid in a header, or `admission` does not allow it.
    public static func fixed(
        _ token: String, from origin: String = "--token", admission: TokenAdmission = .anywhere, expired: String? = nil
    ) throws(TokenProblem) -> TokenSource {
        let token = try TokenText.checked(token, origin: origin)
        try admission.check(token, from: origin)
        return TokenSource(
            origin: .fixed(token), admission: admission, expired: try expiredProvider(expired, admission))
    }

    /// A program that prints tokens: called as `BIN`, `BIN --user U`, `BIN --role R` or `BIN --user U --role R`.
    ///
    /// - Parameters:
    ///   - limit: maximum duration of one run of the program, which is then killed.
    ///   - admission: checks every token that the program prints, before it is sent.
    ///   - expired: an expired token, if the operator has one.
    /// - Throws: ``TokenProblem`` when `expired` has not expired, is not valid in a header, or may not be sent.
    public static func program(
        _ program: ExternalProgram, limit: Duration = programTimeout, admission: TokenAdmission = .anywhere,
        expired: String? = nil
    ) throws(TokenProblem) -> TokenSource {
        TokenSource(
            origin: .program(program, limit), admission: admission, expired: try expiredProvider(expired, admission))
    }

    private static func expiredProvider(
        _ token: String?, _ admission: TokenAdmission
    ) throws(TokenProblem) -> (@Sendable () async throws -> String)? {
        guard let token else { return nil }
        let checked = try TokenText.checked(token, origin: "--expired-token")
        guard TokenText.hasExpired(checked) else { throw TokenProblem("--expired-token has no `exp` in the past") }
        try admission.check(checked, from: "--expired-token")
        return { checked }
    }

    /// An issuer in this process. `expired` issues an expired token, if the issuer can.
    public static func provider(
        _ provider: @escaping Provider, expired: (@Sendable () async throws -> String)? = nil
    ) -> TokenSource {
        TokenSource(origin: .provider(provider), expired: expired)
    }

    /// No tokens: calls are sent without credentials.
    public static func withoutCredentials() -> TokenSource { TokenSource(origin: .none, expired: nil) }

    /// Whether tokens with different roles can be requested. The tests decide whether the deployment distinguishes them.
    nonisolated var hasRoles: Bool {
        switch origin {
        case .none, .fixed: false
        case .program, .provider: true
        }
    }

    /// Whether requests have a token; false with `--no-auth`.
    nonisolated var hasTokens: Bool {
        if case .none = origin { false } else { true }
    }

    /// Whether a single token, whose rights are unknown, is used for all requests.
    nonisolated var hasSingleToken: Bool { hasTokens && !hasRoles }

    /// The credential of a kind of caller: its token, or the only token, or none with `--no-auth`.
    func credential(_ persona: Persona) async throws -> Credential {
        guard hasTokens else { return .none }
        let name = hasRoles ? "\(persona.name) token" : "the provided token"
        return .bearer(try await token(role: persona.role), name: name)
    }

    /// The token for a role.
    ///
    /// - Throws: ``TokenProblem``.
    func token(user: String? = nil, role: String?) async throws -> String {
        let key = Key(user: user, role: role)
        if let cached = cache[key], !TokenText.expiresSoon(cached) { return cached }
        let token: String
        switch origin {
        case .none:
            throw TokenProblem("this run has no token (--no-auth)")
        case .fixed(let fixed):
            token = fixed
        case .program(let program, let limit):
            token = try await mint(program, limit, user: user, role: role)
        case .provider(let provider):
            token = try TokenText.checked(try await provider(user, role), origin: "the local issuer")
        }
        redactor.register(token)
        cache[key] = token
        return token
    }

    /// The token of a command that sends one request, for the default user and role.
    public func defaultToken() async throws -> String { try await token(role: nil) }

    /// An expired token, or nil if none is available.
    func expiredToken() async throws -> String? {
        guard let expired else { return nil }
        let token = try await expired()
        redactor.register(token)
        return token
    }

    private func mint(
        _ program: ExternalProgram, _ limit: Duration, user: String?, role: String?
    ) async throws -> String {
        var arguments: [String] = []
        if let user { arguments += ["--user", user] }
        if let role { arguments += ["--role", role] }
        let call = ([program.name] + arguments).joined(separator: " ")
        func problem(_ what: String, _ errors: String, hint: String) -> TokenProblem {
            let lastOutput = redactor.redact(ExternalProgram.onOneLine(errors))
            return TokenProblem(
                "--token-binary: `\(call)` \(what); \(lastOutput.isEmpty ? hint : "its stderr: \(lastOutput)")")
        }
        let result: ExternalProgram.Result
        do {
            result = try await program.run(arguments, limit: limit)
        } catch let problem as ExternalProgram.Problem {
            throw TokenProblem("--token-binary: \(redactor.redact(problem.description))")
        }
        let output = result.output.trimmingCharacters(in: .whitespacesAndNewlines)
        guard result.status == 0 else {
            let end =
                result.wasKilled ? "was terminated by signal \(result.status)" : "exited with status \(result.status)"
            throw problem(end, result.errors, hint: "no output on stderr: run it manually to see why")
        }
        let expectation = "it must print a JWT, and no other output, on standard output"
        guard !output.isEmpty else { throw problem("printed no output", result.errors, hint: expectation) }
        guard TokenText.isJWT(output) else {
            let what = "printed output that is not a JWT (\(output.utf8.count) bytes)"
            throw problem(what, result.errors, hint: expectation)
        }
        try admission.check(output, from: "--token-binary")
        return output
    }
}

/// Why there is no token; one sentence for the operator.
public struct TokenProblem: Error, Sendable, CustomStringConvertible {
    public let description: String
    /// Whether it is a usage error: the operator has to change the command line.
    public let isWrongUsage: Bool

    public init(_ description: String, isWrongUsage: Bool = false) {
        self.description = description
        self.isWrongUsage = isWrongUsage
    }
}
