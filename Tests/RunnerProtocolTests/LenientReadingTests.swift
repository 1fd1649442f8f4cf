import Foundation
import SimpleAICore
import Testing

@testable import RunnerProtocol

/// Messages of other versions and other implementations.
@Suite struct LenientReadingTests {
    private func registration(_ text: String) throws -> Registration? {
        guard case .register(let registration)? = try MessageCodec.runnerMessage(text) else { return nil }
        return registration
    }

    @Test func messagesOfUnknownTypesAreIgnored() throws {
        #expect(try MessageCodec.runnerMessage(#"{"type":"telemetry","x":[1]}"#) == nil)
        #expect(try MessageCodec.gatewayMessage(#"{"type":"reboot"}"#) == nil)
        #expect(try MessageCodec.gatewayMessage(#"{"type":"register"}"#) == nil)
        #expect(try MessageCodec.runnerMessage(#"{"type":"ping"}"#) == nil)
    }

    @Test func unknownFieldsAreIgnored() throws {
        let text =
            #"{"type":"heartbeat","health":"healthy","weather":{"rain":true},"engines":[{"is_healthy":true,"x":1}]}"#
        guard case .heartbeat(let status)? = try MessageCodec.runnerMessage(text) else {
            Issue.record("no heartbeat")
            return
        }
        #expect(status.health == .healthy)
        #expect(status.engines.map(\.batchSize) == [1])
    }

    @Test func missingFieldsHaveDefaults() throws {
        let small = #"{"type":"register","runner_id":"a","status":{"health":"healthy"}}"#
        let registration = try #require(try registration(small))
        #expect(registration.httpPort == 8080)
        #expect(registration.protocolVersion == 1)
        #expect(registration.authToken == "")
        #expect(registration.runnerName == "a")
        #expect(registration.extensions.isEmpty)
    }

    @Test func nullCountsAsAbsent() throws {
        let text = """
            {"type":"register","runner_id":"a","runner_name":"A","machine_type":null,"http_port":1,"protocol_version":1,\
            "auth_token":"t","mac_address":null,"status":{"health":"healthy","capabilities":[],"metrics":null,\
            "model_aliases":{},"engines":[{"engine_type":"x","is_healthy":true,"version":null,"loaded_models":[],\
            "available_models":[{"id":"m","name":"m","size_bytes":null}],"error":null,"batch_size":1}]}}
            """
        let registration = try #require(try registration(text))
        #expect(registration.machineType == nil && registration.macAddress == nil)
        #expect(registration.status.engines.first?.availableModels == [EngineModel(id: "m")])
    }

    /// Endpoints and capabilities of a newer agent, or of a wrong type, count as unknown.
    @Test(
        arguments: [
            (#""endpoints":["/v1/messages","/v9/dream","/v1/messages"]"#, [.messages], nil, nil),
            (#""endpoints":["/v9/dream"]"#, nil, nil, nil), (#""endpoints":[]"#, nil, nil, nil),
            (#""endpoints":"/v1/messages""#, nil, nil, nil),
            (#""endpoints":[7,"/rerank"]"#, [.rerankUnversioned], nil, nil),
            (#""available_models":[{"id":"m","capabilities":["chat","telepathy",1]}]"#, nil, [.chat], nil),
            (#""available_models":[{"id":"m","capabilities":{},"capabilities_guessed":1}]"#, nil, nil, nil),
            (
                #""available_models":[{"id":"m","capabilities":["speech"],"capabilities_guessed":true}]"#, nil,
                [.speech],
                true
            ),
        ] as [(String, [Endpoint]?, [ModelCapability]?, Bool?)])
    func endpointsAndCapabilitiesAreOptional(
        fields: String, endpoints: [Endpoint]?, capabilities: [ModelCapability]?, isGuess: Bool?
    ) throws {
        let text = #"{"type":"heartbeat","health":"healthy","engines":[{"is_healthy":true,\#(fields)}]}"#
        guard case .heartbeat(let status)? = try MessageCodec.runnerMessage(text) else {
            Issue.record("no heartbeat")
            return
        }
        #expect(status.engines.first?.endpoints == endpoints)
        #expect(status.engines.first?.availableModels.first?.capabilities == capabilities)
        #expect(status.engines.first?.availableModels.first?.capabilitiesAreGuessed == isGuess)
    }

    @Test func unknownHealthGetsNoCalls() throws {
        guard
            case .statusUpdate(let status)? = try MessageCodec.runnerMessage(
                #"{"type":"status_update","health":"dreaming"}"#)
        else {
            Issue.record("no status")
            return
        }
        #expect(status.health == .unhealthy)
    }

    @Test func detailsOfAnUnexpectedTypeCountAsAbsent() throws {
        let text = """
            {"type":"heartbeat","health":"healthy","metrics":"many","power":[],"engines":[{"is_healthy":true,\
            "version":3,"slots":"many","active":2.9,"available_models":[{"id":"m","parameter_count":"8B",\
            "size_bytes":1e300,"context_length":8192.0}]}]}
            """
        guard case .heartbeat(let status)? = try MessageCodec.runnerMessage(text) else {
            Issue.record("no heartbeat")
            return
        }
        #expect(status.metrics == nil && status.power == nil)
        let engine = try #require(status.engines.first)
        #expect(engine.version == nil && engine.slots == nil && engine.active == 2)
        #expect(engine.availableModels == [EngineModel(id: "m", contextLength: 8192)])
    }

    @Test func unknownExtensionsAndInvalidAddressesAreIgnored() throws {
        let text =
            #"{"type":"register","runner_id":"a","extensions":["warp","sleep"],"mac_address":"zz","status":{"health":"healthy"}}"#
        let registration = try #require(try registration(text))
        #expect(registration.extensions == [.sleep])
        #expect(registration.macAddress == nil)
        #expect(
            try MessageCodec.gatewayMessage(#"{"type":"register_ack","runner_id":"a","extensions":7}"#)
                == .registerAck("a"))
    }

    @Test func slotsAreAtLeastOne() throws {
        let text =
            #"{"type":"heartbeat","health":"healthy","engines":[{"is_healthy":true,"batch_size":0,"slots":-3,"active":-1}]}"#
        guard case .heartbeat(let status)? = try MessageCodec.runnerMessage(text) else {
            Issue.record("no heartbeat")
            return
        }
        let engine = try #require(status.engines.first)
        #expect(engine.batchSize == 1 && engine.slots == 1 && engine.active == 0)
    }

    @Test func numbersThatJSONCannotRepresentCountAsAbsent() throws {
        let status = RunnerStatus(
            health: .healthy, metrics: RunnerMetrics(requestsProcessed: 1, cpuUsagePercent: .nan))
        guard case .heartbeat(let read)? = try MessageCodec.runnerMessage(MessageCodec.text(.heartbeat(status))) else {
            Issue.record("no heartbeat")
            return
        }
        #expect(read.metrics == RunnerMetrics(requestsProcessed: 1))
    }
}
