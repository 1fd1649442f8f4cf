import Foundation
import SimpleAICore
import Storage

/// An API key as the admin API describes it.
struct KeyDescription {
    let key: APIKey

    var json: String { "{\(fields.joined(separator: ","))}" }

    /// The description with the key itself, for the response that creates it.
    func json(withText text: String) -> String {
        "{\((fields + ["\"key\":\(JSONString.encode(text))"]).joined(separator: ","))}"
    }

    private var fields: [String] {
        // Included only if true, which is rare.
        let pending = key.isRevocationPending ? ["\"revocation_pending\":true"] : []
        return [
            "\"id\":\(JSONString.encode(key.id))", "\"object\":\"api_key\"", "\"name\":\(JSONString.encode(key.name))",
            "\"hint\":\(JSONString.encode(key.hint))", "\"roles\":\(Self.list(key.roles.map(\.rawValue)))",
            "\"classes\":\(key.classes.map { Self.list($0.map(\.rawValue)) } ?? "null")",
            "\"created\":\(Self.time(key.created))", "\"created_by\":\(JSONString.encode(key.creator))",
            "\"expires\":\(Self.time(key.expiry))", "\"revoked\":\(Self.time(key.revoked))",
            "\"last_used\":\(Self.time(key.lastUsed))",
        ] + pending
    }

    private static func list(_ names: [String]) -> String {
        "[\(names.sortedByBytes().map { JSONString.encode($0) }.joined(separator: ","))]"
    }

    /// Seconds since 1970, like every time in this API.
    private static func time(_ date: Date?) -> String { date.map { "\(Int($0.timeIntervalSince1970))" } ?? "null" }
}
