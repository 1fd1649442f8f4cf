import Authentication
import SimpleAICore
import Crypto
import Foundation
import Logging

/// Finding the caller of a token that was verified before; compared with one SHA-256 of the token, which is the
/// cache's key.
enum TokenCacheBenchmark {
    static func benchmark(_ found: Found) -> Benchmark {
        Benchmark(
            name: "token cache, one token", referenceName: "SHA-256 of it",
            work: (200, { for _ in 0..<200 { keep(found.verifier.cachedCaller(for: found.token)) } }),
            reference: (200, { for _ in 0..<200 { keep(SHA256.hash(data: Data(found.token.utf8))) } }),
            maxTimesReference: 6)
    }

    /// A verifier with a cached token.
    struct Found {
        let verifier: JWTVerifier
        let token: String
    }

    /// Runs the verifier until its key file has been read and a token of that key was accepted.
    static func prepare() async throws -> Found {
        let key = P256.Signing.PrivateKey()
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("benchmark-\(UUID()).jwks.json")
        try keySet(of: key).write(to: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: file) }
        var issuer = IssuerConfiguration(issuer: "https://issuer.example", audience: .oneOf(["simpleai"]))
        issuer.keys = .file(path: file.path)
        let verifier = JWTVerifier(issuers: [issuer], leeway: .seconds(5), logger: Logger(label: "benchmarks"))
        let token = try token(signedBy: key)
        let running = Task { await verifier.run() }
        defer { running.cancel() }
        for _ in 0..<500 {
            do {
                _ = try await verifier.caller(for: token)
                return Found(verifier: verifier, token: token)
            } catch {
                try await Task.sleep(for: .milliseconds(10))
            }
        }
        throw CancellationError()
    }

    private static func keySet(of key: P256.Signing.PrivateKey) -> String {
        let point = key.publicKey.rawRepresentation
        let (x, y) = (base64URL(point.prefix(32)), base64URL(point.suffix(32)))
        return #"{"keys":[{"kty":"EC","crv":"P-256","kid":"one","use":"sig","alg":"ES256","x":"\#(x)","y":"\#(y)"}]}"#
    }

    private static func token(signedBy key: P256.Signing.PrivateKey) throws -> String {
        let now = Int(Date().timeIntervalSince1970)
        let header = base64URL(Data(#"{"alg":"ES256","typ":"at+jwt","kid":"one"}"#.utf8))
        let claims = base64URL(
            Data(
                #"{"iss":"https://issuer.example","aud":"simpleai","sub":"alice","iat":\#(now),"exp":\#(now + 3600),"#
                    .utf8)
                + Data(#""roles":["model:specific"],"padding":"\#(String(repeating: "x", count: 400))"}"#.utf8))
        let signed = "\(header).\(claims)"
        return "\(signed).\(base64URL(try key.signature(for: Data(signed.utf8)).rawRepresentation))"
    }

    private static func base64URL(_ data: Data) -> String {
        data.base64EncodedString().replacingOccurrences(of: "+", with: "-").replacingOccurrences(of: "/", with: "_")
            .replacingOccurrences(of: "=", with: "")
    }
}
