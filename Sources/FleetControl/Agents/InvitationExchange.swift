import Logging
import NIOCore
import NIOPosix
import RunnerProtocol
import SimpleAICore
import Storage

/// Stores the own token of an invited runner before it joins, on a thread that may block.
struct InvitationExchange {
    private let registration: Registration
    private let ownToken: String
    private let peer: String
    private let store: RunnerTokenStore
    private let logger: Logger

    /// Nil unless the registration contains an invitation and an own token; `AgentRules` has judged both.
    init?(_ registration: Registration, from peer: String, store: RunnerTokenStore?, logger: Logger) {
        guard let store, let ownToken = registration.ownToken, RunnerTokenText.isInvitation(registration.authToken)
        else { return nil }
        self.registration = registration
        self.ownToken = ownToken
        self.peer = AgentAddress.plain(peer)
        self.store = store
        self.logger = logger
    }

    /// - Parameter then: called on the event loop, with the registration of the own token or the reason of the refusal.
    func run(
        on eventLoop: any EventLoop, then: @escaping @Sendable (Result<Registration, AgentRefusal>) -> Void
    ) {
        let (id, token, ownToken, peer, store) = (registration.runnerID, registration.authToken, ownToken, peer, store)
        NIOThreadPool.singleton.runIfActive(eventLoop: eventLoop) {
            () -> Result<AgentRefusal?, RunnerTokenStoreError> in
            Result { () throws(RunnerTokenStoreError) in
                try store.exchange(id, token: token, ownToken: ownToken, from: peer).map { AgentRefusal($0, id) }
            }
        }.whenComplete { then(result(of: $0)) }
    }

    private func result(
        of outcome: Result<Result<AgentRefusal?, RunnerTokenStoreError>, any Error>
    ) -> Result<Registration, AgentRefusal> {
        let id = registration.runnerID
        switch outcome {
        case .success(.success(nil)):
            logger.notice("Invitation accepted", metadata: [LogKeys.runner: "\(id)"])
            var joining = registration
            joining.authToken = ownToken
            joining.ownToken = nil
            return .success(joining)
        case .success(.success(let refusal?)): return .failure(refusal)
        case .success(.failure(let error)):
            logger.error(
                "Invitation storage failed", metadata: [LogKeys.runner: "\(id)", LogKeys.cause: "\(error)"])
            return .failure(AgentRefusal(error))
        case .failure: return .failure(AgentRefusal(.authFailed, "The gateway is shutting down."))
        }
    }
}
