import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import OperatingSystem

/// Text for operators that describes an error, without error numbers and source locations.
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
        case is DecodingError: "the JSON does not have the expected structure"
        case let error as CocoaError: error.localizedDescription
        // A type's name is searchable; a library's own description may contain arbitrary text.
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
