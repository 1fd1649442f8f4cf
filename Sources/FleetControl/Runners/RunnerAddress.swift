import Foundation
import NIOSSL
import NetworkErrors
import OutgoingTLS
package import Relay
package import Settings
package import SimpleAICore

extension Upstream {
    /// The upstream of a static runner. The URL was checked with the settings; problems of this machine, such as an
    /// unreadable certificate file, are errors here.
    package convenience init(_ runner: Settings.StaticRunner) throws(GatewayStartError) {
        guard let url = URLComponents(string: runner.url), let scheme = url.scheme, let host = url.encodedHost else {
            throw GatewayStartError("runner \(runner.id): \"\(runner.url)\" is not a URL")
        }
        var tls: NIOSSLContext?
        if scheme == "https" {
            var configuration = OutgoingTLS.configuration(authoritiesFile: runner.tls.caFile)
            if !runner.tls.verify { configuration.certificateVerification = .none }
            do {
                tls = try NIOSSLContext(configuration: configuration)
            } catch {
                throw GatewayStartError(
                    "runner \(runner.id): \(OutgoingTLS.source(of: runner.tls.caFile)) cannot be used: "
                        + NetworkErrorText.of(error))
            }
        }
        let name = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        var prefix = url.path
        while prefix.hasSuffix("/") { prefix.removeLast() }
        self.init(
            runner: runner.id, host: name, port: url.port ?? (tls == nil ? 80 : 443), tls: tls, pathPrefix: prefix,
            apiKey: runner.apiKey.isEmpty ? nil : runner.apiKey, headers: runner.headers.map { ($0.name, $0.value) },
            supportsStreamUsage: runner.streamUsage, endpoints: runner.endpoints, messages: runner.messages)
    }
}
