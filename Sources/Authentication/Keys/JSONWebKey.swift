import Crypto
import CryptoExtras
import Foundation
import SimpleAICore

/// Why a key of a set is not used. Constant texts, for the log.
enum KeyProblem: String, Error, Hashable, Sendable {
    case notAnObject = "no object, or one that names a member twice"
    case symmetric = "symmetric"
    case privateKey = "private part is published"
    case unsupportedType = "unsupported type or curve"
    case notForSignatures = "not for verifying signatures"
    case malformed = "a member is missing or malformed"
    case unsupportedAlgorithm = "declared algorithm is not supported"
    case algorithmMismatch = "declared algorithm does not fit the key"
    case noAlgorithm = "declares no algorithm, and none of those configured fits"
    case weakModulus = "RSA modulus is below 2048 or above 8192 bits"
    case weakExponent = "RSA exponent is 1, even or too large"
    case factorable = "RSA modulus is factorable (CVE-2017-15361)"
    case notOnCurve = "not a point of its curve"
}

/// Reads one JWK (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2) into a key that is bound to its algorithm.
struct JSONWebKey {
    private let members: [ExactString: JSONValue]
    private let configured: [SignatureAlgorithm]

    /// - Parameter algorithms: for a key that declares none, in order of preference.
    static func verifyingKey(
        from value: JSONValue, algorithms: [SignatureAlgorithm]
    ) throws(KeyProblem) -> VerifyingKey {
        guard let members = value.object else { throw .notAnObject }
        return try JSONWebKey(members: members, configured: algorithms).verifyingKey()
    }

    private func verifyingKey() throws(KeyProblem) -> VerifyingKey {
        let type = try string("kty")
        guard type != "oct" else { throw .symmetric }
        // A private key that everybody can fetch proves nothing.
        guard members["d"] == nil else { throw .privateKey }
        try checkPurpose()
        let id = try optionalString("kid")
        switch type {
        case "RSA": return try rsaKey(id: id)
        case "EC": return try ellipticKey(id: id)
        case "OKP": return try edwardsKey(id: id)
        default: throw .unsupportedType
        }
    }

    private func checkPurpose() throws(KeyProblem) {
        if let use = try optionalString("use"), use != "sig" { throw .notForSignatures }
        if let operations = members["key_ops"] {
            guard let names = operations.strings else { throw .malformed }
            guard names.contains("verify") else { throw .notForSignatures }
        }
    }

    private func rsaKey(id: String?) throws(KeyProblem) -> VerifyingKey {
        let parameters = RSAParameters(modulus: try bytes("n"), exponent: try bytes("e"))
        guard (2048...8192).contains(parameters.modulusBits) else { throw .weakModulus }
        guard parameters.hasSoundExponent else { throw .weakExponent }
        guard !parameters.isFactorable else { throw .factorable }
        let algorithm = try algorithm(among: SignatureAlgorithm.allCases.filter(\.isRSA))
        guard let key = try? _RSA.Signing.PublicKey(n: parameters.modulus, e: parameters.exponent) else {
            throw .malformed
        }
        return VerifyingKey(
            id: id, algorithm: algorithm, material: .rsa(key),
            encoded: parameters.exponent + [0] + parameters.modulus)
    }

    private func ellipticKey(id: String?) throws(KeyProblem) -> VerifyingKey {
        let curve = try string("crv")
        let (x, y) = (try bytes("x"), try bytes("y"))
        let point = [0x04] + x + y
        let algorithm: SignatureAlgorithm
        let material: VerifyingKey.Material?
        switch curve {
        case "P-256":
            guard x.count == 32, y.count == 32 else { throw .malformed }
            algorithm = try self.algorithm(among: [.es256])
            material = (try? P256.Signing.PublicKey(x963Representation: point)).map { .p256($0) }
        case "P-384":
            guard x.count == 48, y.count == 48 else { throw .malformed }
            algorithm = try self.algorithm(among: [.es384])
            material = (try? P384.Signing.PublicKey(x963Representation: point)).map { .p384($0) }
        case "P-521":
            guard x.count == 66, y.count == 66 else { throw .malformed }
            algorithm = try self.algorithm(among: [.es512])
            material = (try? P521.Signing.PublicKey(x963Representation: point)).map { .p521($0) }
        default:
            throw .unsupportedType
        }
        guard let material else { throw .notOnCurve }
        return VerifyingKey(id: id, algorithm: algorithm, material: material, encoded: point)
    }

    private func edwardsKey(id: String?) throws(KeyProblem) -> VerifyingKey {
        guard try string("crv") == "Ed25519" else { throw .unsupportedType }
        let x = try bytes("x")
        let algorithm = try algorithm(among: [.edDSA])
        guard x.count == 32, let key = try? Curve25519.Signing.PublicKey(rawRepresentation: x) else {
            throw .malformed
        }
        return VerifyingKey(id: id, algorithm: algorithm, material: .ed25519(key), encoded: x)
    }

    /// The one algorithm of the key: the one that it declares, else the first configured one that fits.
    private func algorithm(among fitting: [SignatureAlgorithm]) throws(KeyProblem) -> SignatureAlgorithm {
        guard let name = try optionalString("alg") else {
            guard let algorithm = configured.first(where: fitting.contains) else { throw .noAlgorithm }
            return algorithm
        }
        guard let declared = SignatureAlgorithm(rawValue: name) else { throw .unsupportedAlgorithm }
        guard fitting.contains(declared) else { throw .algorithmMismatch }
        return declared
    }

    private func string(_ name: String) throws(KeyProblem) -> String {
        guard let string = try optionalString(name) else { throw .malformed }
        return string
    }

    private func optionalString(_ name: String) throws(KeyProblem) -> String? {
        guard let value = members[ExactString(name)] else { return nil }
        guard let string = value.string else { throw .malformed }
        return string
    }

    private func bytes(_ name: String) throws(KeyProblem) -> [UInt8] {
        guard let bytes = Base64URL.decode(try string(name).utf8) else { throw .malformed }
        return bytes
    }
}
