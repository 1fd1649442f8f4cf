import Crypto
import CryptoExtras
import Foundation
import Testing

@testable import LocalFleet

/// A token that must be refused, with exactly one fault. (The HTTP layer may be the one to refuse a token that is too
/// long.)
struct HostileToken: Sendable {
    let name: String
    let text: String
    var statuses: Set<Int> = [401]
    var message = "Invalid token."

    /// Every kind of hostile token.
    static func all(_ forge: Forge, keys: PublishedKeys, evil: String) throws -> [HostileToken] {
        try unsigned(forge) + confusions(forge, keys) + signatures(forge, keys) + headers(forge, evil: evil)
            + keyIDs(forge) + shapes(forge) + claims(forge) + sizes(forge)
    }

    // MARK: No signature at all

    private static func unsigned(_ forge: Forge) throws -> [HostileToken] {
        let good = try forge.token()
        let signature = try #require(good.split(separator: ".").last.map(String.init))
        var tokens: [HostileToken] = []
        for name in ["none", "None", "NONE", "nOnE"] {
            let text = try forge.token(header: ["alg": .string(name)], signer: { _ in [] })
            tokens.append(.init(name: "alg \(name), no signature", text: text))
        }
        let unsigned = try forge.token(header: ["alg": "none"], signer: { _ in [] })
        tokens.append(.init(name: "alg none with a good token's signature", text: unsigned + signature))
        tokens.append(.init(name: "alg none of two segments", text: String(unsigned.dropLast())))
        tokens.append(.init(name: "a good token without its signature", text: String(good.dropLast(signature.count))))
        tokens.append(.init(name: "a good token of two segments", text: String(good.dropLast(signature.count + 1))))
        for (name, value) in [
            ("missing", nil), ("null", .null), ("a list", ["ES256"]), ("empty", ""), ("a number", 256),
            ("in lower case", "es256"), ("with a space", "ES256 "), ("with a NUL", "ES256\u{0}"), ("unknown", "ES256K"),
        ] as [(String, JSONText?)] {
            tokens.append(.init(name: "alg \(name)", text: try forge.token(header: ["alg": value])))
        }
        return tokens
    }

    // MARK: Key type confusion

    private static func confusions(_ forge: Forge, _ keys: PublishedKeys) throws -> [HostileToken] {
        var tokens: [HostileToken] = []
        for (kind, key, spellings) in [
            ("RSA", forge.rsa, try PublicSpellings(rsa: forge.rsa)),
            ("P-256", forge.curve, try PublicSpellings(curve: forge.curve)),
        ] {
            let secrets: [(String, [UInt8])] = [
                ("PEM", Array(spellings.pem.utf8)), ("PEM and a line break", Array((spellings.pem + "\n").utf8)),
                ("DER", spellings.der), ("JWK", Array(spellings.jwk.utf8)), ("bare numbers", spellings.raw),
            ]
            for (spelling, secret) in secrets {
                tokens.append(
                    .init(
                        name: "HS256 with the \(kind) key's \(spelling)",
                        text: try forge.token(key, header: ["alg": "HS256"], signer: Forge.hmac(256, secret: secret))))
            }
            for bits in [384, 512] {
                tokens.append(
                    .init(
                        name: "HS\(bits) with the \(kind) key's PEM",
                        text: try forge.token(
                            key, header: ["alg": .string("HS\(bits)")],
                            signer: Forge.hmac(bits, secret: Array(spellings.pem.utf8)))))
            }
            // Under the key's own algorithm: a verifier that checks the signature's length would be detected here.
            tokens.append(
                .init(
                    name: "a MAC by the \(kind) key's DER, named as the key's own algorithm",
                    text: try forge.token(key, signer: Forge.hmac(256, secret: spellings.der))))
        }
        for (name, secret) in [("an empty secret", ""), ("the secret \"secret\"", "secret")] {
            tokens.append(
                .init(
                    name: "HS256 with \(name)",
                    text: try forge.token(
                        header: ["alg": "HS256"], signer: Forge.hmac(256, secret: Array(secret.utf8)))))
        }
        tokens.append(
            .init(
                name: "HS256 with a symmetric key that the issuer publishes",
                text: try forge.token(
                    header: ["alg": "HS256", "kid": .string(PublishedKeys.symmetricID)],
                    signer: Forge.hmac(256, secret: PublishedKeys.secret))))
        let others: [(String, _RSA.Signing.Padding, Int)] = [
            ("PS256", .PSS, 256), ("RS512", .insecurePKCS1v1_5, 512), ("PS384", .PSS, 384), ("RS256", .PSS, 256),
        ]
        for (algorithm, padding, bits) in others {
            tokens.append(
                .init(
                    name: "\(algorithm) by a key for RS256",
                    text: try forge.token(
                        forge.rsa, header: ["alg": .string(algorithm)],
                        signer: forge.rsaSignature(with: padding, bits: bits))))
        }
        tokens.append(
            .init(
                name: "the curve's signature under the RSA key's id",
                text: try forge.token(forge.curve, header: ["kid": .string(forge.rsa.id)])))
        tokens.append(
            .init(
                name: "the RSA key's signature named ES256",
                text: try forge.token(forge.rsa, header: ["alg": "ES256", "kid": .string(forge.curve.id)])))
        for name in ["ES384", "ES512", "EdDSA"] {
            tokens.append(
                .init(
                    name: "\(name) of a key for ES256", text: try forge.token(header: ["alg": .string(name)])))
        }
        return tokens
    }

