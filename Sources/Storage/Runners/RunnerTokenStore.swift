import Crypto
public import Foundation
import OperatingSystem
public import SimpleAICore
import Synchronization

/// The invitations and own tokens of runners: in memory for registrations, in one file for the next start. The file contains
/// digests only.
///
/// `verdict` does not block; all changes do, because they are written before they take effect.
public final class RunnerTokenStore: Sendable {
    /// Enough for the maximum number of entries.
    private static let maxFileSize = 4 << 20

    private let file: StoredFile
    private let state: Mutex<RunnerCredentials>
    /// Serializes changes.
    private let changes = Mutex(())
    private let now: @Sendable () -> Date

    /// The file that belongs to a state file.
    public static func path(stateFile: String) -> String { stateFile + ".runners" }

    /// Reads the file if it exists. Blocks.
    /// - Parameter now: the wall clock; tests replace it.
    public init(path: String, now: @escaping @Sendable () -> Date = { Date() }) throws(RunnerTokenStoreError) {
        file = StoredFile(path: path)
        self.now = now
        state = Mutex(try Self.credentials(in: file))
    }

    private static func credentials(in file: StoredFile) throws(RunnerTokenStoreError) -> RunnerCredentials {
        let bytes: [UInt8]?
        do throws(StoredFile.Failure) {
            bytes = try file.read(atMost: maxFileSize)
        } catch .system(let error) where error.number == ENOTDIR {
            // Below a path that is no folder there can be no file: changes will fail, and state why.
            return RunnerCredentials()
        } catch {
            throw .unusable(path: file.path, reason: error.description)
        }
        guard let bytes else { return RunnerCredentials() }
        do throws(RunnerTokenStoreError.Fault) {
            return try RunnerCredentials(reading: bytes)
        } catch {
            throw .unusable(path: file.path, reason: error.description)
        }
    }

    /// Whether any runner is invited or has its own token.
    public var isEmpty: Bool { state.withLock { $0.invitations.isEmpty && $0.ownTokens.isEmpty } }

    /// Whether an id registers with its own token only.
    public func hasOwnToken(_ id: RunnerID) -> Bool { state.withLock { $0.ownTokens[id] != nil } }

    /// Judges a registration without changing anything. Does not block.
    public func verdict(
        on id: RunnerID, token: String, ownToken: String?, from address: String
    ) -> RunnerCredentials.Verdict {
        let digest = Self.digest(of: token)
        let ownDigest = Self.digest(ofOwn: ownToken)
        let now = seconds
        return state.withLock {
            $0.verdict(
                on: id, digest: digest, isInvitation: RunnerTokenText.isInvitation(token), ownDigest: ownDigest,
                address: address, now: now)
        }
    }

    /// Creates the invitation of a runner, and replaces its previous one. Blocks.
    /// - Parameter address: the only address from which it may be used; nil for any.
    /// - Returns: the one-time token, which cannot be shown again, and its expiry.
    public func invite(
        _ id: RunnerID, address: String? = nil
    ) throws(RunnerTokenStoreError) -> (token: String, expiry: Date) {
        let token = RunnerTokenText.makeInvitation()
        let digest = Self.digest(of: token)
        let now = seconds
        try change { credentials throws(RunnerTokenStoreError) in
            guard credentials.invite(id, digest: digest, address: address, now: now) else {
                throw .full(limit: RunnerCredentials.limit)
            }
        }
        return (token, Date(timeIntervalSince1970: Double(now + RunnerCredentials.invitationLifetime)))
    }

    /// Exchanges an invitation for the runner's own token. Blocks until that is written, so that no acknowledged token is
    /// lost. Judges again: another agent may have used the invitation meanwhile.
    /// - Returns: nil if the own token is valid now.
    public func exchange(
        _ id: RunnerID, token: String, ownToken: String, from address: String
    ) throws(RunnerTokenStoreError) -> RunnerCredentials.Refusal? {
        guard let ownDigest = Self.digest(ofOwn: ownToken) else { return .noOwnToken }
        let digest = Self.digest(of: token)
        let now = seconds
        var refusal: RunnerCredentials.Refusal?
        try change { credentials throws(RunnerTokenStoreError) in
            switch credentials.verdict(
                on: id, digest: digest, isInvitation: true, ownDigest: ownDigest, address: address, now: now)
            {
            case .invited:
                guard credentials.exchange(id, for: ownDigest, now: now) else {
                    throw .full(limit: RunnerCredentials.limit)
                }
            case .repeated, .own: break
            case .undecided: refusal = .unknownInvitation
            case .refused(let reason): refusal = reason
            }
        }
        return refusal
    }

    /// Withdraws the invitation and the own token of a runner. Blocks.
    /// - Returns: whether it had either.
    public func revoke(_ id: RunnerID) throws(RunnerTokenStoreError) -> Bool {
        var hadAny = false
        try change { credentials throws(RunnerTokenStoreError) in hadAny = credentials.revoke(id) }
        return hadAny
    }

    /// Applies a change to a copy, writes it, and then makes it effective.
    private func change(
        _ body: (inout RunnerCredentials) throws(RunnerTokenStoreError) -> Void
    ) throws(RunnerTokenStoreError) {
        let failure: RunnerTokenStoreError? = changes.withLock { _ in
            let before = state.withLock { $0 }
            var after = before
            do {
                try body(&after)
                guard after != before else { return nil }
                try file.replace(with: after.encoded(), mode: 0o600)
            } catch let error as RunnerTokenStoreError {
                return error
            } catch let error as StoredFile.Failure {
                return .notWritten(path: file.path, reason: error.description)
            } catch {
                return .notWritten(path: file.path, reason: "its content cannot be encoded")
            }
            state.withLock { $0 = after }
            return nil
        }
        if let failure { throw failure }
    }

    private static func digest(of token: String) -> [UInt8] { Array(SHA256.hash(data: Array(token.utf8))) }

    private static func digest(ofOwn token: String?) -> [UInt8]? {
        guard let token, RunnerTokenText.isOwn(token) else { return nil }
        return Self.digest(of: token)
    }

    private var seconds: Int64 { Int64(now().timeIntervalSince1970) }
}

/// Why an operation of the store failed. For operators; never contains a token.
public enum RunnerTokenStoreError: Error, Hashable, Sendable, CustomStringConvertible {
    case unusable(path: String, reason: String)
    /// A change could not be written and was not made.
    case notWritten(path: String, reason: String)
    case full(limit: Int)

    /// What is wrong with the file's content.
    enum Fault: Error, Hashable, CustomStringConvertible {
        case malformed
        case newer

        var description: String {
            switch self {
            case .malformed: "it is damaged"
            case .newer: "it was written by a newer version of SimpleAI"
            }
        }
    }

    public var description: String {
        switch self {
        case .unusable(let path, let reason):
            "the file of the runners' tokens \(path) cannot be used: \(reason); restore it from a backup, or remove it and "
                + "invite the runners again"
        case .notWritten(let path, let reason): "writing the runners' tokens to \(path) failed: \(reason)"
        case .full(let limit):
            "the limit of \(limit) runners is reached; revoke unused ones with `simpleai invite --revoke`"
        }
    }
}
