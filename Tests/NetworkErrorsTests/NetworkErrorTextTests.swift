import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOSSL
import OperatingSystem
import Testing

@testable import NetworkErrors

@Suite struct NetworkErrorTextTests {
    private struct Secretive: Error, CustomStringConvertible {
        let description = "/build/path/source.cc:393 token=abc"
    }

    private static let table: [(any Error, String)] = [
        (IOError(errnoCode: ECONNREFUSED, reason: "connect"), "connection refused"),
        (IOError(errnoCode: ECONNRESET, reason: "read"), "the connection was reset"),
        (IOError(errnoCode: EHOSTUNREACH, reason: "connect"), "no route to the host"),
        (IOError(errnoCode: EMFILE, reason: "socket"), "Too many open files"),
        (SystemError(number: EACCES), "Permission denied"),
        (ChannelError.connectTimeout(.seconds(5)), "no response to the connection attempt within 5.0 seconds"),
        (ChannelError.ioOnClosedChannel, "the connection was closed"),
        (HTTPClientError.deadlineExceeded, "no response in time"),
        (HTTPClientError.remoteConnectionClosed, "the connection was closed without a response"),
        (HTTPParserError.invalidVersion, "the response is not HTTP"),
        (NIOSSLError.failedToLoadCertificate, "it contains no PEM certificate"),
        (
            NIOSSLError.handshakeFailed(.sslError([.eofDuringHandshake])),
            "TLS: the connection was closed during the handshake"
        ),
        (
            NIOSSLError.unableToValidateCertificate,
            "TLS: the certificate has expired, or no trusted authority signed it"
        ),
        (NIOSSLExtraError.failedToValidateHostname, "TLS: the certificate is for another host"),
        (CocoaError(.fileReadNoSuchFile), "the file does not exist"),
        (CancellationError(), "it was cancelled"),
        (Secretive(), "unexpected error Secretive"),
    ]

    @Test(arguments: table.indices) func errorsAreTranslated(_ index: Int) {
        let (error, words) = Self.table[index]
        #expect(NetworkErrorText.of(error) == words)
    }

    /// A name that the resolver rejects without asking a server.
    @Test func aHostThatDoesNotResolveIsNamedSo() {
        let error = #expect(throws: SocketAddressError.UnknownHost.self) {
            try SocketAddress.makeAddressResolvingHost("a..b", port: 1)
        }
        #expect(error.map { NetworkErrorText.of($0) } == "its host name does not resolve")
    }

    private struct Document: Decodable {
        struct Inner: Decodable { let name: String }
        let list: [Inner]
    }

    @Test(arguments: [
        ("{", "it is not valid JSON"),
        ("{}", "the document lacks \"list\""),
        (#"{"list":[{"name":1}]}"#, "\"list.[0].name\" has the wrong type"),
    ]) func decodingErrorsNameThePlace(_ json: String, _ words: String) {
        let error = #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(Document.self, from: Data(json.utf8))
        }
        #expect(error.map { NetworkErrorText.of($0) } == words)
    }
}
