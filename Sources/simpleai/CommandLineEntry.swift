import ArgumentParser
import Foundation
import OperatingSystem

/// Entry and exit of the process: selects the command and maps its outcome to an exit code.
enum CommandLineEntry {
    /// Exit code of usage errors. The argument parser's own code is 64.
    static let usageExitCode: Int32 = 2

    /// Parses the process's arguments, runs the command, and ends the process.
    static func run(_ root: (some ParsableCommand).Type) async -> Never {
        openStandardDescriptors()
        StandardStream.bufferOutputByLine()
        let program = CommandLine.arguments.first ?? ""
        let given = Array(CommandLine.arguments.dropFirst())
        let arguments = ProgramName.arguments(forProgramName: program, arguments: given) ?? given
        do {
            var command = try root.parseAsRoot(arguments)
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            exit(0)
        } catch {
            end(root, error: error)
        }
    }

    /// Opens descriptors 0, 1 and 2 if the process was started without them. Otherwise the first sockets would get
    /// these numbers, and clients would receive log lines.
    private static func openStandardDescriptors() {
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) == -1 {
            _ = open("/dev/null", O_RDWR)
        }
    }

    private static func end(_ root: (some ParsableCommand).Type, error: any Error) -> Never {
        let code = root.exitCode(for: error)
        let message = root.fullMessage(for: error)
        if !message.isEmpty {
            (code.isSuccess ? StandardStream.output : .error).write("\(message)\n")
        }
        exit(code == .validationFailure ? usageExitCode : code.rawValue)
    }
}
