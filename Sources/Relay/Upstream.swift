public import NIOCore
import NIOHTTP1
public import NIOSSL
public import SimpleAICore
import Synchronization

/// Where one runner's engine can be reached, and when it last did something for a call.
public final class Upstream: Sendable {
    public let runner: RunnerID
    public let host: String
    public let port: Int
    /// The `Host` header's value (RFC 9110 §7.2).
    public let authority: String
    /// Nil for plain http.
    public let tls: NIOSSLContext?
    /// What stands before `/v1` in the engine's URL; empty or beginning with a slash, never ending with one.
    public let pathPrefix: String
    /// Sent as a bearer token instead of the caller's; nil where the engine wants none.
    public let apiKey: String?
    /// Sent with every request there, instead of fields of the same names; values are secrets.
    public let headers: [(name: String, value: String)]
    /// Whether the engine knows `stream_options.include_usage`.
    public let knowsStreamUsage: Bool
    /// Monotonic nanoseconds; 0 for never.
    private let lastByte = Atomic<UInt64>(0)
    /// The same.
    private let lastServed = Atomic<UInt64>(0)
    private let retired = Atomic<Bool>(false)
    /// Until when the engine is not asked for usage, in monotonic nanoseconds.
    private let usageRefusedUntil = Atomic<UInt64>(0)
    /// When it was last reported that the engine refuses the gateway's credentials, in monotonic nanoseconds.
    private let refusalReported = Atomic<UInt64>(0)
    /// What its engines serve, and what they do not.
    public let endpoints: EndpointKnowledge

    public init(
        runner: RunnerID, host: String, port: Int, tls: NIOSSLContext? = nil, pathPrefix: String = "",
        apiKey: String? = nil, headers: [(name: String, value: String)] = [], knowsStreamUsage: Bool = true,
        endpoints: [Endpoint] = []
    ) {
        self.endpoints = EndpointKnowledge(stated: endpoints)
        self.runner = runner
        self.host = host
        self.port = port
        let name = host.contains(":") ? "[\(host)]" : host
        authority = port == (tls == nil ? 80 : 443) ? name : "\(name):\(port)"
        self.tls = tls
        self.pathPrefix = pathPrefix
        self.apiKey = apiKey
        self.headers = headers
        self.knowsStreamUsage = knowsStreamUsage
    }

    /// When a byte of an answer last came from there, on any event loop.
    public var lastByteAt: ContinuousClock.Instant? {
        let nanoseconds = lastByte.load(ordering: .relaxed)
        guard nanoseconds > 0 else { return nil }
        let ago = NIODeadline.now() - .uptimeNanoseconds(nanoseconds)
        return .now - .nanoseconds(ago.nanoseconds)
    }

    /// Whether no more calls will go there: its connections are closed when they are idle.
    var isRetired: Bool { retired.load(ordering: .relaxed) }

    /// Another has taken its place, or nobody has. Calls under way go on to their end.
    public func retire() {
        retired.store(true, ordering: .relaxed)
    }

    /// Puts the operator's fields in the place of others of the same names.
    func addHeaders(to fields: inout HTTPHeaders) {
        for header in headers { fields.replaceOrAdd(name: header.name, value: header.value) }
    }

    func noteByte(at time: NIODeadline) {
        lastByte.store(time.uptimeNanoseconds, ordering: .relaxed)
    }

    /// When the latest answer that was whole and said 2xx came to its end, on any event loop.
    public var lastServedAt: NIODeadline? {
        let nanoseconds = lastServed.load(ordering: .relaxed)
        return nanoseconds > 0 ? .uptimeNanoseconds(nanoseconds) : nil
    }

    /// Whether a request may carry `stream_options.include_usage`: settings allow it, and the engine has not refused it.
    public var takesStreamUsage: Bool {
        knowsStreamUsage && usageRefusedUntil.load(ordering: .relaxed) < NIODeadline.now().uptimeNanoseconds
    }

    /// Whether to report now that the engine refuses the gateway's credentials: once a minute, however many calls it
    /// concerns.
    public func takeRefusalReport(now: NIODeadline = .now()) -> Bool {
        let last = refusalReported.load(ordering: .relaxed)
        let isDue = last == 0 || now - .uptimeNanoseconds(last) >= .minutes(1)
        if isDue { refusalReported.store(now.uptimeNanoseconds, ordering: .relaxed) }
        return isDue
    }

    /// How long an engine that refused the option is not asked again: it may be replaced by a newer one.
    private static let usageRefusalLifetime: TimeAmount = .hours(1)

    /// The engine refused a request with the option, and took it without.
    public func noteStreamUsageRefused() {
        let until = NIODeadline.now() + Self.usageRefusalLifetime
        usageRefusedUntil.store(until.uptimeNanoseconds, ordering: .relaxed)
    }

    func noteServed(at time: NIODeadline) {
        lastServed.store(time.uptimeNanoseconds, ordering: .relaxed)
    }
}
