import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import OperatingSystem

/// Texts for the errors that the suite's own types do not cover, without types, error numbers and source locations.
enum ErrorText {
    static func of(_ error: any Error) -> String {
        switch error {
        case let failed as RequestFailed: "\(failed.failure)"
        case let failure as ClientFailure: failure.description
        case let problem as TokenProblem: "\(problem)"
        case let error as SystemError: error.description
        case let error as IOError: of(error)
        case is SocketAddressError: "its host name does not resolve"
        case is ChannelError: "the connection was closed"
        case NIOSSLError.noSuchFilesystemObject: "the file does not exist"
        case NIOSSLError.failedToLoadCertificate: "it contains no PEM certificate"
        case is NIOSSLError, is NIOSSLExtraError, is BoringSSLError: "TLS failed"
        case is DecodingError: "the JSON is not of the expected shape"
        case let error as CocoaError: error.localizedDescription
        // A type's name can be searched for; a library's own description may contain anything.
        default: "unexpected error \(type(of: error))"
        }
    }

    private static func of(_ error: IOError) -> String {
        switch error.errnoCode {
        case ENETUNREACH: "no route to that network"
        case EHOSTUNREACH: "no route to that host"
        case ETIMEDOUT: "no response from the host"
        default: SystemError(number: error.errnoCode).description
        }
    }
}
