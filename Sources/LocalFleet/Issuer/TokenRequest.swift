import Foundation
import NIOHTTP1
import NetworkErrors
public import SimpleAICore

/// Requests a token from a running development issuer.
public struct TokenRequest: Sendable {
    public var issuer: String
    public var user: String
    public var roles: [Role]
    public var lifetime: Duration

    public init(issuer: String, user: String, roles: [Role], lifetime: Duration) {
        self.issuer = issuer
        self.user = user
        self.roles = roles
        self.lifetime = lifetime
    }

    public enum Failure: Error, CustomStringConvertible {
        case unreachable(issuer: String, reason: String)
        case refused(issuer: String, status: Int, reason: String)

        public var description: String {
            switch self {
            case .unreachable(let issuer, let reason): "no response from the token issuer at \(issuer): \(reason)"
            case .refused(let issuer, let status, let reason):
                "the token issuer at \(issuer) returned status \(status): \(reason)"
            }
        }
    }

    private struct Grant: Decodable {
        let accessToken: String

        enum CodingKeys: String, CodingKey {
            case accessToken = "access_token"
        }
    }

    public func send() async throws -> String {
        let form = FormFields(
            [("grant_type", "client_credentials"), ("user", user), ("lifetime", "\(lifetime.components.seconds)")]
                + roles.map { ("role", $0.rawValue) })
        let response: LoopbackClient.Response
        do {
            response = try await within(.seconds(10), "a token") {
                try await LoopbackClient.send(
                    .POST, "\(issuer)/token", [("content-type", "application/x-www-form-urlencoded")],
                    Array(form.encoded.utf8))
            }
        } catch {
            throw Failure.unreachable(issuer: issuer, reason: NetworkErrorText.of(error))
        }
        let text = String(decoding: response.body, as: UTF8.self)
        guard response.status == 200 else {
            throw Failure.refused(issuer: issuer, status: response.status, reason: text)
        }
        do {
            return try JSONDecoder().decode(Grant.self, from: Data(response.body)).accessToken
        } catch {
            throw Failure.refused(issuer: issuer, status: response.status, reason: "no access_token in the response")
        }
    }
}
