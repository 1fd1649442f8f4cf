import Foundation
import SimpleAICore
import Synchronization
import TestSupport
import Testing

@testable import Storage

/// Real files, and a clock that the test sets.
struct RunnerTokenStoreTests {
    private final class Clock: Sendable {
        private let time = Mutex(Date(timeIntervalSince1970: 1_800_000_000))
        var now: Date { time.withLock { $0 } }
        func advance(by seconds: Double) { time.withLock { $0 += seconds } }
    }

    private let clock = Clock()
    private let address = "10.0.0.7"

    private func withStore(_ body: (RunnerTokenStore, String) throws -> Void) throws {
        try inTemporaryDirectory { directory in
            let path = directory.appendingPathComponent("state.json.runners").path
            try body(try open(path), path)
        }
    }

    private func open(_ path: String) throws -> RunnerTokenStore {
        try RunnerTokenStore(path: path) { [clock] in clock.now }
    }

    private func verdict(
        _ store: RunnerTokenStore, _ id: RunnerID, _ token: String, own: String? = nil, from address: String? = nil
    ) -> RunnerCredentials.Verdict {
        store.verdict(on: id, token: token, ownToken: own, from: address ?? self.address)
    }

    private func exchange(
        _ store: RunnerTokenStore, _ id: RunnerID, _ token: String, _ own: String
    ) throws -> RunnerCredentials.Refusal? {
        try store.exchange(id, token: token, ownToken: own, from: address)
    }

    @Test func `an invitation is exchanged once, for a token that survives a restart`() throws {
        try withStore { store, path in
            #expect(store.isEmpty)
            let (invitation, expiry) = try store.invite("gpu-1")
            #expect(expiry.timeIntervalSince(clock.now) == 600)
            let (own, other) = (RunnerTokenText.makeOwn(), RunnerTokenText.makeOwn())
            #expect(verdict(store, "gpu-1", invitation, own: own) == .invited)
            #expect(!store.hasOwnToken("gpu-1"))
            #expect(try exchange(store, "gpu-1", invitation, own) == nil)
            #expect(store.hasOwnToken("gpu-1"))

            for store in [store, try open(path)] {
                #expect(verdict(store, "gpu-1", own) == .own)
                #expect(verdict(store, "gpu-1", other) == .refused(.wrongToken))
                #expect(verdict(store, "gpu-1", "shared") == .refused(.wrongToken))
                #expect(verdict(store, "gpu-2", "shared") == .undecided)
                #expect(verdict(store, "gpu-1", invitation, own: other) == .refused(.used))
                #expect(try exchange(store, "gpu-1", invitation, other) == .used)
                // Its acknowledgement was lost.
                #expect(verdict(store, "gpu-1", invitation, own: own) == .repeated)
                #expect(try exchange(store, "gpu-1", invitation, own) == nil)
            }
        }
    }

    @Test func `an invitation expires after ten minutes`() throws {
        try withStore { store, _ in
            let (invitation, _) = try store.invite("gpu-1")
            let own = RunnerTokenText.makeOwn()
            clock.advance(by: 599)
            #expect(verdict(store, "gpu-1", invitation, own: own) == .invited)
            clock.advance(by: 1)
            #expect(verdict(store, "gpu-1", invitation, own: own) == .refused(.expired))
            #expect(try exchange(store, "gpu-1", invitation, own) == .expired)
            #expect(!store.hasOwnToken("gpu-1"))
        }
    }

