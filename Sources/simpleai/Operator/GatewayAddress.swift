import Acceptance
import Foundation
import Installation
import LocalFleet
import Settings

/// The gateway that an operator's command talks to, and where its address comes from.
struct GatewayAddress {
    enum Origin {
        /// `--url`, or `$SIMPLEAI_URL`.
        case given
        /// The file `.env` in the working directory.
        case dotEnvironment
        /// The fleet of `simpleai dev`.
        case localFleet
        case settings(path: String, Settings)
        case standard
    }

    static let standardURL = "http://127.0.0.1:8080"

    let url: String
    let origin: Origin

    /// The address for a command line: `--url`, the environment, a running `simpleai dev`, the settings of this machine's
    /// gateway, port 8080.
    ///
    /// - Parameters:
    ///   - environment: the value of `SIMPLEAI_URL`.
    ///   - file: the value of `SIMPLEAI_URL` in the file `.env`, for commands that read it.
    /// - Throws: `CommandFailure` if a settings file exists and states no usable address: another gateway is never assumed.
    static func find(option: String?, environment: String?, file: String? = nil) throws -> GatewayAddress {
        if let option { return GatewayAddress(url: option, origin: .given) }
        // A variable that is empty is not set.
        if let environment, !environment.isEmpty { return GatewayAddress(url: environment, origin: .given) }
        if let file, !file.isEmpty { return GatewayAddress(url: file, origin: .dotEnvironment) }
        if let fleet = try RunningFleetNote.read() { return GatewayAddress(url: fleet.url, origin: .localFleet) }
        return try installed()
    }

    /// The address in the settings of this machine's gateway; port 8080 if there are none.
    static func installed() throws -> GatewayAddress {
        for path in SettingsFile.defaultPaths where exists(path) {
            // The file of a package that is not set up yet states nothing.
            if let text = try? SettingsFile.text(of: path), isTemplate(text) { continue }
            return try stated(by: path)
        }
        return GatewayAddress(url: standardURL, origin: .standard)
    }

    /// The address in a settings file.
    ///
    /// - Throws: `CommandFailure` with the reason why the file states none.
    static func stated(by path: String) throws -> GatewayAddress {
        let environment = InstalledEnvironment(settings: path, of: .gateway)
        let advice =
            "the gateway's address is in this file: correct it, run the command as a user who can read it, or use --url"
        let settings: Settings
        do throws(SettingsError) {
            // Read once, because it may be a pipe.
            let text = try SettingsFile.text(of: path)
            guard !RunnerSettingsFile.isRunnerFile(text, name: path, environment: environment.variables) else {
                throw SettingsError(
                    problems: [
                        .init(
                            file: path, line: 0, key: "",
                            message: "contains the settings of a runner agent, not of a gateway")
                    ])
            }
            settings = try SettingsFile.parse(text, name: path, environment: environment.variables).settings
        } catch {
            throw CommandFailure("\(environment.text(of: error))\n\(advice)")
        }
        guard settings.server.port > 0 else {
            throw CommandFailure("\(path): server.port is 0, any free port; use --url with the gateway's port")
        }
        return GatewayAddress(url: url(of: settings), origin: .settings(path: path, settings))
    }

    /// The URL at which a gateway with these settings can be reached on this machine.
    static func url(of settings: Settings) -> String {
        let scheme = settings.server.tls == nil ? "http" : "https"
        let host =
            switch settings.server.host {
            case "0.0.0.0": "127.0.0.1"
            case "::": "[::1]"
            case let host where host.contains(":"): "[\(host)]"
            case let host: host
            }
        return "\(scheme)://\(host):\(settings.server.port)"
    }

    /// Whether the user has chosen the address. To any other, a token is sent only after ``requireGateway(_:timeout:verifiesCertificates:)``.
    var isGiven: Bool {
        if case .given = origin { return true }
        return false
    }

    /// The certificate of this machine's gateway, in PEM. It is for the name that clients use, not for the address
    /// at which this machine reaches it.
    var certificate: String? {
        guard case .settings(_, let settings) = origin else { return nil }
        return settings.server.tls?.certificate
    }

    /// Requires that a SimpleAI gateway responds at an address that the user has not chosen: other programs use port 8080,
    /// too, and must not receive a token.
    func requireGateway(timeout: Duration, verifiesCertificates: Bool) async throws {
        let client = try OperatorClient(
            deployment: DeploymentAddress(url), token: nil, timeout: timeout,
            verifiesCertificates: verifiesCertificates, certificate: certificate)
        let response: OperatorClient.OperatorResponse
        do {
            response = try await client.send("GET", "/health")
        } catch let failure as OperatorFailure {
            throw CommandFailure("\(failure) (\(origin.explanation))")
        }
        guard response.isGatewayHealth else {
            throw CommandFailure(
                "\(url) is not a SimpleAI gateway (GET /health returned status \(response.status)), so no token was sent; use "
                    + "--url (\(origin.explanation))")
        }
    }

    /// Whether there is a file, even one that cannot be used.
    private static func exists(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 || ![ENOENT, ENOTDIR].contains(errno)
    }

    private static func isTemplate(_ text: String) -> Bool {
        ExistingSettings(content: text, template: GatewayProposal.templateLine, ownFirstLine: "") == .replaceable
    }
}

extension GatewayAddress.Origin {
    /// Where the address comes from, as a sentence.
    fileprivate var explanation: String {
        switch self {
        case .given: "the address was given"
        case .dotEnvironment: "the address is from the file .env in this folder"
        case .localFleet: "the address is that of `simpleai dev`"
        case .settings(let path, _): "the address is from \(path)"
        case .standard: "the address is the default, because neither --url nor a settings file states one"
        }
    }
}

extension OperatorClient.OperatorResponse {
    /// Whether this is a gateway's response to `GET /health`.
    var isGatewayHealth: Bool {
        let document = (try? JSONSerialization.jsonObject(with: body)) as? [String: Any]
        return status == 200 && document?["status"] as? String == "ok"
    }
}
