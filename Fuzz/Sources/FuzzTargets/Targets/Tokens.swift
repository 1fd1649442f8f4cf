import Foundation

@testable import Authentication
@testable import SimpleAICore

extension FuzzTarget {
    /// A token before its signature is verified.
    static let tokens = FuzzTarget(
        "tokens",
        seeds: [
            token(#"{"alg":"RS256","kid":"k","typ":"at+jwt"}"#, #"{"iss":"i","sub":"s","exp":1e9,"aud":["a"]}"#),
            token(#"{"alg":"ES256"}"#, #"{"iss":"i","sub":"s","exp":1,"nbf":0,"iat":0.5,"aud":"a","scope":"x y"}"#),
            token(
                #"{"alg":"Ed25519","kid":null,"jku":"https://x","x5c":["MIIB"]}"#,
                #"{"iss":"i","exp":1,"client_id":"c"}"#),
            token(#"{"alg":"none"}"#, "{}"), #"{"alg":"RS256","kid":"k","typ":"application/at+jwt"}"#,
            #"{"iss":"i","sub":"s","exp":1700000000,"aud":["a","b"],"realm_access":{"roles":["admin"]},"scp":["x"]}"#,
        ],
        words: [
            ".", "..", "=", "eyJhbGciOiJub25lIn0", "\"alg\":\"none\"", "\"crit\":[\"b64\"]", "\"jwk\":{}",
            "\"exp\":1e308",
            "\"sub\":\"\"", "\"aud\":[]", "{", "}", "\\ud800", "null", "-", "_", "\u{212A}", "\0",
        ]
    ) { bytes in
        let text = String(decoding: bytes, as: UTF8.self)
        if let decoded = Base64URL.decode(bytes) {
            try require(Base64URL.encode(decoded) == text, "another spelling of the same bytes is taken")
        }
        // As a whole, and as the JSON that a token could contain.
        if let token = try? CompactToken(text) {
            try require(text.hasPrefix(String(decoding: token.signingInput, as: UTF8.self) + "."), "what is signed")
            _ = try? Claims(json: token.payload)
        }
        let theirs = (try? JSONSerialization.jsonObject(with: Data(bytes))) as? [String: Any]
        if let header = try? JOSEHeader(json: bytes) {
            let algorithm = (theirs?["alg"] as? String).flatMap { SignatureAlgorithm(name: $0) }
            try require(algorithm == header.algorithm, "Foundation reads another algorithm")
            try require(theirs?["kid"] as? String == header.keyID, "Foundation reads another key id")
            for name in ["crit", "b64"] { try require(theirs?[name] == nil, "\(name) is let through") }
            for name in ["zip", "enc"] { try require((theirs?[name] ?? NSNull()) is NSNull, "\(name) is let through") }
        }
        if let claims = try? Claims(json: bytes) {
            let subject = try? claims.subject(at: [.dotted("sub")])
            if subject != nil {
                try require(theirs?["sub"] as? String == subject?.rawValue, "Foundation reads another subject")
            }
            try require(theirs?["iss"] as? String == claims.issuer.rawValue, "Foundation reads another issuer")
            try require(claims.expiry.isFinite && subject?.rawValue != "", "claims that mean nothing")
        }
    }

    private static func token(_ header: String, _ payload: String) -> String {
        [header, payload, "signature"].map { Base64URL.encode($0.utf8) }.joined(separator: ".")
    }
}