    // MARK: Signatures

    private static func signatures(_ forge: Forge, _ keys: PublishedKeys) throws -> [HostileToken] {
        let good = try forge.token()
        let parts = good.split(separator: ".").map(String.init)
        let other = try forge.token(claims: ["sub": "another user"]).split(separator: ".").map(String.init)
        let sign: Forge.Signer = { try forge.curve.signature(of: Data($0)) }
        var tokens = [
            HostileToken(name: "another token's signature", text: "\(parts[0]).\(parts[1]).\(other[2])"),
            HostileToken(name: "another token's claims", text: "\(parts[0]).\(other[1]).\(parts[2])"),
        ]
        let asn1 = try forge.curveSignatureInASN1()
        let one = Array(repeating: UInt8(0), count: 31) + [1]
        let signers: [(String, Forge.Signer)] = [
            ("zeros for r and s", { _ in Array(repeating: 0, count: 64) }),
            ("ones for r and s", { _ in one + one }),
            ("one bit less", { flipped(try sign($0)) }),
            ("one byte less", { Array(try sign($0).dropLast()) }),
            ("one byte more", { try sign($0) + [0] }),
            ("the halves exchanged", { exchanged(try sign($0)) }),
            ("a signature in ASN.1", asn1),
            ("a signature over the claims alone", { try sign(Array($0.drop { $0 != 0x2E }.dropFirst())) }),
        ]
        for (name, signer) in signers {
            tokens.append(.init(name: name, text: try forge.token(signer: signer)))
        }
        let unknownKey = try SigningKey(generating: .es256)
        tokens.append(
            .init(
                name: "an unknown key under the id of a known one",
                text: try forge.token(unknownKey, header: ["kid": .string(forge.curve.id)])))
        tokens.append(.init(name: "an unknown key under its own id", text: try forge.token(unknownKey)))
        for (name, id, bytes) in [
            ("the exponent 1", PublishedKeys.exponentOneID, 256), ("1024 bits", PublishedKeys.shortID, 128),
        ] {
            tokens.append(
                .init(
                    name: "a published RSA key with \(name)",
                    text: try forge.token(
                        forge.rsa, header: ["kid": .string(id)], signer: Forge.exponentOneSignature(bytes: bytes))))
        }
        for (name, key) in [
            ("for encryption", keys.forEncryption), ("for other operations", keys.forSigningOnly),
            ("whose private part is published, too", keys.leaked),
        ] {
            tokens.append(.init(name: "a published key \(name)", text: try forge.token(key)))
        }
        return tokens
    }

    @Sendable private static func flipped(_ signature: [UInt8]) -> [UInt8] {
        signature.enumerated().map { $0.offset == 40 ? $0.element ^ 1 : $0.element }
    }

    @Sendable private static func exchanged(_ signature: [UInt8]) -> [UInt8] {
        Array(signature[32...] + signature[..<32])
    }

    // MARK: Headers with rules of their own

