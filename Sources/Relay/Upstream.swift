public import NIOCore
import NIOHTTP1
public import NIOSSL
public import SimpleAICore
import Synchronization

/// The engine of one runner: its address and credentials, and its latest activity.
public final class Upstream: Sendable {
    public let runner: RunnerID
    public let host: String
    public let port: Int
    /// The `Host` header's value (RFC 9110 §7.2).
    public let authority: String
    /// Nil for plain http.
    public let tls: NIOSSLContext?
    /// The path before `/v1` in the engine's URL; empty or beginning with a slash, never ending with one.
    public let pathPrefix: String
    /// Sent as the bearer token instead of the caller's; nil if the engine needs none.
    public let apiKey: String?
    /// Sent with every request to the engine, in place of fields with the same names; values are secrets.
    public let headers: [(name: String, value: String)]
    /// Whether the engine supports `stream_options.include_usage`, by the settings.
    public let supportsStreamUsage: Bool
    /// Monotonic nanoseconds; 0 for never.
    private let lastByte = Atomic<UInt64>(0)
    /// Monotonic nanoseconds; 0 for never.
    private let lastServed = Atomic<UInt64>(0)
    private let retired = Atomic<Bool>(false)
    /// When requests may contain `stream_options.include_usage` again after the engine rejected it, in monotonic nanoseconds.
    private let usageRefusedUntil = Atomic<UInt64>(0)
    /// Time of the latest report that the engine rejects the gateway's credentials, in monotonic nanoseconds.
    private let refusalReported = Atomic<UInt64>(0)
    /// The endpoints that its engines serve.
    public let endpoints: EndpointSupport
    /// Whether calls to `/v1/messages` are translated, by the settings.
    let messages: MessagesForwarding

    public init(
        runner: RunnerID, host: String, port: Int, tls: NIOSSLContext? = nil, pathPrefix: String = "",
        apiKey: String? = nil, headers: [(name: String, value: String)] = [], supportsStreamUsage: Bool = true,
        endpoints: [Endpoint] = [], messages: MessagesForwarding = .auto
    ) {
        self.messages = messages
        self.endpoints = EndpointSupport(stated: endpoints)
        self.runner = runner
        self.host = host
        self.port = port
        let name = host.contains(":") ? "[\(host)]" : host
        authority = port == (tls == nil ? 80 : 443) ? name : "\(name):\(port)"
        self.tls = tls
        self.pathPrefix = pathPrefix
        self.apiKey = apiKey
        self.headers = headers
        self.supportsStreamUsage = supportsStreamUsage
    }

    /// When the latest response byte was received from this engine, on any event loop.
    public var lastContactAt: ContinuousClock.Instant? {
        let nanoseconds = lastByte.load(ordering: .relaxed)
        guard nanoseconds > 0 else { return nil }
        let ago = NIODeadline.now() - .uptimeNanoseconds(nanoseconds)
        return .now - .nanoseconds(ago.nanoseconds)
    }

    /// Whether it was replaced or removed: it receives no further calls, and its connections are closed once they are idle.
    var isRetired: Bool { retired.load(ordering: .relaxed) }

    /// Marks it as replaced or removed; calls in progress may finish.
    public func retire() {
        retired.store(true, ordering: .relaxed)
    }

    /// Adds the fields from the settings, replacing others with the same names.
    func addHeaders(to fields: inout HTTPHeaders) {
        for header in headers { fields.replaceOrAdd(name: header.name, value: header.value) }
    }

    func noteByte(at time: NIODeadline) {
        lastByte.store(time.uptimeNanoseconds, ordering: .relaxed)
    }

    /// When the latest complete response with a 2xx status ended, on any event loop.
    public var lastServedAt: NIODeadline? {
        let nanoseconds = lastServed.load(ordering: .relaxed)
        return nanoseconds > 0 ? .uptimeNanoseconds(nanoseconds) : nil
    }

    /// Whether a request may contain `stream_options.include_usage`: settings allow it, and the engine has not rejected
    /// it.
    public var acceptsStreamUsage: Bool {
        supportsStreamUsage && usageRefusedUntil.load(ordering: .relaxed) < NIODeadline.now().uptimeNanoseconds
    }

    /// Whether to report now that the engine rejects the gateway's credentials: at most once a minute, however many
    /// calls are affected.
    public func shouldReportRefusal(now: NIODeadline = .now()) -> Bool {
        let last = refusalReported.load(ordering: .relaxed)
        guard last == 0 || now - .uptimeNanoseconds(last) >= .minutes(1) else { return false }
        // Of the event loops that arrive here together, one reports.
        return refusalReported.compareExchange(expected: last, desired: now.uptimeNanoseconds, ordering: .relaxed)
            .exchanged
    }

    /// Time after which the option is tried again with an engine that rejected it, since the engine may have been updated.
    private static let usageRefusalLifetime: TimeAmount = .hours(1)

    /// Records that the engine rejected a request with the option and accepted the same request without it.
    public func noteStreamUsageRefused() {
        let until = NIODeadline.now() + Self.usageRefusalLifetime
        usageRefusedUntil.store(until.uptimeNanoseconds, ordering: .relaxed)
    }

    func noteServed(at time: NIODeadline) {
        lastServed.store(time.uptimeNanoseconds, ordering: .relaxed)
    }
}
