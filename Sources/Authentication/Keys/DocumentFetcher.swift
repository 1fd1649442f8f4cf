import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOSSL
import NetworkErrors

/// Bounds on what an issuer can make us do.
struct KeyFetchLimits: Sendable {
    /// Bytes of one document.
    var size = 1 << 20
    /// For one document, from the first packet to the last byte.
    var time: Duration = .seconds(10)
    /// Pauses after failures grow from the first to the last, doubling.
    var firstRetry: Duration = .seconds(1)
    var lastRetry: Duration = .seconds(30)
    /// The first pause before a key that was not found is asked for again; nil: it follows from the issuer's cooldown.
    var firstSearchPause: Duration?
    /// How long a call waits for a fetch that is due later, and how many calls of an issuer do so at once; the others are
    /// judged by the keys that are known.
    var maxSearchWait: Duration = .seconds(8)
    var maxDeferredSearches = 64
    /// How often a local file is looked at.
    var filePoll: Duration = .seconds(1)
}

/// Gets one document over HTTP: only status 200, never along a redirect, never more bytes or time than allowed.
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

    /// - Parameter authorization: of the header of that name; nil: none is sent.
    func document(at address: String, authorization: String? = nil) async throws(KeySourceFault) -> [UInt8] {
        let result = await withTaskGroup(of: Result<[UInt8], KeySourceFault>.self) { group in
            group.addTask { await get(address, authorization) }
            // The client's own deadline ends with the response head; a body may then drip for ever.
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
        // The second is the type of key sets (RFC 7517 §8.5); Kubernetes serves them under no other.
        request.headers.add(name: "Accept", value: "application/json, application/jwk-set+json, */*;q=0.1")
        request.headers.add(name: "User-Agent", value: "simpleai")
        if let authorization { request.headers.add(name: "Authorization", value: authorization) }
        do {
            let response = try await client.execute(request, timeout: TimeAmount(limits.time))
            guard response.status == .ok else { return .failure(.status(Int(response.status.code))) }
            var document: [UInt8] = []
            for try await chunk in response.body {
                guard document.count + chunk.readableBytes <= limits.size else { return .failure(.tooLarge) }
                document += chunk.readableBytesView
            }
            return .success(document)
        } catch let error as HTTPClientError where error == .deadlineExceeded {
            return .failure(.timeout)
        } catch {
            return .failure(.unreachable(reason: NetworkErrorText.of(error)))
        }
    }
}
