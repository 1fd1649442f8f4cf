import Foundation
import Synchronization

/// The stand-in's issuer. Signatures are a keyed checksum: sufficient to detect a changed token, but not cryptography.
package enum StandInTokens {
    struct Caller: Sendable {
        let roles: Set<String>
        var isAdmin: Bool { roles.contains("admin") }

        static let unrestricted = Caller(roles: ["model:specific", "admin"])
    }

    package static func mint(user: String = "tester", role: String?, expiresIn seconds: Double = 600) -> String {
        let expiry = Int(Date().timeIntervalSince1970 + seconds)
        let roles = role.map { "\"\($0)\"" } ?? ""
        let payload = #"{"sub":"\#(user)","roles":[\#(roles)],"exp":\#(expiry)}"#
        let head = encoded(Data(#"{"alg":"HS256","typ":"JWT"}"#.utf8)) + "." + encoded(Data(payload.utf8))
        return head + "." + signature(of: head)
    }

    /// The caller that `authorization` identifies for `path`, or nil if the request must be refused.
    static func caller(_ authorization: String?, path: String, defect: Defect?) -> Caller? {
        if let caller = verified(authorization, defect: defect) { return caller }
        let isAccepted =
            switch defect {
            case .anybodyAccepted: !(authorization ?? "").contains(".")
            case .listIsPublic: path == "/v1/models"
            case .chatIsPublic: path == "/v1/chat/completions"
            default: false
            }
        return isAccepted ? Caller(roles: []) : nil
    }

    private static func verified(_ authorization: String?, defect: Defect?) -> Caller? {
        guard let authorization, authorization.hasPrefix("Bearer ") else { return nil }
        let parts = authorization.dropFirst(7).split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let header = decoded(parts[0]), let payload = decoded(parts[1]) else { return nil }
        let isUnsigned = header["alg"] as? String == "none"
        let isSigned = !isUnsigned && signature(of: "\(parts[0]).\(parts[1])") == String(parts[2])
        let isTolerated =
            switch defect {
            case .signatureUnverified: !isUnsigned && !parts[2].isEmpty
            case .signatureMayBeMissing: !isUnsigned && parts[2].isEmpty
            // Behaves like a cache of verified tokens that is keyed only by the signature.
            case .claimsUnverified: !isUnsigned && known.withLock { $0.contains(String(parts[2])) }
            case .algorithmNoneAccepted: isUnsigned
            default: false
            }
        guard isSigned || isTolerated else { return nil }
        let expiry = payload["exp"] as? Double ?? 0
        guard defect == .expiredAccepted || expiry > Date().timeIntervalSince1970 else { return nil }
        if isSigned { known.withLock { _ = $0.insert(String(parts[2])) } }
        let roles = Set(payload["roles"] as? [String] ?? [])
        return Caller(roles: defect == .rolesIgnored ? ["model:specific"] : roles)
    }

    /// Signatures that have been verified before.
    private static let known = Mutex<Set<String>>([])

    /// FNV-1a, four times with different initial values.
    private static func signature(of text: String) -> String {
        var bytes: [UInt8] = []
        for salt in 1...4 as ClosedRange<UInt64> {
            var hash: UInt64 = 0xcbf2_9ce4_8422_2325 &+ salt &* 0x9E37_79B9_7F4A_7C15
            for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
            withUnsafeBytes(of: hash.bigEndian) { bytes += $0 }
        }
        return encoded(Data(bytes))
    }

    private static func encoded(_ data: Data) -> String {
        data.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    private static func decoded(_ part: Substring) -> [String: Any]? {
        var text = String(part).replacing("-", with: "+").replacing("_", with: "/")
        text += String(repeating: "=", count: (4 - text.count % 4) % 4)
        guard let data = Data(base64Encoded: text) else { return nil }
        return (try? JSONSerialization.jsonObject(with: data)) as? [String: Any]
    }
}
