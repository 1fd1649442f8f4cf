import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOPosix
import Settings
import SimpleAICore
import Storage

/// `/admin/api/invitations`: administrators invite runners, and withdraw their tokens.
struct InvitationAdministration: Sendable {
    private static let maxBodySize = ByteCount.kibibytes(4)
    private static let members: Set<ExactString> = ["runner_id", "address"]
    private static let keys = JSONScanner.Keys(refusingVariantsOf: members.sorted().map(\.rawValue))
    private static let path = "/admin/api/invitations/"

    let control: ControlHandlers

    /// `POST {"runner_id", "address"?}`: only this response contains the one-time token.
    func create(for request: Request, _ context: ControlContext) async throws -> Response {
        let admin = try await control.admin(of: request, context)
        var body: [UInt8] = []
        let (id, address) = try await control.withBody(
            of: request, context, by: admin, counting: .body, upTo: Self.maxBodySize
        ) { piece throws(GatewayError) in
            body.append(contentsOf: piece.readableBytesView)
        } then: {
            try Self.invitation(in: body)
        }
        let settings = control.services.rules.settings
        if settings.runners.contains(where: { $0.id == id }) {
            throw Self.refusal("\(id) is a runner in the gateway's settings. Choose another id.", "runner_id")
        }
        if settings.fleet.tokens[id] != nil {
            throw Self.refusal(
                "\(id) has a token in fleet.tokens. Remove it there to invite the runner.", "runner_id")
        }
        let invitations = control.services.invitations
        let (token, expiry) = try await blocking { () throws(RunnerTokenStoreError) in
            try invitations.store.invite(id, address: address)
        }
        control.audit("invite_runner", of: id.rawValue, by: admin)
        return ControlHandlers.json(
            "{\"object\":\"invitation\",\"runner_id\":\(JSONString.encode(id.rawValue)),"
                + "\"token\":\(JSONString.encode(token)),\"expires\":\(Int(expiry.timeIntervalSince1970)),"
                + "\"path\":\(JSONString.encode(GatewayPath.agents))}",
            status: .created)
    }

    /// `DELETE /admin/api/invitations/{id}`: the runner's invitation and its own token become invalid, and its connection
    /// is closed.
    func revoke(for request: Request, _ context: ControlContext) async throws -> Response {
        let admin = try await control.admin(of: request, context)
        let id = RunnerID(PercentEncoding.decoded(request.uri.path.dropFirst(Self.path.count)) ?? "")
        let invitations = control.services.invitations
        let hadAny = try await blocking { () throws(RunnerTokenStoreError) in try invitations.store.revoke(id) }
        guard hadAny else {
            throw GatewayError(.notFound, "\"\(id)\" has neither an invitation nor a token of its own.")
        }
        invitations.disconnect(id)
        control.audit("revoke_runner", of: id.rawValue, by: admin)
        return ControlHandlers.json(
            "{\"object\":\"invitation\",\"runner_id\":\(JSONString.encode(id.rawValue)),\"revoked\":true}")
    }

    /// Strict, as for API keys: an unknown member may be a misspelled restriction.
    static func invitation(in body: [UInt8]) throws(GatewayError) -> (id: RunnerID, address: String?) {
        var scanner = JSONScanner(watching: keys)
        do throws(JSONError) {
            try scanner.scan(body[...])
            try scanner.finish()
        } catch {
            throw GatewayError(body: error)
        }
        guard let document = JSONSlice(document: body[...]), document.isObject else {
            throw refusal("The request body must be a JSON object.", nil)
        }
        if let unknown = document.memberNames.first(where: { !members.contains(ExactString($0)) }) {
            throw refusal(
                "Unknown field \"\(unknown)\"; known fields: address, runner_id.", String(unknown.prefix(64)))
        }
        guard let id = document["runner_id"]?.string, !id.isEmpty, id.utf8.count <= 128,
            id.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else {
            throw refusal(
                "The field \"runner_id\" is required: at most 128 visible ASCII characters without spaces.", "runner_id"
            )
        }
        guard let written = document["address"], !written.isNull else { return (RunnerID(id), nil) }
        guard let text = written.string, let address = IPAddress(text) else {
            throw refusal("The field \"address\" must be an IP address.", "address")
        }
        return (RunnerID(id), address.description)
    }

    /// Runs `work` on the thread pool, because it writes a file.
    private func blocking<Value: Sendable>(
        _ work: @escaping @Sendable () throws(RunnerTokenStoreError) -> Value
    ) async throws -> Value {
        do {
            return try await NIOThreadPool.singleton.runIfActive { try work() }
        } catch let error as RunnerTokenStoreError {
            switch error {
            case .full: throw GatewayError(.invalidRequest, "\(error).")
            case .unusable, .notWritten:
                control.services.logger.error("Invitation storage failed", metadata: [LogKeys.cause: "\(error)"])
                throw GatewayError(
                    .internalError, "Storing the invitation failed; see the gateway log.", cause: "\(error)")
            }
        }
    }

    private static func refusal(_ message: String, _ param: String?) -> GatewayError {
        GatewayError(.invalidRequest, message, param: param)
    }
}
