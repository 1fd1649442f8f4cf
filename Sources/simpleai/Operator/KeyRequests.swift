import Acceptance
import Foundation

/// The body of `POST /admin/api/keys`.
struct NewKeyBody: Encodable {
    let name: String
    let roles: [String]
    let classes: [String]?
    let lifeInSeconds: Int?

    enum CodingKeys: String, CodingKey {
        case name, roles, classes
        case lifeInSeconds = "expires_in_seconds"
    }
}

/// An API key as the gateway describes it.
struct ListedKey: Decodable {
    let id: String
    let name: String
    let hint: String
    let roles: [String]
    let classes: [String]?
    let created: Int
    let createdBy: String
    let expires: Int?
    let revoked: Int?
    /// Whether the gateway's database does not yet contain the revocation.
    let isRevocationPending: Bool?
    let lastUsed: Int?
    /// The key itself, which only the response to its creation contains.
    let key: String?

    enum CodingKeys: String, CodingKey {
        case id, name, hint, roles, classes, created, expires, revoked, key
        case isRevocationPending = "revocation_pending"
        case createdBy = "created_by"
        case lastUsed = "last_used"
    }

    var summary: String {
        let classes = classes.map { "classes \($0.joined(separator: ", "))" } ?? "all classes"
        let roles = roles.isEmpty ? "" : "; roles \(roles.joined(separator: ", "))"
        let expiry = expires.map { "; until \(KeyTable.day($0))" } ?? ""
        return "\(id) \"\(name)\": \(classes)\(roles)\(expiry)"
    }
}

/// Requests to `/admin/api/keys`.
struct KeyRequests {
    let client: OperatorClient

    private struct Listing: Decodable { let data: [ListedKey] }

    func create(_ body: NewKeyBody) async throws -> ListedKey {
        try Self.decode(try await send("POST", "/admin/api/keys", body: JSONEncoder().encode(body)))
    }

    func revoke(_ id: String) async throws -> ListedKey {
        try Self.decode(try await send("DELETE", "/admin/api/keys/\(id)"))
    }

    func list() async throws -> [ListedKey] {
        try Self.decode(try await send("GET", "/admin/api/keys"), as: Listing.self).data
    }

    func listing() async throws -> String { String(decoding: try await send("GET", "/admin/api/keys"), as: UTF8.self) }

    private func send(_ method: String, _ path: String, body: Data? = nil) async throws -> Data {
        let response = try await client.send(method, path, body: body)
        guard response.isSuccess else {
            throw CommandFailure("the gateway refused the request: \(response.errorMessage)")
        }
        return response.body
    }

    private static func decode<Value: Decodable>(_ body: Data, as type: Value.Type = Value.self) throws -> Value {
        do {
            return try JSONDecoder().decode(type, from: body)
        } catch {
            throw CommandFailure("the response is not from a SimpleAI gateway; check --url")
        }
    }
}

/// Keys as text, one per line.
struct KeyTable {
    private let keys: [ListedKey]

    init(_ keys: [ListedKey]) { self.keys = keys }

    var text: String {
        let heads = ["ID", "NAME", "CLASSES", "ROLES", "LAST USED", "STATE"]
        let rows = keys.map { key in
            [
                key.id, key.name, key.classes?.joined(separator: ",") ?? "all",
                key.roles.isEmpty ? "-" : key.roles.joined(separator: ","), key.lastUsed.map(Self.minute) ?? "never",
                state(of: key),
            ]
        }
        return TextColumns.lines([heads] + rows).joined(separator: "\n")
    }

    private func state(of key: ListedKey) -> String {
        if let revoked = key.revoked {
            return "revoked \(Self.day(revoked))\(key.isRevocationPending == true ? ", not written yet" : "")"
        }
        guard let expires = key.expires else { return "in service" }
        return Date(timeIntervalSince1970: Double(expires)) > Date() ? "until \(Self.day(expires))" : "expired"
    }

    static func day(_ seconds: Int) -> String {
        Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601.year().month().day())
    }

    private static func minute(_ seconds: Int) -> String {
        Date(timeIntervalSince1970: Double(seconds)).formatted(
            .iso8601.year().month().day().dateTimeSeparator(.space).time(includingFractionalSeconds: false))
    }
}
