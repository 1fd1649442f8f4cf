import Foundation
import SimpleAICore
import Testing

@testable import RunnerProtocol

/// Every message, byte for byte as deployed machines write and read it.
@Suite struct GoldenMessageTests {
    static let status = RunnerStatus(
        health: .healthy,
        capabilities: [
            RunnerCapability(
                capability: "chat", status: "ready", modelID: "llama3:8b", activeRequests: 2,
                averageLatencyMilliseconds: 12.5, metadata: .object(["gpu": .number(1)]))
        ],
        engines: [
            EngineStatus(
                engineType: "ollama", isHealthy: true, version: "0.9.1", loadedModels: ["llama3.1:8b-q4"],
                availableModels: [
                    EngineModel(
                        id: "llama3.1:8b-q4", name: "Llama 3.1", sizeBytes: 4_900_000_000,
                        parameterCount: 8_000_000_000,
                        contextLength: 8192, quantization: "Q4_K_M", modifiedAt: "2025-01-02T03:04:05Z")
                ], batchSize: 4)
        ],
        metrics: RunnerMetrics(
            requestsProcessed: 7, averageLatencyMilliseconds: 1.5, gpuMemoryUsed: 10, gpuMemoryTotal: 20,
            cpuUsagePercent: 12.5, memoryUsed: 30),
        modelAliases: ["llama3:8b": "llama3.1:8b-q4"])

    static let statusFields = """
        "capabilities":[{"active_requests":2,"avg_latency_ms":12.5,"capability":"chat","metadata":{"gpu":1},\
        "model_id":"llama3:8b","status":"ready"}],\
        "engines":[{"available_models":[{"context_length":8192,"id":"llama3.1:8b-q4",\
        "modified_at":"2025-01-02T03:04:05Z","name":"Llama 3.1","parameter_count":8000000000,\
        "quantization":"Q4_K_M","size_bytes":4900000000}],"batch_size":4,"engine_type":"ollama","is_healthy":true,\
        "loaded_models":["llama3.1:8b-q4"],"version":"0.9.1"}],"health":"healthy",\
        "metrics":{"avg_latency_ms":1.5,"cpu_usage_percent":12.5,"gpu_memory_total":20,"gpu_memory_used":10,\
        "memory_used":30,"requests_processed":7},"model_aliases":{"llama3:8b":"llama3.1:8b-q4"}
        """

    static let smallStatus = RunnerStatus(health: .starting)
    static let smallFields = #""capabilities":[],"engines":[],"health":"starting","model_aliases":{}"#

    static let extended = RunnerStatus(
        health: .degraded,
        engines: [
            EngineStatus(
                engineType: "llama-server", isHealthy: false,
                availableModels: [EngineModel(id: "m", capabilities: [.rerank], capabilitiesAreGuessed: true)],
                error: "gone", slots: 8, active: 3, endpoints: [.rerank, .ollamaChat])
        ],
        power: PowerStatus(watts: 90.5, sleepable: true, sleepProblem: "exit code 1"))
    static let extendedFields = """
        "capabilities":[],"engines":[{"active":3,\
        "available_models":[{"capabilities":["rerank"],"capabilities_guessed":true,"id":"m","name":"m"}],\
        "batch_size":1,"endpoints":["/v1/rerank","/api/chat"],"engine_type":"llama-server","error":"gone","is_healthy":false,"loaded_models":[],"slots":8}],"health":"degraded","model_aliases":{},\
        "power":{"sleep_problem":"exit code 1","sleepable":true,"watts":90.5}
        """

