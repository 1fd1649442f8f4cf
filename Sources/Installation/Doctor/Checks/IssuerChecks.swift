import Settings
import SimpleAICore

/// The issuers of tokens, and the difference between their clocks and this one.
enum IssuerChecks {
    @Sendable static func findings(in system: SystemDescription) -> [Finding] {
        guard let gateway = system.gateway, let settings = gateway.document.content else { return [] }
        let tolerance = settings.auth.leeway.components.seconds
        return gateway.issuers.flatMap { issuer in
            finding(on: issuer, system.host).map { [$0] } ?? [] + skew(of: issuer, tolerance)
        }
    }

    private static func finding(on issuer: SystemDescription.Issuer, _ host: SystemDescription.Host) -> Finding? {
        let name = issuer.issuer
        switch issuer.outcome {
        case .keys(let count) where count > 0: return nil
        case .keys:
            return Finding(
                "issuer.no-keys", "the issuer \(name) publishes no key: no token of it can be verified",
                fix: issuer.file.map { "replace the content of \($0), the jwks_file, by the issuer's key set" }
                    ?? "check its signing keys")
        case .unusableKeys(let count, let reason):
            return Finding(
                "issuer.unusable-keys",
                "the gateway can use \(count == 1 ? "the only key" : "none of the \(count) keys") of the issuer \(name): \(reason)",
                fix: issuer.file.map { "replace the content of \($0), the jwks_file, by the issuer's key set" }
                    ?? "set its signing algorithm to one of auth.issuers[].algorithms, such as RS256")
        case .otherIssuer(let stated):
            return Finding(
                "issuer.mismatch", "the discovery document of \(name) states another issuer, \(stated)",
                fix: "set auth.issuers[].issuer: \(stated)")
        case .malformed(let reason):
            return Finding(
                "issuer.malformed", "the key set of the issuer \(name) is invalid: \(reason)",
                fix: issuer.file.map { "replace the content of \($0), the jwks_file, by the issuer's key set" }
                    ?? "check the URL in a browser: \(name)/.well-known/openid-configuration")
        case .failed(let outcome): return failed(name, outcome, host)
        }
    }

    private static func failed(
        _ name: String, _ outcome: SystemDescription.HTTPOutcome, _ host: SystemDescription.Host
    ) -> Finding {
        switch outcome {
        case .unknownHost:
            Finding(
                "issuer.unknown-host", "the host of the issuer \(name) cannot be resolved",
                fix: host.hasResolver == false
                    ? "configure a resolver in /etc/resolv.conf" : "correct the name, or add it to your DNS")
        case .untrusted(let reason):
            Finding(
                "issuer.untrusted", "the certificate of the issuer \(name) is not accepted: \(reason)",
                fix: "set auth.issuers[].tls.ca_file to the authority's certificate")
        case .status(let status):
            Finding(
                "issuer.status", "the issuer \(name) returned status \(status) for its discovery document",
                fix: status == 404
                    ? "correct the path of the URL (Keycloak: /realms/NAME), or set jwks_url" : "check the issuer's log"
            )
        case .lacksTLS:
            Finding(
                "issuer.no-tls", "the issuer \(name) responds without TLS, but its URL is https://",
                fix: "correct the port of its URL, or let it serve TLS there")
        case .requiresTLS:
            Finding(
                "issuer.no-tls", "the issuer \(name) requires TLS, but its URL is http://",
                fix: "use https:// in auth.issuers[].issuer, exactly as in the claim `iss` of its tokens")
        case .refused, .timedOut, .silent, .noRoute, .notHTTP, .interrupted, .failed:
            Finding(
                "issuer.unreachable", "the issuer \(name) cannot be reached: \(outcome.explanation)",
                fix:
                    "check that it runs, and that no firewall is in between: curl \(name)/.well-known/openid-configuration"
            )
        }
    }

    private static func skew(of issuer: SystemDescription.Issuer, _ tolerance: Int64) -> [Finding] {
        // One second: the resolution of the field `Date`.
        guard let difference = issuer.clockDifference, abs(difference) > tolerance + 1 else { return [] }
        return [
            Finding(
                "clock.skew",
                "this clock is \(abs(difference)) s \(difference > 0 ? "behind" : "ahead of") the one of \(issuer.issuer), more than "
                    + "auth.leeway (\(tolerance) s): tokens are refused",
                fix: "set the clock: timedatectl set-ntp true")
        ]
    }
}

extension SystemDescription.HTTPOutcome {
    /// Why there was no usable response; a clause.
    public var explanation: String {
        switch self {
        case .status(let status): "it returned status \(status)"
        case .refused: "no process listens on that port"
        case .timedOut: "it did not respond in time"
        case .silent: "it accepts connections, and sent no complete response in time"
        case .lacksTLS: "it responds without TLS"
        case .requiresTLS: "it requires TLS"
        case .notHTTP: "its response is not HTTP"
        case .interrupted: "it closed the connection before the end of the response"
        case .unknownHost: "its name cannot be resolved"
        case .noRoute: "there is no route to it"
        case .untrusted(let reason): "its certificate is not accepted: \(reason)"
        case .failed(let reason): reason
        }
    }
}
