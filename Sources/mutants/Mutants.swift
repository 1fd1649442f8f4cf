import ArgumentParser
import Foundation
import StandIn
import Synchronization

/// Stand-in deployments that violate one requirement each, to prove that the acceptance suite detects it.
@main struct Mutants: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mutants",
        abstract: "Simulated deployments, each with one defect, and some without.",
        subcommands: [Serve.self, Token.self])

    @Flag(help: "List the deployments.")
    var list = false
    @Flag(help: "Print the list as JSON.")
    var json = false

    private struct Listing: Encodable {
        struct Item: Encodable {
            let name: String
            let summary: String
            /// The tests that must detect the defect; empty for a correct deployment.
            let detectors: [String]
            let isOnlyUndecided: Bool
            let isOnlyAdvice: Bool
        }

        let mutants = Defect.allCases.map {
            Item(
                name: $0.name, summary: $0.summary, detectors: $0.detectors.map(\.rawValue),
                isOnlyUndecided: $0.isOnlyUndecided, isOnlyAdvice: $0.isOnlyAdvice)
        }
        let correct = StandInVariant.named.map {
            Item(name: $0.key, summary: $0.value.summary, detectors: [], isOnlyUndecided: false, isOnlyAdvice: false)
        }
    }

    func run() throws {
        guard list || json else { throw CleanExit.helpRequest() }
        let listing = Listing()
        if json { return print(try oneLine(listing)) }
        let items = listing.mutants + listing.correct
        let width = items.map(\.name.count).max() ?? 0
        for item in items {
            let name = item.name.padding(toLength: width, withPad: " ", startingAt: 0)
            let detectors = item.detectors.isEmpty ? "correct" : item.detectors.joined(separator: ", ")
            print("\(name)  \(item.summary) (\(detectors))")
        }
    }
}

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Serve one deployment until interrupted.")

    @Argument(help: "A name that `mutants --list` prints.")
    var name: String
    @Option(help: "TCP port on loopback; 0 picks a free port.")
    var port = 0
    @Flag(help: "Serve TLS with a self-signed certificate.")
    var tls = false
    @Option(
        help: .init("Serve TLS with this kind of certificate: \(Serve.kinds).", valueName: "kind"))
    var certificate: String?
    @Option(help: .init("Where to write the certificate of the authority, in PEM.", valueName: "file"))
    var authorityFile: String?
    @Option(help: .init("Local UDP port that receives a copy of every magic packet.", valueName: "port"))
    var packetPort: Int?
    @Option(help: .init("Number of waiting calls that end a wake, with two model list requests.", valueName: "calls"))
    var held = 0

    func validate() throws {
        guard Defect(name: name) != nil || variant != nil else {
            throw ValidationError("unknown deployment '\(name)'; --list shows all")
        }
        guard certificate.map({ StandInCertificate.Kind(rawValue: $0) != nil }) ?? true else {
            throw ValidationError("--certificate must be one of \(Serve.kinds)")
        }
    }

    private static let kinds = StandInCertificate.Kind.allCases.map(\.rawValue).joined(separator: ", ")

    private var certificateKind: StandInCertificate.Kind? {
        certificate.flatMap { .init(rawValue: $0) } ?? (tls ? .selfSigned : nil)
    }

    private var variant: StandInVariant? { StandInVariant.named.first { $0.key == name }?.value.variant }

    private struct Ready: Encodable {
        let url: String
        let tokens: [String: String]
    }

    func run() async throws {
        var variant = variant ?? .forbidden
        variant.packetPort = packetPort
        if let defect = Defect(name: name), defect.isOfDialects { variant.servesDialects = true }
        let deployment = StandInDeployment(variant: variant, defect: Defect(name: name))
        deployment.state.withLock { $0.heldCallers = held }
        let certificate = try certificateKind.map { try StandInCertificate($0) }
        if let authorityFile, let certificate {
            try certificate.authority.write(toFile: authorityFile, atomically: true, encoding: .utf8)
        }
        let server = try await StandInServer.start(port: port, certificate: certificate) {
            deployment.respond($0, on: $1)
        }
        let ready = Ready(
            url: "\(certificate == nil ? "http" : "https")://127.0.0.1:\(server.port)",
            tokens: [
                "basic": StandInTokens.mint(role: nil), "specific": StandInTokens.mint(role: "model:specific"),
                "admin": StandInTokens.mint(role: "admin"),
            ])
        // Written without a buffer: the reader waits for this line at the other end of a pipe.
        try FileHandle.standardOutput.write(contentsOf: Data((try oneLine(ready) + "\n").utf8))
        try await server.untilStopped()
    }
}

struct Token: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Print a token, like a --token-binary of the suite.")

    @Option(help: "Subject of the token.")
    var user = "tester"
    @Option(help: "model:specific or admin; no role if left out.")
    var role: String?
    @Option(
        parsing: .unconditional,
        help: .init("Lifetime in seconds; a negative value makes an expired token.", valueName: "seconds"))
    var expiresIn = 600.0

    func run() {
        print(StandInTokens.mint(user: user, role: role, expiresIn: expiresIn))
    }
}

private func oneLine(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
}
