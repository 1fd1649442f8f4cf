public import Foundation

/// Storage for bytes that only their owner may read.
public protocol PrivateStore: Sendable {
    /// Returns nil if nothing is stored under the name.
    ///
    /// - Throws: if the stored content cannot be trusted.
    func read(_ name: String) throws -> [UInt8]?
    /// Replaces the content in one step.
    func write(_ bytes: [UInt8], _ name: String) throws
}

/// Stores tokens from one run of the program to the next.
public struct TokenStore: Sendable {
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

    /// Returns the stored token for a specification if it is still valid, otherwise requests a new one and stores it.
    ///
    /// A token that cannot be stored causes a warning; one that other users could have read or written is an error.
    public func token(
        for specification: TokenSpecification, orElse obtain: () async throws(TokenProviderProblem) -> ProvidedToken
    ) async throws(TokenProviderProblem) -> ProvidedToken {
        if let storedToken = try storedToken(for: specification) { return storedToken }
        let token = try await obtain()
        keep(token, for: specification)
        return token
    }

    private func storedToken(for specification: TokenSpecification) throws(TokenProviderProblem) -> ProvidedToken? {
        let bytes: [UInt8]?
        do {
            bytes = try store.read(specification.storageName)
        } catch {
            throw .storedTokenUnreadable("\(error)")
        }
        // Unreadable content, perhaps of another version, is replaced.
        guard let bytes, let storedToken = try? JSONDecoder().decode(StoredToken.self, from: Data(bytes)) else {
            return nil
        }
        return storedToken.token(at: now())
    }

    private func keep(_ token: ProvidedToken, for specification: TokenSpecification) {
        guard let storedToken = StoredToken(token) else { return }
        do {
            try store.write([UInt8](try JSONEncoder().encode(storedToken)), specification.storageName)
        } catch {
            warn("caching the token failed: \(error)")
        }
    }
}
