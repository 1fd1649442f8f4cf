import Foundation
import Settings
import SimpleAICore
import TestSupport
import Testing

@testable import RunnerAgent

@Suite struct AgentCredentialTests {
    private func withSettings(_ token: String, _ body: (RunnerSettings) throws -> Void) throws {
        try inTemporaryDirectory { directory in
            var settings = RunnerSettings()
            settings.id = "gpu-1"
            settings.token = token
            settings.stateFile = directory.appendingPathComponent("state.json").path
            try body(settings)
        }
    }

    @Test func `another token is used as it is, and no file is written`() throws {
        try withSettings("shared") { settings in
            let credential = try AgentCredential(settings)
            #expect(credential.registration == ("shared", nil))
            #expect(credential.secret == "shared")
            try credential.registered()
            #expect(!FileManager.default.fileExists(atPath: settings.stateFile))
        }
    }

    @Test func `an invitation is exchanged for a token that is stored first`() throws {
        let invitation = RunnerTokenText.makeInvitation()
        try withSettings(invitation) { settings in
            let credential = try AgentCredential(settings)
            let (first, own) = credential.registration
            #expect(first == invitation)
            let ownToken = try #require(own)
            #expect(RunnerTokenText.isOwn(ownToken))
            #expect(credential.secret == ownToken, "the gateway's calls contain the own token from the beginning")
            let mode = try FileManager.default.attributesOfItem(atPath: settings.stateFile)[.posixPermissions] as? Int
            #expect(mode == 0o600)

            // The agent restarts before the acknowledgement: it repeats the same exchange.
            let restarted = try AgentCredential(settings)
            #expect(restarted.registration == (invitation, ownToken))
            try restarted.registered()
            #expect(restarted.registration == (ownToken, nil))
            let later = try AgentCredential(settings)
            #expect(later.registration == (ownToken, nil))
            let text = try String(contentsOfFile: settings.stateFile, encoding: .utf8)
            #expect(!text.contains(invitation))
        }
    }

    @Test func `a newer invitation and another id get tokens of their own`() throws {
        try withSettings(RunnerTokenText.makeInvitation()) { settings in
            let first = try AgentCredential(settings)
            try first.registered()
            var other = settings
            other.token = RunnerTokenText.makeInvitation()
            let second = try AgentCredential(other)
            #expect(second.secret != first.secret)
            #expect(second.registration.authToken == other.token)
            try second.registered()
            other.id = "gpu-2"
            let third = try AgentCredential(other)
            #expect(third.secret != second.secret)
            #expect(third.registration.authToken == other.token)
        }
    }

    @Test func `a damaged file is replaced`() throws {
        try withSettings(RunnerTokenText.makeInvitation()) { settings in
            try Data("{".utf8).write(to: URL(fileURLWithPath: settings.stateFile))
            let credential = try AgentCredential(settings)
            #expect(credential.registration.ownToken != nil)
            #expect(try AgentCredential(settings).secret == credential.secret)
        }
    }

    @Test func `an incomplete invitation and an unusable file are named`() throws {
        try withSettings("simpleai-join-abc") { settings in
            #expect(throws: RunnerAgentStartError.self) { try AgentCredential(settings) }
        }
        try withSettings(RunnerTokenText.makeInvitation()) { settings in
            var other = settings
            other.stateFile = settings.stateFile + "/missing/state.json"
            do {
                _ = try AgentCredential(other)
                Issue.record("a missing folder is no error")
            } catch {
                #expect("\(error)".contains(other.stateFile) && "\(error)".contains("state_file"))
            }
        }
    }
}
