import Foundation
import Gateway
import Installation
import Settings

/// Fetches an issuer's keys as the gateway does: discovery, then the key set.
struct IssuerProbe: Sendable {
    private let issuer: Settings.Issuer
    private let absolute: @Sendable (String) -> String

    init(_ issuer: Settings.Issuer, _ absolute: @escaping @Sendable (String) -> String) {
        self.issuer = issuer
        self.absolute = absolute
    }

    func run() async -> SystemDescription.Issuer {
        var probe = DoctorProbe(timeout: .seconds(5))
        probe.authorities = issuer.caFile
        switch issuer.keys {
        case .file(let path):
            let data = FileManager.default.contents(atPath: absolute(path))
            var state = SystemDescription.Issuer(
                issuer: issuer.issuer, outcome: data.map(keys) ?? .malformed("\(path) cannot be read"))
            state.file = absolute(path)
            return state
        case .url(let url): return await keySet(at: url, probe, difference: nil)
        case .discovery:
            // An issuer for all tenants has its document below another path.
            let base = issuer.issuer.replacing("{tenantid}", with: "common")
            let reply = await probe.get(
                "/.well-known/openid-configuration", of: base.hasSuffix("/") ? String(base.dropLast()) : base)
            guard reply.outcome == .status(200) else {
                return .init(
                    issuer: issuer.issuer, outcome: .failed(reply.outcome), clockDifference: reply.clockDifference)
            }
            guard let stated = reply.json?["issuer"] as? String, let url = reply.json?["jwks_uri"] as? String else {
                return .init(
                    issuer: issuer.issuer, outcome: .malformed("its discovery document has no issuer and jwks_uri"),
                    clockDifference: reply.clockDifference)
            }
            guard stated.utf8.elementsEqual(issuer.issuer.utf8) || issuer.issuer.contains("{tenantid}") else {
                return .init(
                    issuer: issuer.issuer, outcome: .otherIssuer(stated), clockDifference: reply.clockDifference)
            }
            return await keySet(at: url, probe, difference: reply.clockDifference)
        }
    }

    private func keySet(at url: String, _ probe: DoctorProbe, difference: Int64?) async -> SystemDescription.Issuer {
        guard let parts = URLComponents(string: url), let scheme = parts.scheme, let host = parts.encodedHost else {
            return .init(
                issuer: issuer.issuer, outcome: .malformed("jwks_uri is not a URL"), clockDifference: difference)
        }
        let port = parts.port.map { ":\($0)" } ?? ""
        let query = parts.percentEncodedQuery.map { "?\($0)" } ?? ""
        var probe = probe
        if !issuer.jwksTokenFile.isEmpty {
            probe.token = (try? String(contentsOfFile: absolute(issuer.jwksTokenFile), encoding: .utf8))?
                .trimmingCharacters(in: .whitespacesAndNewlines)
        }
        let reply = await probe.get(parts.percentEncodedPath + query, of: "\(scheme)://\(host)\(port)")
        let clock = difference ?? reply.clockDifference
        guard reply.outcome == .status(200) else {
            return .init(issuer: issuer.issuer, outcome: .failed(reply.outcome), clockDifference: clock)
        }
        return .init(issuer: issuer.issuer, outcome: keys(in: reply.body), clockDifference: clock)
    }

    private func keys(in data: Data) -> SystemDescription.Issuer.Outcome {
        // Settings that cannot be used have a finding of their own.
        switch try? IssuerTrial.keys(in: Array(data), of: issuer) {
        case .usable(let count): .keys(count)
        case .unusable(let count, let reason): .unusableKeys(count, reason: reason)
        case .malformed(let reason): .malformed(reason)
        case nil: .malformed("its algorithms cannot be used")
        }
    }
}
