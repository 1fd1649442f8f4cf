import ArgumentParser
import Foundation
import StandIn
import Synchronization

/// Stand-in deployments that violate one requirement each, to prove that the acceptance suite detects it.
@main struct Mutants: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mutants",
        abstract: "Deployments that break one promise each, and some that keep them all.",
        subcommands: [Serve.self, Token.self])

    @Flag(help: "Print what can be served.")
    var list = false
    @Flag(help: "Print it as JSON.")
    var json = false

    private struct Listing: Encodable {
        struct Item: Encodable {
            let name: String
            let says: String
            /// The tests that must detect the defect; empty for a correct deployment.
            let business: [String]
            let isOnlyUndecided: Bool
            let isOnlyAdvice: Bool
        }

        let mutants = Defect.allCases.map {
            Item(
                name: $0.name, says: $0.says, business: $0.business.map(\.rawValue),
                isOnlyUndecided: $0.isOnlyUndecided, isOnlyAdvice: $0.isOnlyAdvice)
        }
        let correct = StandInVariant.named.map {
            Item(name: $0.key, says: $0.value.says, business: [], isOnlyUndecided: false, isOnlyAdvice: false)
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
            let business = item.business.isEmpty ? "correct" : item.business.joined(separator: ", ")
            print("\(name)  \(item.says) (\(business))")
        }
    }
}

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Serve one until it is interrupted.")

    @Argument(help: "A name of `mutants --list`.")
    var name: String
    @Option(help: "TCP port on loopback; 0 takes a free one.")
    var port = 0
    @Flag(help: "Speak TLS, under a certificate that it signs itself.")
    var tls = false
    @Option(
        help: .init("Speak TLS under a certificate of this kind: \(Serve.kinds).", valueName: "kind"))
    var certificate: String?
    @Option(help: .init("Where to write the authority that vouches for the certificate.", valueName: "file"))
    var authorityFile: String?
    @Option(help: .init("UDP port of this machine that gets a copy of every magic packet.", valueName: "port"))
    var packetPort: Int?
    @Option(help: .init("Let a wake last until so many calls are held and the list was looked at.", valueName: "calls"))
    var held = 0

    func validate() throws {
        guard Defect(name: name) != nil || variant != nil else {
            throw ValidationError("nothing is called '\(name)'; --list shows all")
        }
        guard certificate.map({ StandInCertificate.Kind(rawValue: $0) != nil }) ?? true else {
            throw ValidationError("--certificate knows \(Serve.kinds)")
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
        // The reader is at the other end of a pipe: the line must not remain in a buffer.
        try FileHandle.standardOutput.write(contentsOf: Data((try oneLine(ready) + "\n").utf8))
        try await server.untilStopped()
    }
}

struct Token: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Print a token, as a token program of the suite does.")

    @Option(help: "Whose token.")
    var user = "tester"
    @Option(help: "model:specific, admin, or none.")
    var role: String?
    @Option(
        parsing: .unconditional, help: .init("How long it is good; below 0 it has expired.", valueName: "seconds"))
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
