import Foundation
import RunnerAgent
import RunnerProtocol
import Settings
import SimpleAICore
import Testing
import WebSocketTransport

extension Integration {
    /// Runners that join with an invitation, against a live gateway without `fleet.token`.
    @Suite struct InvitationTests {
        private typealias Engine = ScriptedEngine

        private static func invite(
            _ id: String, on gateway: RunningGateway, address: String? = nil
        ) async throws -> String {
            let more = address.map { ",\"address\":\"\($0)\"" } ?? ""
            let response = try await gateway.send(
                "{\"runner_id\":\"\(id)\"\(more)}", "POST", "/admin/api/invitations", roles: ["admin"])
            #expect(response.status == 201, "\(response.text)")
            let invitation = try response.json()
            #expect(invitation["runner_id"] as? String == id)
            #expect(invitation["path"] as? String == "/ws/runners")
            return try #require(invitation["token"] as? String)
        }

        /// The gateway's response to a registration.
        private static func register(
            _ id: RunnerID, _ token: String, own: String? = nil, on gateway: RunningGateway
        ) async throws -> GatewayMessage {
            let agent = try await ScriptedAgent.connect(to: gateway)
            agent.say(
                .register(
                    ScriptedAgent.registration(id, port: 9) { registration in
                        registration.authToken = token
                        registration.ownToken = own
                    }))
            let response = try await agent.next()
            agent.connection.socket.close()
            return response
        }

        private static func expectRefusal(
            _ response: GatewayMessage, _ part: String, sourceLocation: SourceLocation = #_sourceLocation
        ) {
            guard case .error(.authFailed, let message) = response else {
                Issue.record("\(response)", sourceLocation: sourceLocation)
                return
            }
            #expect(message.contains(part), "\(message)", sourceLocation: sourceLocation)
        }

        @Test func `an agent joins with an invitation, serves calls, and joins again with its own token`() async throws
        {
            try await withAgentsWelcome(Engine.wellBehaved, settings: { $0.fleet.token = "" }) { gateway, engine in
                let invitation = try await Self.invite("a1", on: gateway)
                let stateFile = gateway.stateFile + ".agent"
                for _ in 0..<2 {
                    // The second time the invitation is used, and the agent has its own token.
                    try await JoinedAgent.with(of: gateway, engine: engine) { settings in
                        settings.token = invitation
                        settings.stateFile = stateFile
                    } _: { _ in
                        let response = try await gateway.send(RunningGateway.chat("m"))
                        #expect(response.status == 200)
                    }
                }
                let stored = try String(contentsOfFile: stateFile, encoding: .utf8)
                #expect(stored.contains("simpleai-runner-"))
                let gatewaysFile = try String(contentsOfFile: gateway.stateFile + ".runners", encoding: .utf8)
                #expect(!gatewaysFile.contains("simpleai-"), "the gateway stores digests only")
            }
        }

        @Test func `an invitation that is used, of another runner or of another gateway is refused`() async throws {
            try await withEngine(Engine.wellBehaved) { gateway, _ in
                let invitation = try await Self.invite("a1", on: gateway)
                let (own, other) = (RunnerTokenText.makeOwn(), RunnerTokenText.makeOwn())
                Self.expectRefusal(
                    try await Self.register("a2", invitation, own: own, on: gateway), "is for the runner a1, not for a2"
                )
                Self.expectRefusal(try await Self.register("a1", invitation, on: gateway), "own_token")
                let ack = try await Self.register("a1", invitation, own: own, on: gateway)
                guard case .registerAck("a1", _) = ack else { throw CancellationError() }
                Self.expectRefusal(
                    try await Self.register("a1", invitation, own: other, on: gateway), "already used")
                Self.expectRefusal(
                    try await Self.register("a1", RunnerTokenText.makeInvitation(), own: other, on: gateway),
                    "this gateway did not issue it")
                Self.expectRefusal(try await Self.register("a1", other, on: gateway), "has a token of its own")
                // An acknowledgement that was lost.
                let again = try await Self.register("a1", invitation, own: own, on: gateway)
                guard case .registerAck("a1", _) = again else { throw CancellationError() }
                let later = try await Self.register("a1", own, on: gateway)
                guard case .registerAck("a1", _) = later else { throw CancellationError() }
            }
        }

        @Test func `two machines with one invitation get one place`() async throws {
            try await withEngine(Engine.wellBehaved) { gateway, _ in
                let invitation = try await Self.invite("a1", on: gateway)
                async let first = Self.register("a1", invitation, own: RunnerTokenText.makeOwn(), on: gateway)
                async let second = Self.register("a1", invitation, own: RunnerTokenText.makeOwn(), on: gateway)
                let responses = try await [first, second]
                let admitted = responses.count { if case .registerAck = $0 { true } else { false } }
                #expect(admitted == 1, "\(responses)")
            }
        }

        @Test func `an invitation for an address is refused elsewhere`() async throws {
            try await withEngine(Engine.wellBehaved) { gateway, _ in
                let invitation = try await Self.invite("a1", on: gateway, address: "192.0.2.7")
                Self.expectRefusal(
                    try await Self.register("a1", invitation, own: RunnerTokenText.makeOwn(), on: gateway),
                    "for the machine at 192.0.2.7 only")
            }
        }

        @Test func `a revoked runner is disconnected, and cannot return`() async throws {
            try await withEngine(Engine.wellBehaved) { gateway, _ in
                let invitation = try await Self.invite("a1", on: gateway)
                let own = RunnerTokenText.makeOwn()
                let agent = try await ScriptedAgent.join(gateway, as: "a1", port: 9) { registration in
                    registration.authToken = invitation
                    registration.ownToken = own
                }
                let revoked = try await gateway.send(
                    "", "DELETE", "/admin/api/invitations/a1", roles: ["admin"])
                #expect(revoked.status == 200, "\(revoked.text)")
                _ = try await agent.end()
                Self.expectRefusal(try await Self.register("a1", own, on: gateway), "accepts no agents")
                let again = try await gateway.send("", "DELETE", "/admin/api/invitations/a1", roles: ["admin"])
                #expect(again.status == 404)
            }
        }

        @Test func `only administrators invite, and only valid runners`() async throws {
            try await withEngine(Engine.wellBehaved) { gateway, _ in
                let body = #"{"runner_id":"a1"}"#
                let path = "/admin/api/invitations"
                #expect(try await gateway.send(body, "POST", path, roles: []).status == 403)
                #expect(try await gateway.send(body, "POST", path, token: "", roles: []).status == 401)
                let taken = gateway.settings.runners[0].id.rawValue
                for bad in [
                    "{}", "[]", #"{"runner_id":""}"#, #"{"runner_id":"a b"}"#,
                    #"{"runner_id":"a","adress":"10.0.0.1"}"#,
                    #"{"runner_id":"a","address":"gpu.lan"}"#, #"{"runner_id":7}"#, "{\"runner_id\":\"\(taken)\"}",
                ] {
                    let response = try await gateway.send(bad, "POST", path, roles: ["admin"])
                    #expect(response.status == 400, "\(bad): \(response.text)")
                }
            }
        }
    }
}
