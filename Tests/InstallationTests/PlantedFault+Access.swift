import Settings
import SimpleAICore

@testable import Installation

extension PlantedFault {
    /// Who may change files, and whether the service's user reaches them.
    static let access: [PlantedFault] = [
        PlantedFault(
            "a key set that all can change", "files.writable-by-all", "mode 666", "chmod o-w /etc/simpleai/ca.pem"
        ) {
            file(.input, of: &$0) { $0.access?.mode = 0o666 }
        },
        PlantedFault("settings that all can change", "files.writable-by-all", "chmod o-rwx /etc/simpleai/simpleai.yaml")
        {
            file(.settings, of: &$0) { $0.access?.mode = 0o666 }
        },
        PlantedFault(
            "a folder of keys that all can change", "files.open-folder", "mode 777", "chmod o-w /etc/simpleai/tokens"
        ) {
            file(.tokenKey, of: &$0) { $0.folder = .present(.init(mode: 0o777, owner: "root")) }
        },
        PlantedFault("a state file that is a folder", "files.not-a-file", "is a folder") {
            file(.state, of: &$0) { $0.kind = .folder }
        },
        PlantedFault("a database that is a pipe", "files.not-a-file", "no regular file") {
            file(.keyDatabase, of: &$0) { $0.kind = .other }
        },
        PlantedFault("a database on a volume that is not mounted", "files.dangling-link", "/mnt/keys.db", "mount") {
            file(.keyDatabase, of: &$0) { file in
                file.access = nil
                file.danglingTarget = "/mnt/keys.db"
            }
        },
        PlantedFault(
            "a folder that is closed to the service", "files.closed-folder", "/etc/simpleai/ca.pem", "chmod o+x /etc/s"
        ) {
            file(.input, of: &$0) { file in
                file.access?.isReadable = false
                file.closedFolder = "/etc/simpleai"
            }
        },
        PlantedFault("a state file that is immutable", "files.unwritable", "immutable", "chattr -i") {
            file(.state, of: &$0) { $0.access?.isWritable = false }
        },
        PlantedFault("a state file that its owner may not write", "files.unwritable", "chmod u+w") {
            file(.state, of: &$0) { $0.access = .init(mode: 0o400, owner: "simpleai", isWritable: false) }
        },
        PlantedFault("a path with a space", "files.exposed-secret", "chmod o-rwx '/etc/simpleai/my key.pem'") {
            file(.tlsKey, of: &$0) { file in
                file.path = "/etc/simpleai/my key.pem"
                file.access?.mode = 0o644
            }
        },
    ]

    private static func token(
        _ description: String, _ check: String, _ outcome: SystemDescription.OwnToken.Outcome, _ part: String
    ) -> PlantedFault {
        PlantedFault(description, check, "/etc/simpleai/tokens", part) { $0.gateway?.ownTokens[0].outcome = outcome }
    }

    static let tokens: [PlantedFault] = [
        token("a key set of another key", "token.refused", .refused("unknown key id"), "unknown key id"),
        token("another audience", "token.refused", .refused("unexpected audience"), "--audience simpleai --force"),
        token("a damaged token key", "token.unusable-key", .unusable("it is not PEM"), "simpleai token init"),
        token(
            "a token key without administration", "token.no-administration", .withoutAdministration, "role_claims"),
    ]

    static let runnerAddress: [PlantedFault] = [
        PlantedFault("an agent that the gateway cannot reach", "runner.loopback", "listen.host: 0.0.0.0") { system in
            system.runner?.document = try HealthySystem.runnerSettings(
                HealthySystem.runnerText + "\nlisten: { host: 127.0.0.1 }")
        },
        PlantedFault("a base URL of loopback", "runner.base-url", "http://127.0.0.1:8081", "remove base_url") {
            system in
            system.runner?.document = try HealthySystem.runnerSettings(
                HealthySystem.runnerText + "\nbase_url: http://127.0.0.1:8081")
        },
        PlantedFault("a base URL of another port", "runner.base-url", "no process listens") { system in
            system.runner?.document = try HealthySystem.runnerSettings(
                HealthySystem.runnerText + "\nbase_url: http://10.0.0.9:8082")
            system.runner?.ownAddress = .refused
        },
    ]
}
