import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOSSL
import NetworkErrors

/// Limits on the work that an issuer can cause.
struct KeyFetchLimits: Sendable {
    /// Maximum size of one document, in bytes.
    var size = 1 << 20
    /// Timeout for one document, from the first packet to the last byte.
    var time: Duration = .seconds(10)
    /// The pause after a failure doubles from `firstRetry` up to `lastRetry`.
    var firstRetry: Duration = .seconds(1)
    var lastRetry: Duration = .seconds(30)
    /// The first pause before a failed key search is repeated; nil: derived from the issuer's cooldown.
    var firstSearchPause: Duration?
    /// Maximum time for which a call waits until a fetch is due, and maximum number of calls per issuer that wait; others are
    /// verified with the known keys.
    var maxSearchWait: Duration = .seconds(8)
    var maxDeferredSearches = 64
    /// Interval between checks of a local file.
    var filePollInterval: Duration = .seconds(1)
}

/// Fetches documents over HTTP: accepts only status 200, follows no redirects, and limits bytes and time.
struct DocumentFetcher: Sendable {
    let client: HTTPClient
    let limits: KeyFetchLimits
    let tls: TLSConfiguration

    static var clientConfiguration: HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow, timeout: .init(connect: .seconds(5), read: .seconds(10)))
        configuration.httpVersion = .http1Only
        return configuration
    }

    /// - Parameter authorization: the value of the header field `Authorization`; nil: it is not sent.
    func document(at address: String, authorization: String? = nil) async throws(KeySourceFault) -> [UInt8] {
        let result = await withTaskGroup(of: Result<[UInt8], KeySourceFault>.self) { group in
            group.addTask { await get(address, authorization) }
            // The HTTP client's own deadline ends with the response head; a body could then arrive indefinitely slowly.
            group.addTask { await expiry() }
            defer { group.cancelAll() }
            return await group.next() ?? .failure(.timeout)
        }
        return try result.get()
    }

    private func expiry() async -> Result<[UInt8], KeySourceFault> {
        do {
            try await ContinuousClock().sleep(for: limits.time)
            return .failure(.timeout)
        } catch {
            return .failure(.unreachable(reason: "cancelled"))
        }
    }

    private func get(_ address: String, _ authorization: String?) async -> Result<[UInt8], KeySourceFault> {
        var request = HTTPClientRequest(url: address)
        request.tlsConfiguration = tls
        // The second is the media type of key sets (RFC 7517 §8.5), the only one under which Kubernetes serves them.
        request.headers.add(name: "Accept", value: "application/json, application/jwk-set+json, */*;q=0.1")
        request.headers.add(name: "User-Agent", value: "simpleai")
        if let authorization { request.headers.add(name: "Authorization", value: authorization) }
        do {
            let response = try await client.execute(request, timeout: TimeAmount(limits.time))
            guard response.status == .ok else { return .failure(.status(Int(response.status.code), url: address)) }
            var document: [UInt8] = []
            for try await piece in response.body {
                guard document.count + piece.readableBytes <= limits.size else { return .failure(.tooLarge) }
                document += piece.readableBytesView
            }
            return .success(document)
        } catch let error as HTTPClientError where error == .deadlineExceeded {
            return .failure(.timeout)
        } catch {
            return .failure(.unreachable(reason: NetworkErrorText.of(error)))
        }
    }
}
