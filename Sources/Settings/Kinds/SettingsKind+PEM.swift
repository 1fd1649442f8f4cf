import Foundation

// Certificates and keys in PEM (RFC 7468): either the text, as an environment variable may contain it, or the path of a
// file. Only obvious mistakes are reported here; TLS verifies that certificate and key are valid and match.

extension SettingsKind where Value == String {
    /// A PEM certificate, followed by the intermediate certificates up to a root; the result is its text.
    static var certificate: Self {
        .init("the path of a PEM file") { text throws(SettingsMismatch) in
            guard !text.isEmpty else { return "" }
            let pem = isPEM(text) ? text : try contents(of: text)
            guard pem.contains("-----BEGIN CERTIFICATE-----") else {
                let name = isPEM(text) ? "the text" : quoted(text)
                throw .init(
                    pem.contains("PRIVATE KEY-----")
                        ? "\(name) contains a private key instead of a certificate; use the certificate file"
                        : "\(name) contains no PEM certificate (-----BEGIN CERTIFICATE-----)")
            }
            return pem
        }
    }

    /// An unencrypted private key in PEM; the result is its text. Messages quote the value only if it is certainly a
    /// path.
    static var privateKey: Self {
        .init("the path of a PEM file") { text throws(SettingsMismatch) in
            guard !text.isEmpty else { return "" }
            guard isPEM(text) || looksLikePath(text) else {
                throw .init("is neither a PEM private key nor the path of one, such as ./key.pem")
            }
            let pem = isPEM(text) ? text : try contents(of: text)
            let name = isPEM(text) ? "the text" : quoted(text)
            if pem.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") || pem.contains("Proc-Type: 4,ENCRYPTED") {
                throw .init("\(name) contains an encrypted key; decrypt it with `openssl pkey -in FILE -out FILE`")
            }
            guard pem.contains(/-----BEGIN ([A-Z]+ )?PRIVATE KEY-----/) else {
                throw .init(
                    pem.contains("-----BEGIN CERTIFICATE-----")
                        ? "\(name) contains a certificate instead of a private key; use the key file"
                        : "\(name) contains no PEM private key (-----BEGIN PRIVATE KEY-----)")
            }
            return pem
        }
    }

    private static func isPEM(_ text: String) -> Bool { text.contains("-----BEGIN ") }

    /// Base64 has no dot, so the text of a key without its PEM lines does not look like a path.
    private static func looksLikePath(_ text: String) -> Bool {
        text.count < 4096 && text.contains(".") && !text.contains("\n")
    }

    private static func contents(of path: String) throws(SettingsMismatch) -> String {
        String(decoding: try ReadableFile.contents(of: path), as: UTF8.self)
    }
}
