import Acceptance
import Foundation
import Installation

/// One GET request to a program that may or may not respond.
struct HTTPProbe: Sendable {
    var token: String?
    var timeout: Duration = .seconds(3)
    var verifiesCertificates = true
    var authorities = ""

    struct Reply: Sendable {
        var outcome: SystemDescription.HTTPOutcome
        var body = Data()
        /// Its clock minus this one, in seconds; nil if it states no time.
        var clockDifference: Int64?

        /// The body as JSON, of a response with status 200.
        var json: [String: Any]? {
            guard outcome == .status(200) else { return nil }
            return (try? JSONSerialization.jsonObject(with: body)) as? [String: Any]
        }
    }

    /// - Parameter url: the base URL; a trailing /v1 makes no difference.
    func get(_ path: String, of url: String) async -> Reply {
        do {
            let client = try OperatorClient(
                deployment: DeploymentAddress(url), token: token, timeout: timeout,
                verifiesCertificates: verifiesCertificates, authorities: authorities.isEmpty ? nil : authorities)
            let response = try await client.send("GET", path)
            let now = Int64(Date().timeIntervalSince1970)
            return Reply(
                outcome: .status(response.status), body: response.body,
                clockDifference: response.date.flatMap { HTTPDate.seconds($0) }.map { $0 - now })
        } catch let failure as OperatorFailure {
            return Reply(outcome: Self.outcome(of: failure))
        } catch {
            return Reply(outcome: .failed(OperatorText.of(error)))
        }
    }

    private static func outcome(of failure: OperatorFailure) -> SystemDescription.HTTPOutcome {
        switch failure.kind {
        case .nameNotFound: .unknownHost
        case .refused: .refused
        case .unreachable: .noRoute
        case .untrusted(let reason): .untrusted(reason)
        case .timedOut: .timedOut
        case .other: .failed(failure.description)
        }
    }
}
