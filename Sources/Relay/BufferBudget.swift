public import SimpleAICore
import Synchronization

/// The budget of all calls for the bytes of one resource: memory for request bodies and collected responses, or disk space for
/// large request bodies. Accounted per caller and per address: neither may hold more than its share (`FairShare`).
///
/// A reservation costs a few atomic additions. A lock is taken only to open and to close a `BufferShare`, which a connection
/// keeps as long as the same caller uses it.
public final class BufferBudget: Sendable {
    fileprivate enum Holder: Hashable {
        case caller(CallerID)
        case address(Peer)
    }

    /// The bytes that one holder has reserved, through all of its shares.
    fileprivate final class Account: Sendable {
        let held = Atomic<Int>(0)
        let weight: Int
        let isCaller: Bool

        init(_ holder: Holder) {
            (weight, isCaller) =
                switch holder {
                case .caller: (1, true)
                case .address: (BufferBudget.weightOfAddress, false)
                }
        }
    }

    /// An address may hold three quarters of the capacity, a caller half of it: one caller cannot use up the memory of the
    /// other callers at its address.
    private static let weightOfAddress = 3

    private let capacity: Atomic<Int>
    private let minShare: Atomic<Int>
    private let maxPerCaller: Atomic<Int>
    private let used = Atomic<Int>(0)
    private let accounts = Mutex<[Holder: (account: Account, shares: Int)]>([:])

    /// - Parameters:
    ///   - limit: in bytes.
    ///   - minShare: in bytes, see `FairShare`.
    ///   - maxPerCaller: the limit of each caller in bytes, however much is free.
    public init(limit: Int, minShare: Int = 0, maxPerCaller: Int = .max) {
        capacity = Atomic(limit)
        self.minShare = Atomic(minShare)
        self.maxPerCaller = Atomic(maxPerCaller)
    }

    /// Sets the limits, in bytes, for later reservations.
    public func setLimit(_ bytes: Int, minShare minBytes: Int, maxPerCaller maxBytes: Int = .max) {
        capacity.store(bytes, ordering: .relaxed)
        minShare.store(minBytes, ordering: .relaxed)
        maxPerCaller.store(maxBytes, ordering: .relaxed)
    }

    public var bytesInUse: Int { used.load(ordering: .relaxed) }

    /// Number of callers and addresses with an open share.
    public var holderCount: Int { accounts.withLock { $0.count } }

    /// The share for reservations on behalf of this caller at this address.
    /// - Parameters:
    ///   - caller: nil if callers are not distinguished.
    ///   - address: nil for the address of a proxy: many clients may use it, so it is not limited.
    public func share(for caller: CallerID?, from address: Peer?) -> BufferShare {
        let holders = [caller.map(Holder.caller), address.map(Holder.address)].compactMap(\.self)
        let open = accounts.withLock { accounts in
            holders.map { holder in
                let entry = accounts[holder] ?? (Account(holder), 0)
                accounts[holder] = (entry.account, entry.shares + 1)
                return entry.account
            }
        }
        return BufferShare(of: self, holders: holders, accounts: open)
    }

    fileprivate func close(_ holders: [Holder]) {
        accounts.withLock { accounts in
            for holder in holders {
                guard let entry = accounts[holder] else { continue }
                accounts[holder] = entry.shares > 1 ? (entry.account, entry.shares - 1) : nil
            }
        }
    }

    fileprivate func reserve(_ bytes: Int, on accounts: [Account]) -> FairShare.Decision {
        let rule = FairShare(
            capacity: capacity.load(ordering: .relaxed), minShare: minShare.load(ordering: .relaxed))
        let inUse = used.add(bytes, ordering: .relaxed).oldValue
        var decision = FairShare.Decision.granted
        for account in accounts {
            let held = account.held.add(bytes, ordering: .relaxed).oldValue
            guard decision == .granted else { continue }
            var rule = rule
            rule.weight = account.weight
            decision = rule.decision(on: bytes, held: held, inUse: inUse)
            if decision == .granted, account.isCaller, bytes > maxPerCaller.load(ordering: .relaxed) - held {
                decision = .beyondShare
            }
        }
        if accounts.isEmpty, rule.decision(on: bytes, held: 0, inUse: inUse) == .exhausted { decision = .exhausted }
        if decision != .granted { release(bytes, on: accounts) }
        return decision
    }

    fileprivate func release(_ bytes: Int, on accounts: [Account]) {
        used.subtract(bytes, ordering: .relaxed)
        for account in accounts { account.held.subtract(bytes, ordering: .relaxed) }
    }
}

/// The right of one caller at one address to reserve bytes; closed when its last reference is released.
public final class BufferShare: Sendable {
    private let budget: BufferBudget
    private let holders: [BufferBudget.Holder]
    private let accounts: [BufferBudget.Account]

    fileprivate init(of budget: BufferBudget, holders: [BufferBudget.Holder], accounts: [BufferBudget.Account]) {
        self.budget = budget
        self.holders = holders
        self.accounts = accounts
    }

    deinit { budget.close(holders) }

    /// - Returns: the verdict; if it is `.granted`, the bytes are reserved until they are returned.
    public func reserve(_ bytes: Int) -> FairShare.Decision { budget.reserve(bytes, on: accounts) }

    public func release(_ bytes: Int) { budget.release(bytes, on: accounts) }
}