    private static func headers(_ forge: Forge, evil: String) throws -> [HostileToken] {
        let unknownKey = try SigningKey(generating: .es256)
        var tokens: [HostileToken] = []
        for (name, value) in offeredKeys(unknownKey, evil: evil) {
            // Signed by the key that the token offers: under its id, under that of a known key, and under none.
            for (id, kid) in [
                ("its own id", .string(unknownKey.id)), ("a known id", .string(forge.curve.id)), ("no id", nil),
                ("null", .null),
            ] as [(String, JSONText?)] {
                let text = try forge.token(unknownKey, header: [name: value, "kid": kid])
                tokens.append(.init(name: "\(name) with the key that signed it, under \(id)", text: text))
            }
        }
        for (name, header) in [
            ("crit", ["crit": ["exp"]]), ("an empty crit", ["crit": []]), ("b64 false", ["b64": .bool(false)]),
            ("b64 false, and said to be critical", ["b64": .bool(false), "crit": ["b64"]]),
            ("a critical key address", ["crit": ["jku"], "jku": .string("\(evil)/jwks.json")]),
            ("crit null", ["crit": .null]),
            ("compression", ["zip": "DEF"]), ("encryption", ["enc": "A256GCM", "alg": "dir"]),
            ("typ as a number", ["typ": 5]),
        ] as [(String, [String: JSONText?])] {
            tokens.append(.init(name: "a header with \(name)", text: try forge.token(header: header)))
        }
        let sign: Forge.Signer = { try forge.curve.signature(of: Data($0)) }
        let claims = forge.text(forge.claims())
        let header = forge.text(forge.header())
        for (name, text) in [
            ("alg twice", header.replacing("{\"alg\"", with: "{\"alg\":\"none\",\"alg\"")),
            ("alg twice, once escaped", header.replacing("{\"alg\"", with: "{\"\\u0061lg\":\"none\",\"alg\"")),
            ("kid twice", header.replacing("{", with: "{\"kid\":\"x\",")),
            ("a byte order mark", "\u{FEFF}" + header), ("something behind it", header + "x"),
            ("a comment", "/**/" + header), ("a list around it", "[\(header)]"), ("nothing in it", ""),
            ("5,000 brackets", String(repeating: "[", count: 5_000)),
        ] {
            tokens.append(
                .init(name: "a header with \(name)", text: try Forge.token(header: text, claims: claims, signer: sign)))
        }
        return tokens
    }

    /// Ways in which a token may offer a key or the address of one. The gateway ignores them.
    static func offeredKeys(_ key: SigningKey, evil: String) -> [(String, JSONText)] {
        [
            ("jwk", key.publicKey.json), ("jku", .string("\(evil)/jwks.json")),
            ("x5u", .string("\(evil)/certificate.pem")), ("x5c", ["MIIB"]),
        ]
    }

    // MARK: Key ids

    /// A key id is only a name: not a path, a query, a command or an address.
    private static func keyIDs(_ forge: Forge) throws -> [HostileToken] {
        var tokens: [HostileToken] = []
        for (id, secret) in [
            ("/dev/null", ""), ("../../../../../../dev/null", ""), ("..\\..\\..\\windows\\win.ini", ""),
            ("/proc/sys/kernel/randomize_va_space", "2\n"), ("file:///dev/null", ""), ("/etc/hostname", "gateway\n"),
            ("x' UNION SELECT 'secret';-- ", "secret"), ("x\" OR \"1\"=\"1", "secret"), ("| sleep 10", "secret"),
            ("$(sleep 10)", "secret"), ("http://127.0.0.1:1/key", "secret"), ("${jndi:ldap://127.0.0.1/x}", "secret"),
            ("key\r\nX-Injected: 1", "secret"), ("key\u{0}", "secret"), ("", ""), ("*", "secret"), ("0", "secret"),
        ] {
            let name = "the key id \(String(reflecting: id))"
            tokens.append(
                .init(
                    name: "\(name), as a secret",
                    text: try forge.token(
                        header: ["alg": "HS256", "kid": .string(id)],
                        signer: Forge.hmac(256, secret: Array(secret.utf8)))))
            // Even if the signature is the issuer's own.
            tokens.append(.init(name: name, text: try forge.token(header: ["kid": .string(id)])))
        }
        for (name, value) in [("missing", nil), ("null", .null), ("a number", 1), ("a list", ["k"])]
            as [(String, JSONText?)]
        {
            tokens.append(.init(name: "a key id that is \(name)", text: try forge.token(header: ["kid": value])))
        }
        let id = forge.curve.id
        for (name, text) in [
            ("in other letters", id.uppercased() == id ? id.lowercased() : id.uppercased()), ("and a space", id + " "),
            ("cut short", String(id.dropLast())), ("of 8,000 letters", String(repeating: "k", count: 8_000)),
        ] {
            tokens.append(.init(name: "a known key id \(name)", text: try forge.token(header: ["kid": .string(text)])))
        }
        return tokens
    }