    @Test func `an invitation is for one id, one gateway and, if stated, one address`() throws {
        try withStore { store, path in
            let (invitation, _) = try store.invite("gpu-1", address: "10.0.0.7")
            let own = RunnerTokenText.makeOwn()
            #expect(verdict(store, "gpu-2", invitation, own: own) == .refused(.otherRunner("gpu-1")))
            #expect(verdict(store, "GPU-1", invitation, own: own) == .refused(.otherRunner("gpu-1")))
            #expect(
                verdict(store, "gpu-1", invitation, own: own, from: "10.0.0.8") == .refused(.otherAddress("10.0.0.7")))
            #expect(verdict(store, "gpu-1", invitation, own: own) == .invited)
            let elsewhere = try open(path + "2")
            #expect(verdict(elsewhere, "gpu-1", invitation, own: own) == .refused(.unknownInvitation))
        }
    }

    @Test func `a newer invitation replaces the older one, and its exchange replaces the own token`() throws {
        try withStore { store, _ in
            let (first, _) = try store.invite("gpu-1")
            let (second, _) = try store.invite("gpu-1")
            let (own, newer) = (RunnerTokenText.makeOwn(), RunnerTokenText.makeOwn())
            #expect(verdict(store, "gpu-1", first, own: own) == .refused(.unknownInvitation))
            #expect(try exchange(store, "gpu-1", second, own) == nil)
            let (third, _) = try store.invite("gpu-1")
            #expect(verdict(store, "gpu-1", own) == .own, "it stays valid until the invitation is exchanged")
            #expect(try exchange(store, "gpu-1", third, newer) == nil)
            #expect(verdict(store, "gpu-1", own) == .refused(.wrongToken))
            #expect(verdict(store, "gpu-1", newer) == .own)
        }
    }

    @Test(arguments: [nil, "", "secret", "simpleai-runner-short", "simpleai-join-" + String(repeating: "a", count: 51)])
    func `a weak own token is refused`(own: String?) throws {
        try withStore { store, _ in
            let (invitation, _) = try store.invite("gpu-1")
            #expect(verdict(store, "gpu-1", invitation, own: own) == .refused(.noOwnToken))
        }
    }

    @Test func `a revoked runner has to be invited again`() throws {
        try withStore { store, path in
            let (invitation, _) = try store.invite("gpu-1")
            let own = RunnerTokenText.makeOwn()
            _ = try exchange(store, "gpu-1", invitation, own)
            #expect(try store.revoke("gpu-1"))
            #expect(try !store.revoke("gpu-1"))
            for store in [store, try open(path)] {
                #expect(verdict(store, "gpu-1", own) == .undecided)
                #expect(verdict(store, "gpu-1", invitation, own: own) == .refused(.unknownInvitation))
                #expect(store.isEmpty)
            }
        }
    }

    @Test func `the file contains no token, and only its owner can read it`() throws {
        try withStore { store, path in
            let (invitation, _) = try store.invite("gpu-1", address: "10.0.0.7")
            let own = RunnerTokenText.makeOwn()
            _ = try exchange(store, "gpu-1", invitation, own)
            let text = try String(contentsOfFile: path, encoding: .utf8)
            #expect(!text.contains(invitation.suffix(20)) && !text.contains(own.suffix(20)))
            let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            #expect(mode == 0o600)
        }
    }

    @Test(arguments: [
        "{", "[]", "{}", #"{"version":1,"invitations":[],"tokens":[{"id":"a","digest":"zz","created":1}]}"#,
    ])
    func `a damaged file is refused as a whole`(text: String) throws {
        try withStore { _, path in
            try Data(text.utf8).write(to: URL(fileURLWithPath: path))
            #expect(throws: RunnerTokenStoreError.unusable(path: path, reason: "it is damaged")) { try open(path) }
        }
    }

    @Test func `a file of a newer version is refused`() throws {
        try withStore { _, path in
            try Data(#"{"version":2,"invitations":[],"tokens":[]}"#.utf8).write(to: URL(fileURLWithPath: path))
            #expect(throws: RunnerTokenStoreError.self) { try open(path) }
        }
    }

    @Test func `a path that can contain no file contains no tokens, and its changes fail`() throws {
        try inTemporaryDirectory { directory in
            let occupied = directory.appendingPathComponent("occupied")
            try Data().write(to: occupied)
            let store = try open(occupied.appendingPathComponent("runners").path)
            #expect(store.isEmpty)
            #expect(throws: RunnerTokenStoreError.self) { try store.invite("gpu-1") }
            #expect(store.isEmpty)
        }
    }

    @Test func `a file that cannot be read is refused`() throws {
        try inTemporaryDirectory { directory in
            let path = directory.path
            #expect(throws: RunnerTokenStoreError.self) { _ = try open(path) }
        }
    }

    @Test func `a change that cannot be written is not made`() throws {
        try inTemporaryDirectory { directory in
            // A file in the place of a folder stops even root.
            let occupied = directory.appendingPathComponent("occupied")
            try Data().write(to: occupied)
            let folder = directory.appendingPathComponent("folder")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            let store = try open(folder.appendingPathComponent("runners").path)
            let (invitation, _) = try store.invite("gpu-1")
            try FileManager.default.removeItem(at: folder)
            try FileManager.default.moveItem(at: occupied, to: folder)
            let own = RunnerTokenText.makeOwn()
            #expect(throws: RunnerTokenStoreError.self) { try exchange(store, "gpu-1", invitation, own) }
            #expect(!store.hasOwnToken("gpu-1"))
            #expect(verdict(store, "gpu-1", invitation, own: own) == .invited)
        }
    }

    @Test func `the number of runners is limited`() {
        var credentials = RunnerCredentials()
        func invite(_ id: RunnerID, now: Int64 = 0) -> Bool {
            credentials.invite(id, digest: [], address: nil, now: now)
        }
        func exchange(_ id: RunnerID) -> Bool { credentials.exchange(id, for: [], now: 0) }
        for number in 0..<RunnerCredentials.limit {
            let isAdmitted = invite(RunnerID("r\(number)")) && exchange(RunnerID("r\(number)"))
            #expect(isAdmitted)
        }
        let (oneMore, known) = (invite("one-more"), invite("r0"))
        #expect(!oneMore)
        #expect(known, "a known runner may be invited again")
        let (later, exchanged) = (invite("one-more", now: 600 + RunnerCredentials.memory), exchange("one-more"))
        #expect(later && !exchanged)
    }
}
