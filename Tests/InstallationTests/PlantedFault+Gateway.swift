import Settings
import SimpleAICore

@testable import Installation

extension PlantedFault {
    static let all =
        host + settings + files + access + listener + issuers + tokens + engines + models + machines + services + runner
        + runnerAddress

    static let host: [PlantedFault] = [
        PlantedFault("a clock that was never set", "clock.implausible", "timedatectl") { $0.host.time = 1_000_000 },
        PlantedFault("no resolver", "resolver.missing", "issuer.example", "/etc/resolv.conf") { system in
            system.host.hasResolver = false
            system.gateway?.issuers = []
        },
        PlantedFault("a low limit of open files", "limits.open-files", "256 files", "LimitNOFILE") {
            $0.host.maxOpenFiles = 256
        },
    ]

    static let settings: [PlantedFault] = [
        PlantedFault("no settings file", "settings.missing", "./simpleai.yaml", "simpleai setup") { system in
            var gateway = SystemDescription.Gateway(
                document: .missing(["./simpleai.yaml", "/etc/simpleai/simpleai.yaml"]))
            gateway.service = system.gateway?.service
            gateway.running = system.gateway?.running
            system.gateway = gateway
        },
        PlantedFault("the package's file", "settings.template", "/etc/simpleai/simpleai.yaml", "simpleai setup") {
            system in
            var gateway = SystemDescription.Gateway(document: .template("/etc/simpleai/simpleai.yaml"))
            gateway.service = system.gateway?.service
            gateway.running = system.gateway?.running
            system.gateway = gateway
        },
        PlantedFault("settings of another user", "settings.closed", "cannot be read", "sudo simpleai doctor") {
            system in
            system.gateway = .init(document: .closed("/etc/simpleai/simpleai.yaml"))
        },
        PlantedFault("an invalid variable", "settings.invalid", "edit the environment variable SIMPLEAI__FLEET__TOKEN,")
        {
            system in
            system.gateway?.document = .invalid([
                SettingsProblem(
                    file: "environment variable SIMPLEAI__FLEET__TOKEN", line: 0, key: "fleet.token",
                    message: "contains spaces")
            ])
        },
        PlantedFault("a short secret of one agent", "settings.weak-secret", "fleet.tokens.desk") { system in
            system.gateway?.document = try HealthySystem.settings(
                HealthySystem.settingsText + "\nfleet: { tokens: { desk: abc123 } }")
        },
        PlantedFault("a misspelt key", "settings.invalid", "simpleai.yaml:2: server.hosst", "line 2 of") { system in
            system.gateway?.document = .invalid([
                SettingsProblem(
                    file: "/etc/simpleai/simpleai.yaml", line: 2, key: "server.hosst",
                    message: "is unknown; did you mean host?")
            ])
        },
        PlantedFault("a key with its former name", "settings.warning", "is now called `host`", "line 3 of") { system in
            guard case .valid(let settings, let path, _)? = system.gateway?.document else { return }
            system.gateway?.document = .valid(
                settings, path: path,
                warnings: [
                    SettingsProblem(
                        file: path, line: 3, key: "server.listen", message: "is now called `host`; rename it")
                ])
        },
        PlantedFault("a key of another certificate", "settings.unusable", "does not match") {
            $0.gateway?.startProblem = "server.tls.key: the key does not match server.tls.certificate"
        },
        PlantedFault("the example's secret", "settings.placeholder", "fleet.token", "simpleai invite") { system in
            system.gateway?.document = try HealthySystem.settings(
                HealthySystem.settingsText + "\nfleet: { token: change-me }")
        },
        PlantedFault("a short secret", "settings.weak-secret", "openssl rand") { system in
            system.gateway?.document = try HealthySystem.settings(
                HealthySystem.settingsText + "\nfleet: { token: abc123 }")
        },
    ]

    static func file(
        _ purpose: SystemDescription.File.Purpose, of system: inout SystemDescription,
        _ change: (inout SystemDescription.File) -> Void
    ) {
        guard let index = system.gateway?.files.firstIndex(where: { $0.purpose == purpose }) else { return }
        if var file = system.gateway?.files[index] {
            change(&file)
            system.gateway?.files[index] = file
        }
    }

