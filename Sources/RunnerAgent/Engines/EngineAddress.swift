import Foundation
import NIOSSL
import NetworkErrors
import OutgoingTLS
import Relay
import Settings
import SimpleAICore

extension Upstream {
    /// The upstream of an engine in the settings, whose URL has already been validated.
    convenience init(_ engine: RunnerSettings.Engine, runner: RunnerID) throws(RunnerAgentStartError) {
        guard let url = URLComponents(string: engine.url), let scheme = url.scheme, let host = url.encodedHost else {
            throw RunnerAgentStartError("\"\(engine.url)\" is not an engine URL")
        }
        var tls: NIOSSLContext?
        if scheme == "https" {
            do {
                tls = try NIOSSLContext(configuration: OutgoingTLS.configuration())
            } catch {
                throw RunnerAgentStartError(
                    "\(OutgoingTLS.source(of: "")) cannot be used for \(engine.url): \(NetworkErrorText.of(error))")
            }
        }
        let name = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        self.init(
            runner: runner, host: name, port: url.port ?? (tls == nil ? 80 : 443), tls: tls, pathPrefix: url.path,
            apiKey: engine.apiKey.isEmpty ? nil : engine.apiKey)
    }
}