    // MARK: Malformed compact serialisations

    private static func shapes(_ forge: Forge) throws -> [HostileToken] {
        let good = try forge.token()
        let parts = good.split(separator: ".").map(String.init)
        let lastLetter = try #require(parts[2].last)
        let other = try #require(alphabet.firstIndex(of: lastLetter).map { alphabet[$0 ^ 1] })
        let json = """
            {"payload":"\(parts[1])","signatures":[{"protected":"\(parts[0])","signature":"\(parts[2])"}]}
            """
        let flat = "{\"payload\":\"\(parts[1])\",\"protected\":\"\(parts[0])\",\"signature\":\"\(parts[2])\"}"
        return [
            .init(name: "five segments, as encrypted tokens have", text: good + ".AAAA.AAAA"),
            .init(name: "five empty segments", text: "...."), .init(name: "four segments", text: good + "."),
            .init(name: "a dot before it", text: "." + good), .init(name: "dots alone", text: ".."),
            .init(name: "no dot", text: good.replacing(".", with: "")),
            .init(name: "10,000 dots", text: String(repeating: ".", count: 10_000)),
            .init(name: "padding", text: good + "="),
            .init(name: "padding inside", text: "\(parts[0])=.\(parts[1]).\(parts[2])"),
            .init(name: "another spelling of the same signature", text: good.dropLast() + String(other)),
            .init(name: "the other base64", text: "\(parts[0]).\(parts[1]).+/\(parts[2].dropFirst(2))"),
            .init(name: "a space inside", text: "\(parts[0]). \(parts[1]).\(parts[2])"),
            .init(name: "two tokens", text: "\(good) \(good)"),
            .init(name: "two tokens and a comma", text: "\(good),\(good)"),
            .init(name: "the JSON serialization", text: json), .init(name: "the flattened serialization", text: flat),
            .init(name: "bare claims", text: parts[1]), .init(name: "letters", text: "garbage"),
            .init(name: "the text null", text: "null"),
            .init(name: "letters beyond ASCII", text: "é" + good, statuses: [400, 401]),
        ]
    }

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")

    // MARK: Claims, correctly signed

    private static func claims(_ forge: Forge) throws -> [HostileToken] {
        let now = Int(Date().timeIntervalSince1970)
        var tokens: [HostileToken] = []
        for (name, claims) in [
            ("no expiry", ["exp": nil]),
            ("no time left, and another audience", ["exp": .integer(now - 3600), "aud": "x"]),
            ("expiry as a text", ["exp": .string("\(now + 3600)")]), ("expiry null", ["exp": .null]),
            ("expiry beyond all numbers", ["exp": .number(1e300)]),
            ("a list of expiries", ["exp": [.integer(now + 3600)]]),
            ("not before tomorrow", ["nbf": .integer(now + 86_400)]), ("not before a text", ["nbf": "0"]),
            ("issued tomorrow", ["iat": .integer(now + 86_400)]),
            ("no issuer", ["iss": nil]), ("a list of issuers", ["iss": [.string(forge.issuer)]]),
            ("another issuer", ["iss": "https://other.example"]),
            ("a slash more", ["iss": .string(forge.issuer + "/")]),
            ("an issuer in capitals", ["iss": .string(forge.issuer.uppercased())]),
            ("an issuer with a user", ["iss": .string(forge.issuer.replacing("http://", with: "http://x@"))]),
            ("no audience", ["aud": nil]), ("another audience", ["aud": "other"]), ("no audiences", ["aud": []]),
            ("an audience in capitals", ["aud": "SIMPLEAI"]), ("part of the audience", ["aud": "simple"]),
            ("an audience as an object", ["aud": .object([("simpleai", .bool(true))])]),
            ("audiences that are no texts", ["aud": ["simpleai", 5]]),
            ("no subject", ["sub": nil]), ("an empty subject", ["sub": ""]), ("a subject as a number", ["sub": 5]),
        ] as [(String, [String: JSONText?])] {
            tokens.append(.init(name: name, text: try forge.token(claims: claims)))
        }
        // Correctly signed and only expired: the one reason that callers learn.
        for expiry in [now - 3600, -1] {
            tokens.append(
                .init(
                    name: "expiry at \(expiry)", text: try forge.token(claims: ["exp": .integer(expiry)]),
                    message: "The token has expired. Request a new one from its issuer."))
        }
        let sign: Forge.Signer = { try forge.curve.signature(of: Data($0)) }
        let header = forge.text(forge.header())
        let claims = forge.text(forge.claims())
        for (name, text) in [
            ("sub twice", claims.replacing("{\"iss\"", with: "{\"sub\":\"root\",\"iss\"")),
            ("roles twice, once escaped", claims.replacing("{\"iss\"", with: "{\"role\\u0073\":[],\"iss\"")),
            ("a name twice, deep inside", claims.replacing("{\"iss\"", with: "{\"x\":{\"a\":1,\"a\":2},\"iss\"")),
            ("another token inside", try forge.token()), ("a list around them", "[\(claims)]"),
            ("something behind them", claims + "}"), ("a byte order mark", "\u{FEFF}" + claims),
            ("half a surrogate", claims.replacing("{\"iss\"", with: "{\"x\":\"\\ud800\",\"iss\"")), ("nothing", ""),
            (
                "40 levels",
                claims.replacing(
                    "{\"iss\"",
                    with: "{\"x\":\(String(repeating: "[", count: 40))\(String(repeating: "]", count: 40)),\"iss\"")
            ),
            ("5,000 brackets", String(repeating: "[", count: 5_000)),
        ] {
            tokens.append(
                .init(name: "claims with \(name)", text: try Forge.token(header: header, claims: text, signer: sign)))
        }
        let utf16 = claims.utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
        let invalid = Array(claims.replacing("alice", with: "ali~e").utf8).map { $0 == 0x7E ? 0xFF : $0 }
        for (name, bytes) in [("in UTF-16", utf16), ("with a byte that is no UTF-8", invalid)] {
            tokens.append(
                .init(
                    name: "claims \(name)",
                    text: try Forge.token(header: Array(header.utf8), claims: bytes, signer: sign)))
        }
        return tokens
    }

