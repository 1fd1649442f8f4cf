import Foundation
import SimpleAICore
import Storage

/// Parses the body of `POST /admin/api/keys`. Strict: an unknown member may be a misspelled limit, and either value of a
/// duplicate member may be the intended one.
struct NewAPIKeyParser {
    private static let members: Set<ExactString> = ["name", "roles", "classes", "expires_in_seconds"]
    private static let keys = JSONScanner.Keys(refusingVariantsOf: members.sorted().map(\.rawValue))
    private static let maxLifetime = 10 * 366 * 86_400

    let creator: String
    let now: Date

    /// - Throws: `invalidJSON` or `invalidRequest`.
    func newKey(in body: [UInt8]) throws(GatewayError) -> NewAPIKey {
        var scanner = JSONScanner(watching: Self.keys)
        do throws(JSONError) {
            try scanner.scan(body[...])
            try scanner.finish()
        } catch {
            throw GatewayError(body: error)
        }
        guard let document = JSONSlice(document: body[...]) else {
            throw GatewayError(.invalidJSON, "The request body is not valid JSON.")
        }
        guard document.isObject else { throw Self.refusal("The request body must be a JSON object.", nil) }
        try refuseUnknownMembers(of: document)
        guard let name = document["name"]?.string else {
            throw Self.refusal("The field \"name\" is required; it identifies the key.", "name")
        }
        var newKey = NewAPIKey(name: name, creator: creator)
        newKey.roles = Set((try strings("roles", of: document) ?? []).map { Role($0) })
        newKey.classes = try strings("classes", of: document).map { Set($0.map { ClassName($0) }) }
        if let life = document["expires_in_seconds"], !life.isNull {
            guard let seconds = life.integer, (1...Self.maxLifetime).contains(seconds) else {
                throw Self.refusal("A key's lifetime must be 1 to \(Self.maxLifetime) seconds.", "expires_in_seconds")
            }
            newKey.expiry = now.addingTimeInterval(Double(seconds))
        }
        if newKey.roles.contains(APIKeyRoles.administration) {
            throw Self.refusal("API keys cannot have the admin role; use an admin's token.", "roles")
        }
        return newKey
    }

    private func refuseUnknownMembers(of document: JSONSlice) throws(GatewayError) {
        guard let unknown = document.memberNames.first(where: { !Self.members.contains(ExactString($0)) }) else {
            return
        }
        let known = Self.members.sorted().map(\.rawValue).joined(separator: ", ")
        throw Self.refusal("Unknown field \"\(unknown)\"; known fields: \(known).", String(unknown.prefix(64)))
    }

    private func strings(_ member: String, of document: JSONSlice) throws(GatewayError) -> [String]? {
        guard let value = document[member], !value.isNull else { return nil }
        let elements = value.elements.compactMap(\.string)
        guard value.bytes.first == UInt8(ascii: "["), elements.count == value.elements.count, elements.count <= 100
        else {
            throw Self.refusal("The field \"\(member)\" must be an array of at most 100 strings.", member)
        }
        return elements
    }

    private static func refusal(_ message: String, _ param: String?) -> GatewayError {
        GatewayError(.invalidRequest, message, param: param)
    }
}
