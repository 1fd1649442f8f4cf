import AsyncHTTPClient
public import Foundation
import NetworkErrors

/// Requests tokens from an OpenID Connect provider. This file contains the whole sequence: discovery, grant, response.
public struct TokenProvider<C: Clock>: Sendable where C.Duration == Duration {
    private let order: TokenOrder
    /// Measures the pauses between polls.
    private let clock: C
    private let now: @Sendable () -> Date
    private let prompt: @Sendable (DevicePrompt) -> Void

    /// - Parameter prompt: shows the user where to enter which code.
    public init(
        _ order: TokenOrder, clock: C = ContinuousClock(), now: @escaping @Sendable () -> Date = { Date() },
        prompt: @escaping @Sendable (DevicePrompt) -> Void
    ) {
        self.order = order
        self.clock = clock
        self.now = now
        self.prompt = prompt
    }

    /// Requests a new token.
    public func token() async throws(TokenProviderProblem) -> ProvidedToken {
        try EndpointAddress.check(order.issuer, allowsInsecure: order.allowsInsecure)
        let result: Result<ProvidedToken, TokenProviderProblem>
        do {
            let configuration = ProviderConnection.configuration(authoritiesFile: order.authoritiesFile)
            result = try await HTTPClient.withHTTPClient(configuration: configuration) { client in
                await outcome(over: ProviderConnection(client: client, limit: order.timeout))
            }
        } catch {
            throw .unreachable(at: order.issuer, reason: NetworkErrorText.of(error))
        }
        return try result.get()
    }

    private func outcome(over connection: ProviderConnection) async -> Result<ProvidedToken, TokenProviderProblem> {
        do throws(TokenProviderProblem) {
            let answer = try await connection.get(EndpointAddress.discovery(of: order.issuer))
            let document = try DiscoveryDocument(answer, for: order)
            let authentication = order.client.authentication(among: document.authenticationMethods)
            if let request = order.tokenRequest(authentication: authentication) {
                let answer = try await connection.post(request, to: document.tokenEndpoint)
                if let refusal = answer.refusal(hiding: order.secrets) {
                    throw .refused(refusal, issuer: order.issuer)
                }
                return .success(try ProvidedToken(answer, for: order, at: now()))
            }
            return .success(try await signedInElsewhere(document, authentication, connection))
        } catch {
            return .failure(error)
        }
    }

    /// The device flow: the user signs in with a browser while this program polls for the result.
    private func signedInElsewhere(
        _ document: DiscoveryDocument, _ authentication: OAuthClient.Authentication, _ connection: ProviderConnection
    ) async throws(TokenProviderProblem) -> ProvidedToken {
        guard let endpoint = document.deviceAuthorizationEndpoint else {
            throw .noEndpoint(issuer: order.issuer, name: "device_authorization_endpoint")
        }
        let answer = try await connection.post(
            order.deviceAuthorizationRequest(authentication: authentication), to: endpoint)
        if let refusal = answer.refusal(hiding: order.secrets) { throw .refused(refusal, issuer: order.issuer) }
        let authorization = try DeviceAuthorization(answer)
        let request = order.devicePollRequest(code: authorization.deviceCode, authentication: authentication)
        let start = clock.now
        prompt(authorization.prompt)
        var flow = DeviceFlow(
            issuer: order.issuer, lifetime: authorization.lifetime, interval: authorization.interval)
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
        let answer: ProviderAnswer
        do throws(TokenProviderProblem) {
            answer = try await connection.post(request, to: endpoint)
        } catch {
            switch error {
            case .silent, .unreachable: return .unanswered
            default: throw error
            }
        }
        if let refusal = answer.refusal(hiding: order.secrets + codes) { return .refused(refusal) }
        if answer.status >= 500 || answer.status == 429 { return .unanswered }
        return .granted(try ProvidedToken(answer, for: order, at: now()))
    }

    private func sleep(_ pause: Duration) async throws(TokenProviderProblem) {
        do {
            try await clock.sleep(for: pause)
        } catch {
            throw .unreachable(at: order.issuer, reason: "cancelled")
        }
    }
}
