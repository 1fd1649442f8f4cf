import ArgumentParser
import Foundation
import Installation
import OperatingSystem
import Settings
import SimpleAICore

/// `simpleai doctor`: reports what is wrong with an installation, and how to fix it.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Find what is wrong with the gateway or the agent on this machine, with the fix for each fault.",
        discussion: """
            Checks settings, files, ports, issuers, engines, machines, the way of wake packets, clocks, disks and services. \
            Changes nothing, and wakes no machine: the magic packet that it sends is for an address that no machine has. \
            Prints nothing and exits with 0 if all is well; exits with 1 if there is an error or a warning.

            Example: simpleai doctor --config /etc/simpleai/simpleai.yaml
            """)

    @Option(
        help: "The settings file of a gateway or an agent (default: those in the usual places).", completion: .file())
    var config: String?
    @Option(help: "Admin token, to list the machines (default: the token of `simpleai token --role admin`).")
    var token: String?
    @Flag(help: "Print the findings as JSON.")
    var json = false
    @Flag(help: "Send no packets to other machines.")
    var offline = false

    private struct FindingDocument: Encodable {
        let check: String
        let severity: String
        let message: String
        let fix: String
    }

    func run() async throws {
        try await reporting {
            let system = try await SystemObserver(config: config, token: token, isOffline: offline).describe()
            let findings = Doctor.findings(in: system)
            if json {
                let encoder = JSONEncoder()
                encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
                let documents = findings.map {
                    FindingDocument(check: $0.check, severity: $0.severity.rawValue, message: $0.message, fix: $0.fix)
                }
                print(String(decoding: try encoder.encode(documents), as: UTF8.self))
            } else {
                for finding in findings { print(JSONString.visible(finding.description, keepingLines: true)) }
            }
            if !findings.isEmpty { throw ExitCode.failure }
        }
    }
}

extension JSONString {
    /// Text from engines and files must not move the cursor; our own line ends stay.
    fileprivate static func visible(_ text: String, keepingLines: Bool) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { visible(String($0)) }.joined(
            separator: "\n")
    }
}
