import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import OperatingSystem

/// Words for the errors that the suite's own types do not cover, without types, numbers and places in a library's
/// sources.
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
        // A type's name is something to search for; what a library writes about itself may hold anything.
        default: "unexpected error \(type(of: error))"
        }
    }

    private static func of(_ error: IOError) -> String {
        switch error.errnoCode {
        case ENETUNREACH: "no route to that network"
        case EHOSTUNREACH: "no route to that host"
        case ETIMEDOUT: "no answer"
        default: SystemError(number: error.errnoCode).description
        }
    }
}
