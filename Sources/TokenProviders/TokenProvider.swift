import AsyncHTTPClient
public import Foundation
import NetworkErrors

/// Requests tokens from an OpenID Connect provider. This file contains the whole sequence: discovery, grant, response.
public struct TokenProvider<C: Clock>: Sendable where C.Duration == Duration {
    private let specification: TokenSpecification
    /// The clock for the pauses between polls.
    private let clock: C
    private let now: @Sendable () -> Date
    private let prompt: @Sendable (DevicePrompt) -> Void

    /// - Parameter prompt: shows the user where to enter which code.
    public init(
        _ specification: TokenSpecification, clock: C = ContinuousClock(),
        now: @escaping @Sendable () -> Date = { Date() },
        prompt: @escaping @Sendable (DevicePrompt) -> Void
    ) {
        self.specification = specification
        self.clock = clock
        self.now = now
        self.prompt = prompt
    }

    /// Requests a new token.
    public func token() async throws(TokenProviderProblem) -> ProvidedToken {
        try EndpointAddress.check(specification.issuer, allowsInsecure: specification.allowsInsecure)
        let result: Result<ProvidedToken, TokenProviderProblem>
        do {
            let configuration = ProviderConnection.configuration(authoritiesFile: specification.authoritiesFile)
            result = try await HTTPClient.withHTTPClient(configuration: configuration) { client in
                await outcome(over: ProviderConnection(client: client, limit: specification.timeout))
            }
        } catch {
            throw .unreachable(at: specification.issuer, reason: NetworkErrorText.of(error))
        }
        return try result.get()
    }

    private func outcome(over connection: ProviderConnection) async -> Result<ProvidedToken, TokenProviderProblem> {
        do throws(TokenProviderProblem) {
            let response = try await connection.get(EndpointAddress.discovery(of: specification.issuer))
            let document = try DiscoveryDocument(response, for: specification)
            let authentication = specification.client.authentication(among: document.authenticationMethods)
            if let request = specification.tokenRequest(authentication: authentication) {
                let response = try await connection.post(request, to: document.tokenEndpoint)
                if let refusal = response.refusal(hiding: specification.secrets) {
                    throw .refused(refusal, issuer: specification.issuer)
                }
                return .success(try ProvidedToken(response, for: specification, at: now()))
            }
            return .success(try await deviceFlowToken(document, authentication, connection))
        } catch {
            return .failure(error)
        }
    }

    /// The device flow: the user signs in with a browser while this program polls for the result.
    private func deviceFlowToken(
        _ document: DiscoveryDocument, _ authentication: OAuthClient.Authentication, _ connection: ProviderConnection
    ) async throws(TokenProviderProblem) -> ProvidedToken {
        guard let endpoint = document.deviceAuthorizationEndpoint else {
            throw .noEndpoint(issuer: specification.issuer, name: "device_authorization_endpoint")
        }
        let response = try await connection.post(
            specification.deviceAuthorizationRequest(authentication: authentication), to: endpoint)
        if let refusal = response.refusal(hiding: specification.secrets) {
            throw .refused(refusal, issuer: specification.issuer)
        }
        let authorization = try DeviceAuthorization(response)
        let request = specification.devicePollRequest(code: authorization.deviceCode, authentication: authentication)
        let start = clock.now
        prompt(authorization.prompt)
        var flow = DeviceFlow(
            issuer: specification.issuer, lifetime: authorization.lifetime, interval: authorization.interval)
        var action = flow.began()
        while true {
            switch action {
            case .succeed(let token): return token
            case .fail(let problem): throw problem
            case .poll(let pause):
                try await sleep(pause)
                let poll = try await poll(
                    request, at: document.tokenEndpoint, hiding: [authorization.deviceCode], connection)
                action = flow.polled(poll, at: start.duration(to: clock.now))
            }
        }
    }

    private func poll(
        _ request: FormRequest, at endpoint: String, hiding codes: [String], _ connection: ProviderConnection
    ) async throws(TokenProviderProblem) -> DeviceFlow.Poll {
        let response: ProviderResponse
        do throws(TokenProviderProblem) {
            response = try await connection.post(request, to: endpoint)
        } catch {
            switch error {
            case .timedOut, .unreachable: return .noResponse
            default: throw error
            }
        }
        if let refusal = response.refusal(hiding: specification.secrets + codes) { return .refused(refusal) }
        if response.status >= 500 || response.status == 429 { return .noResponse }
        return .granted(try ProvidedToken(response, for: specification, at: now()))
    }

    private func sleep(_ pause: Duration) async throws(TokenProviderProblem) {
        do {
            try await clock.sleep(for: pause)
        } catch {
            throw .unreachable(at: specification.issuer, reason: "cancelled")
        }
    }
}
