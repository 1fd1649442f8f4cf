import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOPosix
import SimpleAICore
import Storage

/// `/admin/api/keys`: administrators create, list and revoke API keys.
struct KeyAdministration: Sendable {
    private static let maxBodySize = ByteCount.kibibytes(16)

    let control: ControlHandlers

    /// `GET`: every key, the oldest first, including revoked ones.
    func list(for request: Request, _ context: ControlContext) async throws -> Response {
        let (keys, _) = try await authorize(request, context)
        let entries = keys.keys.map { KeyDescription(key: $0).json }
        return ControlHandlers.json("{\"object\":\"list\",\"data\":[\(entries.joined(separator: ","))]}")
    }

    /// `POST {"name", "roles"?, "classes"?, "expires_in_seconds"?}`: only this response contains the key itself.
    func create(for request: Request, _ context: ControlContext) async throws -> Response {
        let (keys, admin) = try await authorize(request, context)
        var body: [UInt8] = []
        let newKey = try await control.withBody(
            of: request, context, by: admin, counting: .body, upTo: Self.maxBodySize
        ) { piece throws(GatewayError) in
            body.append(contentsOf: piece.readableBytesView)
        } then: {
            try NewAPIKeyParser(creator: admin.subject.rawValue, now: Date()).newKey(in: body)
        }
        if let unknown = newKey.classes?.subtracting(control.services.rules.access.classes.classes.map(\.name)).min() {
            throw GatewayError(.invalidRequest, "Unknown class \"\(unknown)\".", param: "classes")
        }
        let (text, key) = try await Self.blocking { try keys.create(newKey) }
        control.audit("create_key", of: key.id, by: admin)
        return ControlHandlers.json(KeyDescription(key: key).json(withText: text), status: .created)
    }

    /// `DELETE /admin/api/keys/{id}`: the key is refused immediately, even if the database cannot be written yet.
    func revoke(for request: Request, _ context: ControlContext) async throws -> Response {
        let (keys, admin) = try await authorize(request, context)
        let id = PercentEncoding.decoded(request.uri.path.dropFirst("/admin/api/keys/".count)) ?? ""
        let (key, failure) = try await Self.blocking { try keys.revoke(id) }
        control.audit("revoke_key", of: key.id, by: admin)
        if let failure {
            control.services.logger.error(
                "API key revocation write failed",
                metadata: [
                    LogKeys.key: "\(key.id)", LogKeys.cause: "\(failure)",
                    LogKeys.path: "\(keys.revocationFilePath ?? "none")",
                ])
        }
        return ControlHandlers.json(KeyDescription(key: key).json)
    }

    private func authorize(
        _ request: Request, _ context: ControlContext
    ) async throws(GatewayError) -> (KeyStore, Caller) {
        let admin = try await control.admin(of: request, context)
        guard let keys = control.services.keys else {
            throw GatewayError(.notFound, "API keys are disabled; see auth.mode and keys.database.")
        }
        return (keys, admin)
    }

    /// Runs `work` on the thread pool, because the database blocks.
    private static func blocking<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value
    {
        do {
            return try await NIOThreadPool.singleton.runIfActive(work)
        } catch let error as KeyStoreError {
            switch error {
            case .unknownKey: throw GatewayError(.notFound, "\(error).".firstUppercased)
            case .invalidKey, .full: throw GatewayError(.invalidRequest, "\(error).".firstUppercased)
            case .unusable, .notWritten, .unreadableRevocations:
                throw GatewayError(
                    .internalError, "Storing the key failed; see the gateway log.", cause: "\(error)")
            }
        }
    }
}

extension String {
    fileprivate var firstUppercased: String { prefix(1).uppercased() + dropFirst() }
}
