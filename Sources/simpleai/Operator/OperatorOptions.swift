import Acceptance
import ArgumentParser
import Foundation
import LocalFleet

/// The URL and credentials of the gateway to operate.
struct OperatorOptions: ParsableArguments {
    @Option(
        help: .init(
            "Gateway URL (default: $SIMPLEAI_URL, else the fleet of `simpleai dev`, else the address in this machine's settings "
                + "file, else \(GatewayAddress.standardURL)).",
            valueName: "base-url"))
    var url: String?
    @Option(help: "Admin token (default: $SIMPLEAI_TOKEN, else the token of `simpleai token --role admin`).")
    var token: String?
    @Option(help: .init("Timeout per request.", valueName: "seconds"))
    var timeout: Double = 30
    @Flag(name: .customLong("no-verify-ssl"), help: "Accept any certificate.")
    var noVerifySSL = false
    @Flag(help: "Allow sending the token over plain http to a public address.")
    var allowInsecure = false

    func validate() throws {
        guard timeout > 0, timeout <= 1_000_000 else {
            throw ValidationError("--timeout must be a number of seconds above 0")
        }
    }

    /// The gateway to operate.
    func address() throws -> GatewayAddress {
        try GatewayAddress.find(option: url, environment: ProcessInfo.processInfo.environment["SIMPLEAI_URL"])
    }

    /// - Parameters:
    ///   - address: nil: that of the command line and its defaults.
    ///   - role: the role to request if no token is given; nil for a token without roles.
    /// - Throws: an error whose description is one line for the operator.
    func client(at address: GatewayAddress? = nil, role: String? = "admin") async throws -> OperatorClient {
        let address = try address ?? self.address()
        let deployment = try DeploymentAddress(address.url)
        if deployment.exposure == .internet, !allowInsecure {
            throw CommandFailure(
                "plain http to a public address would expose the token; use https, or --allow-insecure")
        }
        if !address.isGiven {
            try await address.requireGateway(timeout: .seconds(timeout), verifiesCertificates: !noVerifySSL)
        }
        return try OperatorClient(
            deployment: deployment, token: try await credential(ProcessInfo.processInfo.environment, role),
            timeout: .seconds(timeout), verifiesCertificates: !noVerifySSL, certificate: address.certificate)
    }

    private func credential(_ environment: [String: String], _ role: String?) async throws -> String {
        if let given = token ?? environment["SIMPLEAI_TOKEN"], !given.isEmpty { return given }
        return try await Self.obtainToken(role: role)
    }

    /// A token from the sources of `simpleai token`, for a command line without a token.
    static func obtainToken(role: String? = "admin") async throws -> String {
        try await TokenCommand.Mint.parse(role.map { ["--role", $0] } ?? []).token()
    }
}

extension ParsableCommand {
    /// Reports an error as one line on standard error, without the usage text.
    func reporting(_ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let exit as ExitCode {
            throw exit
        } catch {
            throw CommandFailure(OperatorText.of(error))
        }
    }
}
