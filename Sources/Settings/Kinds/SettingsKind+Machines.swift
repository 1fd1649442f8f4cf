import SimpleAICore

// MARK: - Ids and names

extension SettingsKind where Value == ModelID {
    static var model: Self { SettingsKind<String>.name("a model id").map { ModelID($0) } }
}

extension SettingsKind where Value == Role {
    static var role: Self { SettingsKind<String>.name("a role").map { Role($0) } }
}

extension SettingsKind where Value == ClassName {
    static var className: Self {
        SettingsKind<String>.identifier("a class name").map { text throws(SettingsMismatch) in
            guard !text.hasPrefix("class:") else {
                throw .init(
                    "\(quoted(text)) has the prefix class:, which is for requests only; use \(text.dropFirst(6))")
            }
            return ClassName(text)
        }
    }
}

extension SettingsKind where Value == RunnerID {
    /// The id of a runner that an agent registers.
    static var agentID: Self { SettingsKind<String>.identifier("a runner's id").map { RunnerID($0) } }

    /// The id of a static runner, in which words may be separated by spaces.
    static var runnerID: Self {
        SettingsKind<String>.identifier("a runner's id", allowsSpaces: true).map { RunnerID($0) }
    }
}

extension SettingsKind where Value == String {
    /// A name that appears in header fields, metrics and URLs: visible ASCII, at most 128 characters.
    /// - Parameter allowsSpaces: whether spaces are allowed between words.
    static func identifier(_ what: String, allowsSpaces: Bool = false) -> Self {
        .init(what) { text throws(SettingsMismatch) in
            guard !text.isEmpty else { throw .init("is empty; set \(what)") }
            let minByte: UInt8 = allowsSpaces ? 0x20 : 0x21
            guard text.utf8.count <= 128, text.utf8.allSatisfy({ (minByte...0x7E).contains($0) }),
                text.utf8.first != 0x20, text.utf8.last != 0x20
            else {
                let spaces = allowsSpaces ? ", spaces only between words" : " without spaces"
                throw .init(
                    "\(quoted(text)) is not valid as \(what); use at most 128 visible ASCII characters\(spaces)")
            }
            return text
        }
    }
}

// MARK: - Waking

extension SettingsKind where Value == MACAddress {
    /// A machine's hardware address: neither a multicast address nor all zeros.
    static var mac: Self {
        let example = "AA:BB:CC:DD:EE:FF, aa-bb-cc-dd-ee-ff or aabb.ccdd.eeff"
        return .init(example, form: .pattern(macPattern)) { text throws(SettingsMismatch) in
            guard let mac = MACAddress(text) else {
                throw .init("\(quoted(text)) is not a MAC address; use the form \(example)")
            }
            guard let first = mac.bytes.first, first & 1 == 0, mac.bytes.contains(where: { $0 != 0 }) else {
                throw .init("\(mac) is not a unicast address; use the MAC address of the machine's network card")
            }
            return mac
        }
    }
}

/// The forms of a MAC address.
let macPattern = "^([0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}|[0-9A-Fa-f]{4}([.][0-9A-Fa-f]{4}){2})$"

extension SettingsKind where Value == [UInt8] {
    /// Six bytes in the form of a MAC address, or nothing. A password: never quoted in messages.
    static var secureOn: Self {
        Self("a password in the form AA:BB:CC:DD:EE:FF", form: .pattern("^$|" + macPattern)) {
            text throws(SettingsMismatch) in
            if text.isEmpty { return [] }
            guard let password = MACAddress(text) else {
                throw .init("is not a SecureOn password; use six bytes in the form AA:BB:CC:DD:EE:FF")
            }
            return password.bytes
        }
        .written { MACAddress(bytes: $0)?.description ?? "" }
    }
}