    static let files: [PlantedFault] = [
        PlantedFault("a token key that all can read", "files.exposed-key", "mode 644", "chmod 600 /etc/simpleai/tokens")
        {
            file(.tokenKey, of: &$0) { $0.access?.mode = 0o644 }
        },
        PlantedFault("settings that all can read", "files.exposed-secret", "chmod o-rwx /etc/simpleai/simpleai.yaml") {
            file(.settings, of: &$0) { $0.access?.mode = 0o644 }
        },
        PlantedFault("a TLS key that all can read", "files.exposed-secret", "/etc/simpleai/tls.key") {
            file(.tlsKey, of: &$0) { $0.access?.mode = 0o604 }
        },
        PlantedFault("settings that the service cannot read", "files.unreadable", "user simpleai", "chgrp simpleai") {
            file(.settings, of: &$0) { $0.access?.isReadable = false }
        },
        PlantedFault("a missing file of the settings", "files.missing", "/etc/simpleai/ca.pem") {
            file(.input, of: &$0) { $0.access = nil }
        },
        PlantedFault("a state file of root", "files.unwritable", "belongs to root", "chown simpleai /var/lib") {
            file(.state, of: &$0) { $0.access = .init(mode: 0o600, owner: "root", isWritable: false) }
        },
        PlantedFault("a folder that cannot be written", "files.unwritable", "cannot be created", "/var/lib/simpleai") {
            file(.keyDatabase, of: &$0) { file in
                file.access = nil
                file.folder = .present(.init(mode: 0o755, owner: "root", isWritable: false))
            }
        },
        PlantedFault("a missing state folder", "files.no-folder", "mkdir -p /var/lib/simpleai && chown simpleai") {
            file(.state, of: &$0) { file in
                file.access = nil
                file.folder = .missing
            }
        },
        PlantedFault("a file in the place of the state folder", "files.no-folder", "is not a folder") {
            file(.state, of: &$0) { file in
                file.access = nil
                file.folder = .notADirectory
            }
        },
        PlantedFault("a read-only root", "files.read-only", "read-only file system") {
            file(.state, of: &$0) { $0.isReadOnly = true }
        },
        PlantedFault("a full disk", "disk.space", "3 MiB left", "df -h /var/lib/simpleai") { system in
            for index in system.gateway?.files.indices ?? 0..<0 {
                system.gateway?.files[index].freeSpace = .mebibytes(3)
            }
        },
        PlantedFault("a disk that is nearly full", "disk.space", "warning", "100 MiB left") { system in
            for index in system.gateway?.files.indices ?? 0..<0 {
                system.gateway?.files[index].freeSpace = .mebibytes(100)
            }
        },
        PlantedFault("a disk without room for files", "disk.files", "df -i") { system in
            for index in system.gateway?.files.indices ?? 0..<0 { system.gateway?.files[index].freeFiles = 2 }
        },
        PlantedFault("a damaged key database", "data.damaged", "simpleai restore", "file is not a database") {
            $0.gateway?.damagedData = [.init(path: "/var/lib/simpleai/simpleai.db", reason: "file is not a database")]
        },
    ]

    static let listener: [PlantedFault] = [
        PlantedFault("a taken port", "port.taken", "0.0.0.0:8080", "the process nginx", "server.port") {
            $0.gateway?.listener = .taken(by: "nginx")
        },
        PlantedFault("a port that needs a privilege", "port.privileged", "CAP_NET_BIND_SERVICE") {
            $0.gateway?.listener = .notPermitted
        },
        PlantedFault("an address of another machine", "address.foreign", "server.host") {
            $0.gateway?.listener = .foreignAddress
        },
        PlantedFault("no IPv6", "ipv6.missing", "0.0.0.0") { system in
            system.gateway?.document = try HealthySystem.settings(
                HealthySystem.settingsText.replacing("0.0.0.0", with: "\"::\""))
        },
        PlantedFault("a gateway that runners cannot reach", "listener.loopback", "127.0.0.1") { system in
            system.gateway?.document = try HealthySystem.settings(
                HealthySystem.settingsText.replacing("0.0.0.0", with: "127.0.0.1"))
            system.gateway?.running?.machines?.removeLast()
        },
    ]

    private static func issuer(
        _ description: String, _ check: String, _ outcome: SystemDescription.Issuer.Outcome, _ part: String
    ) -> PlantedFault {
        PlantedFault(description, check, "https://issuer.example", part) { $0.gateway?.issuers[0].outcome = outcome }
    }

    static let issuers: [PlantedFault] = [
        issuer("an issuer without keys", "issuer.no-keys", .keys(0), "signing keys"),
        issuer(
            "another issuer in the discovery document", "issuer.mismatch", .otherIssuer("https://issuer.example/"),
            "auth.issuers[].issuer: https://issuer.example/"),
        issuer(
            "keys that the gateway cannot use", "issuer.unusable-keys", .unusableKeys(3, reason: "symmetric"),
            "none of the 3 keys"),
        issuer("an issuer without TLS", "issuer.no-tls", .failed(.lacksTLS), "correct the port"),
        issuer("an issuer that requires TLS", "issuer.no-tls", .failed(.requiresTLS), "https:// in auth.issuers"),
        issuer("an issuer that hangs", "issuer.unreachable", .failed(.silent), "no complete response"),
        issuer("an issuer with another protocol", "issuer.unreachable", .failed(.notHTTP), "is not HTTP"),
        PlantedFault("a file without keys", "issuer.no-keys", "/etc/simpleai/tokens/jwks.json") { system in
            system.gateway?.issuers[0].outcome = .keys(0)
            system.gateway?.issuers[0].file = "/etc/simpleai/tokens/jwks.json"
        },
        issuer("a web page in place of keys", "issuer.malformed", .malformed("it is a web page"), "it is a web page"),
        issuer("an issuer that cannot be resolved", "issuer.unknown-host", .failed(.unknownHost), "DNS"),
        issuer("an issuer of an unknown authority", "issuer.untrusted", .failed(.untrusted("self-signed")), "ca_file"),
        issuer("a wrong path of the issuer", "issuer.status", .failed(.status(404)), "/realms/NAME"),
        issuer("an issuer that does not run", "issuer.unreachable", .failed(.refused), "curl"),
        PlantedFault("a clock that is behind", "clock.skew", "400 s behind", "auth.leeway (30 s)") {
            $0.gateway?.issuers[0].clockDifference = 400
        },
        PlantedFault("a clock that is ahead", "clock.skew", "90 s ahead of") {
            $0.gateway?.issuers[0].clockDifference = -90
        },
    ]
}
