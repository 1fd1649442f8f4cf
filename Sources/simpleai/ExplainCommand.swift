import Acceptance
import ArgumentParser
import Foundation
import OperatingSystem

/// `simpleai explain`: asks a gateway which runner a call would be routed to, and why.
struct ExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract:
            "Explain how a call would be routed: every machine, and why it is eligible or not. Runs and wakes nothing.",
        discussion: """
            Explains for the caller of your token. docs/guides/explain.md describes every column.

            Example: simpleai explain --model class:big
            """)

    @Option(
        help: .init("The model to request: class:NAME or a model id (default: the default class).", valueName: "model"))
    var model: String?
    @Option(
        help: .init(
            "The endpoint of the call, such as embeddings or audio/transcriptions (default: chat/completions).",
            valueName: "endpoint"))
    var endpoint: String?
    @Option(
        help: .init(
            "Explain for a caller with exactly these roles (admins only); may be repeated.",
            valueName: "role"))
    var asRole: [String] = []
    @Option(
        help: .init(
            "Gateway URL (default: $SIMPLEAI_URL, else the fleet of `simpleai dev`, else the address in this machine's settings "
                + "file, else \(GatewayAddress.standardURL)).",
            valueName: "base-url"))
    var url: String?
    @Option(
        help: """
            Token to use (default: $SIMPLEAI_TOKEN or $SIMPLEAI_TEST_TOKEN, else the token of `simpleai token --role \
            admin`).
            """)
    var token: String?
    @Option(help: .init("Program that prints a JWT.", valueName: "path"), completion: .file())
    var tokenBinary: String?
    @Flag(help: "The gateway requires no credentials: send none.")
    var noAuth = false
    @Flag(name: .customLong("no-verify-ssl"), help: "Accept any certificate.")
    var noVerifySSL = false
    @Flag(help: "Allow sending the token over plain http to public addresses.")
    var allowInsecure = false
    @Flag(help: "Print the gateway's JSON response.")
    var json = false

    func run() async throws {
        let process = ProcessInfo.processInfo.environment
        let environment = DotEnvironment(process: process, directory: FileManager.default.currentDirectoryPath)
        let response: SingleResponse
        do {
            let address = try GatewayAddress.find(
                option: url, environment: process["SIMPLEAI_URL"], file: environment["SIMPLEAI_URL"])
            if !noAuth, !address.isGiven {
                try await address.requireGateway(timeout: .seconds(30), verifiesCertificates: !noVerifySSL)
            }
            var given = environment["SIMPLEAI_TOKEN"] ?? environment["SIMPLEAI_TEST_TOKEN"]
            if !noAuth, token == nil, tokenBinary == nil, given == nil {
                given = try await mintedToken(for: address)
            }
            let remote = TestExecution.Remote(
                hasNoAuthentication: noAuth, url: address.url,
                admission: .anywhere, token: token, tokenBinary: tokenBinary, environmentToken: given,
                expiredToken: nil,
                allowsInsecure: allowInsecure)
            let deployment = try DeploymentAddress(remote.url)
            if let warning = try remote.exposureWarning(of: deployment) { reportError(warning) }
            let secret = noAuth ? nil : try await remote.tokenSource(deadline: nil).defaultToken()
            response = try await SingleResponse.post(
                request, to: path, of: deployment, token: secret, verifiesCertificates: !noVerifySSL,
                certificate: address.certificate)
        } catch {
            reportError(OperatorText.of(error))
            throw ExitCode.failure
        }
        guard response.status == 200 else {
            reportError("the gateway returned \(response.status): \(Self.message(in: response.body))")
            throw ExitCode.failure
        }
        if json {
            print(response.body)
        } else if let table = RouteTable(response.body, showsRights: !asRole.isEmpty) {
            print(table.text, terminator: "")
        } else {
            reportError("the gateway's response is not a route explanation; --json shows it")
            throw ExitCode.failure
        }
    }

    /// - Throws: `CommandFailure` if the address is from a file that came with a folder: a gateway that its author chose
    ///   must not receive a token of this user's key.
    private func mintedToken(for address: GatewayAddress) async throws -> String {
        if case .dotEnvironment = address.origin {
            throw CommandFailure(
                "\(address.url) is from the file .env in this folder, so no token is made for it; use --url or --token")
        }
        return try await OperatorOptions.obtainToken()
    }

    private var path: String {
        var path = URLComponents()
        path.path = "/v1/route"
        // A role may contain `&`, `=` and `+`, which have a meaning in a query.
        let allowed = CharacterSet.alphanumerics.intersection(CharacterSet(charactersIn: "\u{0}"..."\u{7F}"))
        let roles = asRole.compactMap { $0.addingPercentEncoding(withAllowedCharacters: allowed) }
        if !roles.isEmpty { path.percentEncodedQuery = roles.map { "as_role=\($0)" }.joined(separator: "&") }
        return path.string ?? "/v1/route"
    }

    private var request: String {
        struct RouteRequest: Encodable {
            let model: String?
            let endpoint: String?
            let messages: [String] = []
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes]
        let document =
            (try? encoder.encode(RouteRequest(model: model, endpoint: endpoint))) ?? Data("{\"messages\":[]}".utf8)
        return String(decoding: document, as: UTF8.self)
    }

    private static func message(in body: String) -> String {
        struct ErrorDocument: Decodable {
            struct Problem: Decodable { let message: String }
            let error: Problem
        }
        let response = try? JSONDecoder().decode(ErrorDocument.self, from: Data(body.utf8))
        return response?.error.message ?? "no error object"
    }

    private func reportError(_ text: String) {
        StandardStream.error.write("explain: \(text)\n")
    }
}
