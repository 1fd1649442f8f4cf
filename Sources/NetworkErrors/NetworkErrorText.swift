import AsyncHTTPClient
public import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
public import NIOSSL
import OperatingSystem

/// Text for operators that describes errors of the network libraries, of Foundation and of the operating system, without
/// error numbers and source locations.
///
/// Logs, states and responses contain these errors only as this text. The acceptance suite, which shares no code with the
/// gateway, has a separate translation (`ClientFailure`).
public enum NetworkErrorText {
    /// - Parameter certificate: the peer's certificate if a TLS handshake failed; its dates show whether it has expired.
    public static func of(_ error: any Error, certificate: NIOSSLCertificate? = nil, at now: Date = Date()) -> String {
        switch error {
        case let error as NIOConnectionError: connecting(error)
        case let error as IOError: of(errno: error.errnoCode)
        case let error as SystemError: of(errno: error.number)
        case let error as ChannelError: of(error)
        case is SocketAddressError, is SocketAddressError.UnknownHost: "its host name does not resolve"
        case let error as HTTPClientError: of(error)
        case is HTTPParserError: "the response is not HTTP"
        case is NIOTooManyBytesError: "the response is too large"
        case let error as NIOSSLExtraError: TLSErrorText.of(error)
        case let error as NIOSSLError: TLSErrorText.of(error, certificate, now)
        case let error as BoringSSLError: TLSErrorText.of(error, certificate, now)
        case is NIOSSLCloseTimedOutError: "the TLS connection was not closed in time"
        case let error as DecodingError: DecodingErrorText.of(error)
        case let error as CocoaError: of(error)
        case is CancellationError: "it was cancelled"
        // A type's name is searchable; a library's own description may contain arbitrary text.
        default: "unexpected error \(type(of: error))"
        }
    }

    private static func connecting(_ error: NIOConnectionError) -> String {
        guard let first = error.connectionErrors.first?.error else { return "its host name does not resolve" }
        let refusal = error.connectionErrors.first { ($0.error as? IOError)?.errnoCode == ECONNREFUSED }
        return of(refusal?.error ?? first)
    }

    private static func of(errno: Int32) -> String {
        switch errno {
        case ECONNREFUSED: "connection refused"
        case ECONNRESET, EPIPE, ECONNABORTED: "the connection was reset"
        case ENETUNREACH, ENETDOWN: "no route to its network"
        case EHOSTUNREACH, EHOSTDOWN: "no route to the host"
        case ETIMEDOUT: "no response from the host"
        default: SystemError(number: errno).description
        }
    }

    private static func of(_ error: ChannelError) -> String {
        switch error {
        case .connectTimeout(let time):
            "no response to the connection attempt within \(Duration.nanoseconds(time.nanoseconds))"
        case .ioOnClosedChannel, .alreadyClosed, .eof, .inputClosed, .outputClosed: "the connection was closed"
        case .writeMessageTooLarge: "the message is too large for the network"
        default: "the connection failed"
        }
    }

    private static func of(_ error: HTTPClientError) -> String {
        switch error {
        case .connectTimeout: "no response to the connection attempt"
        case .tlsHandshakeTimeout: "the TLS handshake took too long"
        case .deadlineExceeded, .readTimeout, .writeTimeout, .getConnectionFromPoolTimeout: "no response in time"
        case .remoteConnectionClosed, .uncleanShutdown: "the connection was closed without a response"
        case .cancelled, .requestStreamCancelled, .alreadyShutdown: "it was cancelled"
        case .invalidURL, .emptyHost, .emptyScheme, .missingSocketPath: "its address is not a URL"
        case .redirectLimitReached, .redirectCycleDetected: "too many redirects"
        case .proxyAuthenticationRequired, .invalidProxyResponse, .httpProxyHandshakeTimeout, .socksHandshakeTimeout:
            "the proxy refused the connection"
        default: "the response is not valid HTTP"
        }
    }

    /// Describes why a file cannot be read or written, without its path, which the calling code adds.
    private static func of(_ error: CocoaError) -> String {
        if let cause = error.underlying as? POSIXError { return of(errno: cause.code.rawValue) }
        return switch error.code {
        case .fileNoSuchFile, .fileReadNoSuchFile: "the file does not exist"
        case .fileReadNoPermission, .fileWriteNoPermission: "permission denied"
        case .fileReadTooLarge: "the file is too large"
        case .fileWriteOutOfSpace: "no space is left on the disk"
        case .fileReadInapplicableStringEncoding, .fileReadUnknownStringEncoding: "it is not UTF-8"
        default: "it cannot be read or written"
        }
    }
}
