import NIOCore
import NIOPosix
import NIOSSL

/// The certificates that a server presents, read without trusting them.
enum PeerCertificates {
    /// Begins a TLS handshake and ends it once the certificates have arrived: no data is sent to an untrusted peer.
    ///
    /// - Returns: the certificates, the peer's own first; nil if none arrive.
    static func shown(by deployment: DeploymentAddress, group: any EventLoopGroup, within limit: TimeAmount) async
        -> [NIOSSLCertificate]?
    {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateVerification = .noHostnameVerification
        guard let tls = try? NIOSSLContext(configuration: configuration) else { return nil }
        let loop = group.next()
        let promise = loop.makePromise(of: [NIOSSLCertificate].self)
        let timer = loop.scheduleTask(in: limit) { promise.fail(ChannelError.connectTimeout(limit)) }
        promise.futureResult.whenComplete { _ in timer.cancel() }
        ClientBootstrap(group: loop)
            .connectTimeout(limit)
            .channelInitializer { channel in
                promise.futureResult.whenComplete { _ in channel.close(promise: nil) }
                channel.closeFuture.whenComplete { _ in promise.fail(ChannelError.eof) }
                return channel.eventLoop.makeCompletedFuture {
                    let handler = try NIOSSLClientHandler(
                        context: tls, serverHostname: deployment.isAddress ? nil : deployment.host,
                        customVerificationCallback: { chain, verdict in
                            promise.succeed(chain)
                            verdict.succeed(.failed)
                        })
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
            .connect(host: deployment.host, port: deployment.port)
            .whenFailure { promise.fail($0) }
        return try? await withTaskCancellationHandler {
            try await promise.futureResult.get()
        } onCancel: {
            promise.fail(CancellationError())
        }
    }
}