extension SettingsKind where Value == Settings.WebHook? {
    /// A method and a URL, such as `POST http://…`; a URL without a method means `POST`. It may contain a secret: never
    /// quoted in messages.
    static var webHook: Self {
        Self("a request like POST http://home.lan/api/webhook/wake-gpu") { text throws(SettingsMismatch) in
            if text.isEmpty { return nil }
            let words = text.split(separator: " ")
            guard (1...2).contains(words.count), let url = words.last else {
                throw .init(
                    "is not a request; use a method and a URL, such as POST http://home.lan/api/webhook/wake-gpu")
            }
            let method = words.count == 2 ? words[0].uppercased() : "POST"
            guard ["GET", "POST", "PUT", "PATCH", "DELETE"].contains(method) else {
                throw .init("lacks a known method; put GET, POST, PUT, PATCH or DELETE before the URL")
            }
            let address = try WebAddress(String(url), allowingQuery: true)
            return Settings.WebHook(method: method, url: String(url), host: address.host)
        }
        .written { $0.map { "\($0.method) \($0.url)" } ?? "" }
    }
}

extension SettingsKind where Value == Settings.HostAndPort? {
    /// `HOST:PORT`; an IPv6 address in brackets.
    static var relay: Self {
        Self("a host and a port like 192.168.1.2:9999") { text throws(SettingsMismatch) in
            if text.isEmpty { return nil }
            guard let colon = text.lastIndex(of: ":"), let port = Int(text[colon...].dropFirst()),
                (1...65_535).contains(port)
            else { throw .init("\(quoted(text)) lacks a port; use a value such as 192.168.1.2:9999") }
            var host = String(text[..<colon])
            let hasBrackets = host.hasPrefix("[") && host.hasSuffix("]")
            if hasBrackets { host = String(host.dropFirst().dropLast()) }
            guard HostName.isValid(host), hasBrackets == host.contains(":") else {
                throw .init("\(quoted(text)) lacks a valid host; use a value such as 192.168.1.2:9999")
            }
            return Settings.HostAndPort(host: host, port: port)
        }
        .written { $0.map { $0.host.contains(":") ? "[\($0.host)]:\($0.port)" : "\($0.host):\($0.port)" } ?? "" }
    }
}

// MARK: - Addresses

extension SettingsKind where Value == String {
    /// An IP address or a host name, without scheme, brackets or port.
    static var host: Self {
        .init("an address like 127.0.0.1, ::1 or gateway.lan") { text throws(SettingsMismatch) in
            guard !text.isEmpty else { throw .init("is empty; set an IP address or a host name") }
            guard HostName.isValid(text) else {
                throw .init(
                    "\(quoted(text)) is not a host; use an IP address or a host name, without scheme, brackets or port")
            }
            return text
        }
    }

    static var webAddressPattern: String { "^[Hh][Tt][Tt][Pp][Ss]?://" }

    /// The base URL of an engine, without a trailing `/` or `/v1`.
    static var engineURL: Self {
        .init("a URL like http://10.0.0.5:11434", form: .pattern(webAddressPattern)) { text throws(SettingsMismatch) in
            try WebAddress(text, allowingQuery: false).base
        }
    }

    /// An issuer, exactly as its tokens state it.
    static var issuerURL: Self {
        .init("a URL like https://auth.example.com/realms/main", form: .pattern(webAddressPattern)) {
            text throws(SettingsMismatch) in
            _ = try WebAddress(text, allowingQuery: false)
            for document in ["openid-configuration", "oauth-authorization-server"] {
                guard text.contains("/.well-known/\(document)") else { continue }
                throw .init(
                    "is the URL of the discovery document; remove /.well-known/\(document), and compare the rest with "
                        + "`issuer` in the document")
            }
            return text
        }
    }

    /// The URL of a document.
    static var documentURL: Self {
        .init("a URL like https://auth.example.com/keys", form: .pattern("^$|" + webAddressPattern)) {
            text throws(SettingsMismatch) in
            if !text.isEmpty { _ = try WebAddress(text, allowingQuery: true) }
            return text
        }
    }

    /// The path of a URL.
    static var urlPath: Self {
        .init("a path like /v1/models", form: .pattern("^/")) { text throws(SettingsMismatch) in
            guard text.first == "/", text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "#") })
            else { throw .init("\(quoted(text)) is not a path; begin with / and use visible ASCII without #") }
            return text
        }
    }

    /// An existing, readable file, or nothing.
    static var existingFile: Self {
        .init("a path") { text throws(SettingsMismatch) in
            if !text.isEmpty { try ReadableFile.check(text) }
            return text
        }
    }
}
