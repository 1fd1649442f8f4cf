import Crypto
import CryptoExtras
import Foundation
import SimpleAICore

/// Why a key of a key set is not used. Constant texts, for the log.
enum KeyProblem: String, Error, Hashable, Sendable {
    case notAnObject = "not an object, or an object with a duplicate member"
    case symmetric = "symmetric"
    case privateKey = "private part is published"
    case unsupportedType = "unsupported type or curve"
    case notForSignatures = "not a signature verification key"
    case malformed = "a member is missing or malformed"
    case unsupportedAlgorithm = "declared algorithm is not supported"
    case algorithmMismatch = "declared algorithm does not fit the key"
    case noAlgorithm = "declares no algorithm, and no configured one fits"
    case weakModulus = "RSA modulus is below 2048 or above 8192 bits"
    case weakExponent = "RSA exponent is 1, even or too large"
    case factorable = "RSA modulus is factorable (CVE-2017-15361)"
    case notOnCurve = "not a point of its curve"
}

/// Converts a JWK (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2) to a key that is bound to one algorithm.
///
/// The issuer is trusted, so unambiguous deviations from the RFCs are accepted (null for an absent member, padded base64,
/// coordinates without their leading zeros, only a certificate). Faults that make a key unsafe are not.
struct JSONWebKey {
    private let members: [ExactString: JSONValue]
    private let configured: [SignatureAlgorithm]

    /// - Parameter algorithms: for a key that declares none, in order of preference.
    static func verifyingKey(
        from value: JSONValue, algorithms: [SignatureAlgorithm]
    ) throws(KeyProblem) -> VerifyingKey {
        guard let members = value.object else { throw .notAnObject }
        return try JSONWebKey(members: members.filter { $0.value != .null }, configured: algorithms).verifyingKey()
    }

    private func verifyingKey() throws(KeyProblem) -> VerifyingKey {
        let type = try optionalString("kty")
        guard type != "oct" else { throw .symmetric }
        // A private key that any client can fetch proves nothing.
        guard members["d"] == nil else { throw .privateKey }
        try checkPurpose()
        let id = try optionalString("kid")
        switch try publicKey(type: type) {
        case .rsa(let parameters): return try rsaKey(parameters, id: id)
        case .elliptic(let curve, let x, let y): return try ellipticKey(curve, x, y, id: id)
        case .ed25519(let key): return try edwardsKey(key, id: id)
        }
    }

    private func checkPurpose() throws(KeyProblem) {
        if let use = try optionalString("use"), use != "sig" { throw .notForSignatures }
        if let operations = members["key_ops"] {
            guard let names = operations.stringElements else { throw .malformed }
            guard names.contains("verify") else { throw .notForSignatures }
        }
    }

    /// The public key from the members of its type; if none of them is present, from the first certificate of `x5c` (RFC 7517
    /// §4.7). The certificate is not verified: its key is trusted because the issuer publishes it.
    private func publicKey(type: String?) throws(KeyProblem) -> PublicKey {
        if let certificates = members["x5c"], ["n", "e", "x", "y"].allSatisfy({ members[$0] == nil }) {
            guard let text = certificates.array?.first?.string, let bytes = Base64URL.decodeLeniently(text),
                let key = PublicKey(certificate: bytes)
            else { throw .malformed }
            guard type == nil || type == key.type else { throw .malformed }
            return key
        }
        switch type {
        case "RSA": return .rsa(RSAParameters(modulus: try bytes("n"), exponent: try bytes("e")))
        case "EC": return .elliptic(curve: try string("crv"), x: try bytes("x"), y: try bytes("y"))
        case "OKP":
            guard try string("crv") == "Ed25519" else { throw .unsupportedType }
            return .ed25519(try bytes("x"))
        case nil: throw .malformed
        default: throw .unsupportedType
        }
    }

    private func rsaKey(_ parameters: RSAParameters, id: String?) throws(KeyProblem) -> VerifyingKey {
        guard (2048...8192).contains(parameters.modulusBits) else { throw .weakModulus }
        guard parameters.hasSoundExponent else { throw .weakExponent }
        guard !parameters.isFactorable else { throw .factorable }
        let algorithm = try algorithm(among: SignatureAlgorithm.allCases.filter(\.isRSA))
        guard let key = try? _RSA.Signing.PublicKey(n: parameters.modulus, e: parameters.exponent) else {
            throw .malformed
        }
        return VerifyingKey(
            id: id, issuer: try issuer(), algorithm: algorithm, material: .rsa(key),
            encoded: parameters.exponent + [0] + parameters.modulus)
    }

    private func ellipticKey(
        _ curve: String, _ x: [UInt8], _ y: [UInt8], id: String?
    ) throws(KeyProblem) -> VerifyingKey {
        let algorithm: SignatureAlgorithm
        let point: [UInt8]
        let material: VerifyingKey.Material?
        switch curve {
        case "P-256":
            point = try Self.point(x, y, size: 32)
            algorithm = try self.algorithm(among: [.es256])
            material = (try? P256.Signing.PublicKey(x963Representation: point)).map { .p256($0) }
        case "P-384":
            point = try Self.point(x, y, size: 48)
            algorithm = try self.algorithm(among: [.es384])
            material = (try? P384.Signing.PublicKey(x963Representation: point)).map { .p384($0) }
        case "P-521":
            point = try Self.point(x, y, size: 66)
            algorithm = try self.algorithm(among: [.es512])
            material = (try? P521.Signing.PublicKey(x963Representation: point)).map { .p521($0) }
        default:
            throw .unsupportedType
        }
        guard let material else { throw .notOnCurve }
        return VerifyingKey(
            id: id, issuer: try issuer(), algorithm: algorithm, material: material, encoded: point)
    }

    /// The point in X9.63 form. A coordinate has the size of its curve's field (RFC 7518 §6.2.1.2); libraries that
    /// write integers omit leading zeros, or add one.
    private static func point(_ x: [UInt8], _ y: [UInt8], size: Int) throws(KeyProblem) -> [UInt8] {
        var point: [UInt8] = [0x04]
        for coordinate in [x, y] {
            let digits = coordinate.drop { $0 == 0 }
            guard !coordinate.isEmpty, digits.count <= size else { throw .malformed }
            point += Array(repeating: 0, count: size - digits.count) + digits
        }
        return point
    }

    private func edwardsKey(_ bytes: [UInt8], id: String?) throws(KeyProblem) -> VerifyingKey {
        let algorithm = try algorithm(among: [.edDSA])
        guard bytes.count == 32, let key = try? Curve25519.Signing.PublicKey(rawRepresentation: bytes) else {
            throw .malformed
        }
        return VerifyingKey(
            id: id, issuer: try issuer(), algorithm: algorithm, material: .ed25519(key), encoded: bytes)
    }

    /// The member `issuer`: Entra ID's key sets contain keys for several issuers.
    private func issuer() throws(KeyProblem) -> IssuerTemplate? {
        guard let text = try optionalString("issuer"), !text.isEmpty else { return nil }
        return IssuerTemplate(text)
    }

    /// The only algorithm of the key: the declared one, otherwise the first configured one that fits.
    private func algorithm(among fitting: [SignatureAlgorithm]) throws(KeyProblem) -> SignatureAlgorithm {
        guard let name = try optionalString("alg") else {
            guard let algorithm = configured.first(where: fitting.contains) else { throw .noAlgorithm }
            return algorithm
        }
        guard let declared = SignatureAlgorithm(name: name) else { throw .unsupportedAlgorithm }
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
        guard let bytes = Base64URL.decodeLeniently(try string(name)) else { throw .malformed }
        return bytes
    }
}
