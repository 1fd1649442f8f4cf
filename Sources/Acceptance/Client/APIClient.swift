import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// HTTP/1.1 client with one connection per request; all times come from a monotonic clock.
///
/// It follows no redirects and uses no proxies, cookies or netrc: the deployment receives exactly what a check sends.
struct APIClient: Sendable {
    /// Maximum size of a response body, in bytes; a longer body is truncated.
    static let maxBodySize = 8 << 20

    let deployment: DeploymentAddress
    private let group: any EventLoopGroup
    private let tls: NIOSSLContext?
    /// The only certificate to accept; nil: any that is valid for the host.
    private let acceptedCertificate: AcceptedCertificate?
    /// The deadline of the run; nil for none.
    private let deadline: ContinuousClock.Instant?
    private let explanation: FailureExplanation

    /// - Parameter authorities: path of a PEM file with the certificate authorities to trust instead of the system's; by
    ///   default the file that `SSL_CERT_FILE` names, as in OpenSSL and curl.
    /// - Parameter certificate: a text in PEM whose first certificate is the only one to accept, whatever name and
    ///   authority it has.
    init(
        deployment: DeploymentAddress, verifiesCertificates: Bool, deadline: ContinuousClock.Instant? = nil,
        authorities: String? = ProcessInfo.processInfo.environment["SSL_CERT_FILE"], certificate: String? = nil,
        group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) throws {
        self.deployment = deployment
        self.group = group
        self.deadline = deadline
        explanation = FailureExplanation(deployment: deployment, group: group)
        guard deployment.usesTLS else {
            tls = nil
            acceptedCertificate = nil
            return
        }
        acceptedCertificate =
            if let certificate, verifiesCertificates { try AcceptedCertificate(certificate) } else { nil }
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.applicationProtocols = ["http/1.1"]
        configuration.certificateVerification = verifiesCertificates ? .fullVerification : .none
        // The accepted certificate may be for another name.
        if acceptedCertificate != nil { configuration.certificateVerification = .noHostnameVerification }
        if let authorities, !authorities.isEmpty, verifiesCertificates, acceptedCertificate == nil {
            guard FileManager.default.isReadableFile(atPath: authorities) else {
                throw ResponseProblem("cannot read \(authorities) (SSL_CERT_FILE)")
            }
            configuration.trustRoots = .file(authorities)
        }
        tls = try NIOSSLContext(configuration: configuration)
    }

    /// Sends `request` and waits for the complete response.
    ///
    /// - Throws: ``RequestFailed`` if no response arrived; `CancellationError` if the task was cancelled; the
    ///   connection is then closed immediately.
    func send(_ request: APIRequest, timeout: Duration) async throws -> Exchange {
        try Task.checkCancellation()
        let started = ContinuousClock.now
        var timeout = timeout
        if let deadline {
            guard started < deadline else { throw RequestFailed(request: request, failure: .deadlinePassed) }
            timeout = min(timeout, deadline - started)
        }
        let loop = group.next()
        let promise = loop.makePromise(of: Exchange.self)
        connect(Exchange(request: request, started: started), timeout: timeout, loop: loop, promise: promise)
        do {
            let exchange = try await withTaskCancellationHandler {
                try await promise.futureResult.get()
            } onCancel: {
                promise.fail(CancellationError())
            }
            if let failure = await explanation.failure(behind: exchange) { throw failure }
            return exchange
        } catch let failure as ClientFailure {
            if case .certificate(let authority, _) = failure, acceptedCertificate != nil {
                throw RequestFailed(
                    request: request, failure: .certificate(authority: authority, AcceptedCertificate.problem))
            }
            throw RequestFailed(request: request, failure: await explanation.explained(failure))
        }
    }

    /// Sends `request` and returns at once; the response is examined while it arrives.
    func open(_ request: APIRequest, timeout: Duration) -> LiveStream {
        let loop = group.next()
        let promise = loop.makePromise(of: Exchange.self)
        let stream = LiveStream(promise)
        let remaining = deadline.map { max($0 - stream.started, .milliseconds(1)) } ?? timeout
        connect(
            Exchange(request: request, started: stream.started), timeout: min(timeout, remaining),
            onBody: stream.receive, loop: loop,
            promise: promise)
        return stream
    }

    /// - Parameter onBody: receives the body as it arrives, on the connection's event loop.
    private func connect(
        _ exchange: Exchange, timeout: Duration, onBody: (@Sendable ([UInt8]) -> Void)? = nil, loop: any EventLoop,
        promise: EventLoopPromise<Exchange>
    ) {
        // Name resolution and connecting happen before the handler exists; this timer covers them.
        let limit = loop.scheduleTask(in: TimeAmount(timeout) + .milliseconds(50)) { [deployment] in
            promise.fail(
                ClientFailure.timedOut(after: timeout, seen: "\(ClientFailure.notConnected) to \(deployment.authority)")
            )
        }
        promise.futureResult.whenComplete { _ in limit.cancel() }
        ClientBootstrap(group: loop)
            .connectTimeout(TimeAmount(min(timeout, .seconds(10))))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { [deployment, tls, acceptedCertificate] channel in
                promise.futureResult.whenComplete { _ in channel.close(promise: nil) }
                return channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let tls {
                        let name = deployment.isAddress ? nil : deployment.host
                        try pipeline.addHandler(
                            acceptedCertificate?.handler(context: tls, serverHostname: name)
                                ?? NIOSSLClientHandler(context: tls, serverHostname: name))
                    }
                    try pipeline.addHTTPClientHandlers()
                    try pipeline.addHandler(
                        ExchangeHandler(
                            exchange: exchange, deployment: deployment, timeout: timeout, maxBodySize: Self.maxBodySize,
                            onBody: onBody, promise: promise))
                }
            }
            .connect(host: deployment.host, port: deployment.port)
            .whenFailure { [deployment] error in promise.fail(ClientFailure(error, deployment: deployment)) }
    }
}

extension DeploymentAddress {
    /// Whether the host is an IP address, which must not appear in a TLS server name (RFC 6066 §3).
    var isAddress: Bool {
        (try? SocketAddress(ipAddress: host, port: 0)) != nil
    }
}
