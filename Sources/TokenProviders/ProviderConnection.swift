import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NetworkErrors
import OutgoingTLS

/// The HTTP client for providers: no redirects, no cookies, limited in bytes and time.
struct ProviderConnection: Sendable {
    let client: HTTPClient
    /// Timeout for each response, from the first packet to the last byte.
    let limit: Duration

    private static let maxResponseSize = 1 << 20

    static func configuration(authoritiesFile: String) -> HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: OutgoingTLS.configuration(authoritiesFile: authoritiesFile),
            redirectConfiguration: .disallow)
        configuration.httpVersion = .http1Only
        return configuration
    }

    func get(_ address: String) async throws(TokenProviderProblem) -> ProviderResponse {
        try await send(HTTPClientRequest(url: address))
    }

    func post(_ form: FormRequest, to address: String) async throws(TokenProviderProblem) -> ProviderResponse {
        var request = HTTPClientRequest(url: address)
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "application/x-www-form-urlencoded")
        if let authorization = form.authorization { request.headers.add(name: "Authorization", value: authorization) }
        request.body = .bytes(ByteBuffer(string: form.body))
        return try await send(request)
    }

    private func send(_ request: HTTPClientRequest) async throws(TokenProviderProblem) -> ProviderResponse {
        let result = await withTaskGroup(of: Result<ProviderResponse, TokenProviderProblem>.self) { group in
            group.addTask { await fetchResponse(to: request) }
            // The HTTP client's own deadline ends with the response head; a body could then arrive indefinitely slowly.
            group.addTask { await expiry(of: request) }
            defer { group.cancelAll() }
            return await group.next() ?? .failure(.timedOut(at: Self.shown(request.url), limit: limit))
        }
        return try result.get()
    }

    private func expiry(of request: HTTPClientRequest) async -> Result<ProviderResponse, TokenProviderProblem> {
        do {
            try await ContinuousClock().sleep(for: limit)
            return .failure(.timedOut(at: Self.shown(request.url), limit: limit))
        } catch {
            return .failure(.unreachable(at: Self.shown(request.url), reason: "cancelled"))
        }
    }

    private func fetchResponse(to request: HTTPClientRequest) async -> Result<ProviderResponse, TokenProviderProblem> {
        var request = request
        let address = Self.shown(request.url)
        request.headers.add(name: "Accept", value: "application/json")
        request.headers.add(name: "User-Agent", value: "simpleai")
        do {
            let response = try await client.execute(request, timeout: TimeAmount(limit))
            var body: [UInt8] = []
            for try await piece in response.body {
                guard body.count + piece.readableBytes <= Self.maxResponseSize else {
                    return .failure(.tooLarge(at: address))
                }
                body += piece.readableBytesView
            }
            return .success(
                ProviderResponse(
                    address: address, status: Int(response.status.code),
                    contentType: response.headers.first(name: "Content-Type") ?? "", body: body))
        } catch let error as HTTPClientError where error == .deadlineExceeded || error == .connectTimeout {
            return .failure(.timedOut(at: address, limit: limit))
        } catch {
            return .failure(.unreachable(at: address, reason: NetworkErrorText.of(error)))
        }
    }

    /// Removes the query, which may contain secrets.
    private static func shown(_ address: String) -> String {
        DisplayText(String(address.prefix { $0 != "?" })).text
    }
}