    // MARK: Sizes

    private static func sizes(_ forge: Forge) throws -> [HostileToken] {
        try [17_000, 30_000, 100_000, 1_000_000].map { size in
            let padding = JSONText.string(String(repeating: "x", count: size * 3 / 4))
            return .init(
                name: "\(size) bytes, well signed", text: try forge.token(claims: ["pad": padding]),
                statuses: size < 50_000 ? [401] : [401, 431])
        }
    }
}

/// The keys that the issuer publishes. Beside its valid keys there are some that must not verify a token, though some
/// of them could.
struct PublishedKeys: Sendable {
    static let symmetricID = "shared"
    static let secret = Array("a secret that the issuer was careless with".utf8)
    static let exponentOneID = "exponent-one"
    static let shortID = "short"

    let forEncryption: SigningKey
    let forSigningOnly: SigningKey
    let leaked: SigningKey
    let usable: Int
    let document: [JSONText]

    init(_ forge: Forge) throws {
        forEncryption = try SigningKey(generating: .es256)
        forSigningOnly = try SigningKey(generating: .es256)
        leaked = try SigningKey(generating: .es256)
        let modulus = try PublicSpellings(rsa: forge.rsa).raw
        // With a second key of its kind, a token without a key id matches no key.
        let good = [forge.rsa, forge.curve, try SigningKey(generating: .es256)]
        usable = good.count
        document =
            good.map(\.publicKey.json) + [
                [
                    "kty": "oct", "kid": .string(Self.symmetricID), "alg": "HS256",
                    "k": .string(Base64URL.encode(Self.secret)),
                ],
                Self.rsa(id: Self.exponentOneID, modulus: modulus),
                Self.rsa(id: Self.shortID, modulus: Array(modulus.suffix(128))),
                Self.changed(forEncryption, "use", "enc"), Self.changed(forSigningOnly, "key_ops", ["sign"]),
                Self.changed(leaked, "d", .string(Base64URL.encode(Array(repeating: 7, count: 32)))),
                ["kty": "EC", "crv": "secp256k1", "kid": "odd"], "no key at all",
            ]
    }

    private static func rsa(id: String, modulus: [UInt8]) -> JSONText {
        [
            "kty": "RSA", "kid": .string(id), "alg": "RS256", "use": "sig", "e": "AQ",
            "n": .string(Base64URL.encode(modulus)),
        ]
    }

    private static func changed(_ key: SigningKey, _ name: String, _ value: JSONText) -> JSONText {
        guard case .object(let members) = key.publicKey.json else { return .null }
        return .object(members.filter { $0.0 != name } + [(name, value)])
    }
}
