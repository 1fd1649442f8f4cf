public import Foundation

/// A place for bytes that nobody but their owner may read.
public protocol PrivateStore: Sendable {
    /// Nil if there is nothing under that name.
    ///
    /// - Throws: if what is there is not to be trusted.
    func read(_ name: String) throws -> [UInt8]?
    /// Replaces what is there in one step.
    func write(_ bytes: [UInt8], _ name: String) throws
}

/// Keeps tokens from one call of the program to the next.
public struct TokenKeeper: Sendable {
    private let store: any PrivateStore
    private let now: @Sendable () -> Date
    private let warn: @Sendable (String) -> Void

    public init(
        store: any PrivateStore, now: @escaping @Sendable () -> Date = { Date() },
        warn: @escaping @Sendable (String) -> Void
    ) {
        self.store = store
        self.now = now
        self.warn = warn
    }

    /// The token that was kept for an order, if it is still good; else a new one, which is kept.
    ///
    /// A token that cannot be kept is a warning, one that others could read or have written is an error.
    public func token(
        for order: TokenOrder, orElse obtain: () async throws(TokenProviderProblem) -> ProvidedToken
    ) async throws(TokenProviderProblem) -> ProvidedToken {
        if let kept = try kept(for: order) { return kept }
        let token = try await obtain()
        keep(token, for: order)
        return token
    }

    private func kept(for order: TokenOrder) throws(TokenProviderProblem) -> ProvidedToken? {
        let bytes: [UInt8]?
        do {
            bytes = try store.read(order.keepingName)
        } catch {
            throw .keptTokenUnreadable("\(error)")
        }
        // What is no kept token, of another version perhaps, is replaced by one.
        guard let bytes, let kept = try? JSONDecoder().decode(KeptToken.self, from: Data(bytes)) else { return nil }
        return kept.token(at: now())
    }

    private func keep(_ token: ProvidedToken, for order: TokenOrder) {
        guard let kept = KeptToken(token) else { return }
        do {
            try store.write([UInt8](try JSONEncoder().encode(kept)), order.keepingName)
        } catch {
            warn("the token cannot be kept for the next call: \(error)")
        }
    }
}
