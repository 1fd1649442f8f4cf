import AsyncHTTPClient
import Foundation
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import NetworkErrors

/// Queries and commands to an engine, separate from calls: small JSON documents over HTTP.
struct EngineControl: Sendable {
    /// Without a trailing slash.
    let url: String
    let apiKey: String
    var timeout: Duration = .seconds(5)

    private static let maxResponseSize = 8 << 20
    /// Lives as long as the process. It reports a refused connection immediately instead of retrying until the timeout,
    /// because the agent starts an engine that does not listen.
    private static let client: HTTPClient = {
        var configuration = HTTPClient.Configuration.singletonConfiguration
        configuration.connectionPool.retryConnectionEstablishment = false
        return HTTPClient(eventLoopGroup: HTTPClient.defaultEventLoopGroup, configuration: configuration)
    }()
    private static let timeouts: [HTTPClientError] = [.deadlineExceeded, .readTimeout, .connectTimeout]

    func get<Body: Decodable>(_ path: String, as type: Body.Type = Body.self) async throws(EngineFault) -> Body {
        try decode(type, from: try await send(.GET, path, nil, timeout))
    }

    /// - Parameter timeout: maximum time for the engine's response.
    @discardableResult
    func post(
        _ path: String, _ body: some Encodable & Sendable, timeout: Duration? = nil
    ) async throws(EngineFault) -> ByteBuffer {
        let document: Data
        do {
            document = try JSONEncoder().encode(body)
        } catch {
            throw .unexpectedResponse
        }
        return try await send(.POST, path, document, timeout ?? self.timeout)
    }

    func decode<Body: Decodable>(_ type: Body.Type, from bytes: ByteBuffer) throws(EngineFault) -> Body {
        do {
            return try JSONDecoder().decode(type, from: bytes)
        } catch {
            throw .unexpectedResponse
        }
    }

    /// The status of the response, whatever it is; nil if there is none.
    func status(_ method: HTTPMethod, _ path: String, _ body: String? = nil) async -> Int? {
        do throws(EngineFault) {
            _ = try await send(method, path, body.map { Data($0.utf8) }, timeout)
            return 200
        } catch .errorStatus(let status, _) {
            return status
        } catch {
            return nil
        }
    }

    private func send(
        _ method: HTTPMethod, _ path: String, _ body: Data?, _ timeout: Duration
    ) async throws(EngineFault) -> ByteBuffer {
        var request = HTTPClientRequest(url: url + path)
        request.method = method
        request.headers.add(name: "Accept", value: "application/json")
        // Engines close idle connections after a few seconds (llama.cpp and uvicorn: 5 s, the interval of inspections). A
        // request that such a close crosses would fail, and the engine would count as unhealthy.
        request.headers.add(name: "Connection", value: "close")
        if !apiKey.isEmpty { request.headers.add(name: "Authorization", value: "Bearer \(apiKey)") }
        if let body {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(data: body))
        }
        do {
            let response = try await Self.client.execute(request, timeout: TimeAmount(timeout))
            let bytes = try await response.body.collect(upTo: Self.maxResponseSize)
            guard (200...299).contains(response.status.code) else {
                throw EngineFault.errorStatus(Int(response.status.code), Self.errorMessage(in: bytes))
            }
            return bytes
        } catch let fault as EngineFault {
            throw fault
        } catch let error as HTTPClientError where Self.timeouts.contains(error) {
            throw .timeout
        } catch is NIOTooManyBytesError {
            throw .unexpectedResponse
        } catch {
            throw .unreachable(NetworkErrorText.of(error))
        }
    }

    /// The engine's own error message, from `{"error": "…"}` or `{"error": {"message": "…"}}`.
    private static func errorMessage(in body: ByteBuffer) -> String {
        struct Short: Decodable { let error: String }
        struct Long: Decodable {
            struct Inner: Decodable { let message: String }
            let error: Inner
        }
        let decoder = JSONDecoder()
        let message =
            (try? decoder.decode(Short.self, from: body))?.error
            ?? (try? decoder.decode(Long.self, from: body))?.error.message
        return String((message ?? "").prefix(300))
    }
}
