import Acceptance
import Foundation
import Installation

/// One GET request to a program that may or may not respond. Distinguishes more failures than `HTTPProbe`, each of which has
/// another remedy.
struct DoctorProbe: Sendable {
    var token: String?
    var timeout: Duration = .seconds(4)
    var verifiesCertificates = true
    var authorities = ""
    /// The only accepted certificate, in PEM; nil for every one that the authorities vouch for.
    var certificate: String?

    /// - Parameter url: the base URL; a trailing /v1 makes no difference.
    func get(_ path: String, of url: String) async -> HTTPProbe.Reply {
        do {
            let client = try OperatorClient(
                deployment: DeploymentAddress(url), token: token, timeout: timeout,
                verifiesCertificates: verifiesCertificates, authorities: authorities.isEmpty ? nil : authorities,
                certificate: certificate)
            let response = try await client.send("GET", path)
            let now = Int64(Date().timeIntervalSince1970)
            return HTTPProbe.Reply(
                outcome: .status(response.status), body: response.body,
                clockDifference: response.date.flatMap { HTTPDate.seconds($0) }.map { $0 - now })
        } catch let failure as OperatorFailure {
            return HTTPProbe.Reply(outcome: Self.outcome(of: failure))
        } catch {
            return HTTPProbe.Reply(outcome: .failed(OperatorText.of(error)))
        }
    }

    private static func outcome(of failure: OperatorFailure) -> SystemDescription.HTTPOutcome {
        switch failure.detail {
        case .responseTimedOut: return .silent
        case .lacksTLS: return .lacksTLS
        case .requiresTLS: return .requiresTLS
        case .notHTTP: return .notHTTP
        case .interrupted: return .interrupted
        case nil: break
        }
        return switch failure.kind {
        case .nameNotFound: .unknownHost
        case .refused: .refused
        case .unreachable: .noRoute
        case .untrusted(let reason): .untrusted(reason)
        case .timedOut: .timedOut
        case .other: .failed(failure.description)
        }
    }
}