    static let runnerMessages: [(RunnerMessage, String)] = [
        (
            .register(
                Registration(
                    runnerID: "gpu-1", runnerName: "GPU Server", machineType: "gpu-server", httpPort: 8081,
                    authToken: "secret", status: status, macAddress: MACAddress("aa-bb-cc-dd-ee-ff"))),
            """
            {"auth_token":"secret","http_port":8081,"mac_address":"AA:BB:CC:DD:EE:FF","machine_type":"gpu-server",\
            "protocol_version":1,"runner_id":"gpu-1","runner_name":"GPU Server","status":{\(statusFields)},\
            "type":"register"}
            """
        ),
        (
            .register(
                Registration(
                    runnerID: "gpu-2", runnerName: "Other", authToken: "t", status: smallStatus,
                    extensions: [.sleep, .httpAuth, .slots, .power], httpBaseURL: "http://gpu-2.lan:9/x")),
            """
            {"auth_token":"t","extensions":["http_auth","power","sleep","slots"],\
            "http_base_url":"http://gpu-2.lan:9/x","http_port":8080,"protocol_version":1,"runner_id":"gpu-2",\
            "runner_name":"Other","status":{\(smallFields)},"type":"register"}
            """
        ),
        (
            .register(
                Registration(
                    runnerID: "gpu-3", runnerName: "gpu-3", authToken: "invitation", ownToken: "own",
                    status: smallStatus)),
            """
            {"auth_token":"invitation","http_port":8080,"own_token":"own","protocol_version":1,"runner_id":"gpu-3",\
            "runner_name":"gpu-3","status":{\(smallFields)},"type":"register"}
            """
        ),
        (.heartbeat(status), "{\(statusFields),\"type\":\"heartbeat\"}"),
        (.heartbeat(extended), "{\(extendedFields),\"type\":\"heartbeat\"}"),
        (.statusUpdate(smallStatus), "{\(smallFields),\"type\":\"status_update\"}"),
        (
            .commandResponse(CommandResponse(requestID: "r1", success: true)),
            #"{"request_id":"r1","success":true,"type":"command_response"}"#
        ),
        (
            .commandResponse(CommandResponse(requestID: "r2", success: false, error: "no", status: smallStatus)),
            #"{"error":"no","request_id":"r2","status":{"# + smallFields
                + #"},"success":false,"type":"command_response"}"#
        ),
    ]

    static let gatewayMessages: [(GatewayMessage, String)] = [
        (.registerAck("gpu-1"), #"{"runner_id":"gpu-1","type":"register_ack"}"#),
        (
            .registerAck("gpu-1", extensions: [.slots, .sleep]),
            #"{"extensions":["sleep","slots"],"runner_id":"gpu-1","type":"register_ack"}"#
        ),
        (
            .loadModel("org/model:8b", requestID: "r1"),
            #"{"model_id":"org/model:8b","request_id":"r1","type":"load_model"}"#
        ),
        (.unloadModel("m", requestID: "r2"), #"{"model_id":"m","request_id":"r2","type":"unload_model"}"#),
        (.requestStatus(requestID: "r3"), #"{"request_id":"r3","type":"request_status"}"#),
        (.ping(timestamp: 1_700_000_000), #"{"timestamp":1700000000,"type":"ping"}"#),
        (
            .error(.authFailed, message: "Wrong token."),
            #"{"code":"AUTH_FAILED","message":"Wrong token.","type":"error"}"#
        ),
        (.sleep(requestID: "r4"), #"{"request_id":"r4","type":"sleep"}"#),
    ]

    @Test(arguments: runnerMessages.indices) func runnerMessagesMatchTheirText(_ index: Int) throws {
        let (message, text) = Self.runnerMessages[index]
        #expect(MessageCodec.text(message) == text)
        #expect(try MessageCodec.runnerMessage(text) == message)
    }

    @Test(arguments: gatewayMessages.indices) func gatewayMessagesMatchTheirText(_ index: Int) throws {
        let (message, text) = Self.gatewayMessages[index]
        #expect(MessageCodec.text(message) == text)
        #expect(try MessageCodec.gatewayMessage(text) == message)
    }

    @Test func everyHealthHasItsName() {
        let names = RunnerStatus.Health.allCases.map(\.rawValue)
        #expect(names == ["healthy", "degraded", "starting", "shutting_down", "unhealthy"])
        #expect(RunnerStatus.Health.allCases.filter(\.admitsCalls) == [.healthy, .degraded])
    }

    @Test func errorCodesHaveTheirNames() {
        let codes: [ProtocolErrorCode] = [.timeout, .parseError, .protocolError, .authFailed]
        #expect(codes.map(\.rawValue) == ["TIMEOUT", "PARSE_ERROR", "PROTOCOL_ERROR", "AUTH_FAILED"])
    }
}
