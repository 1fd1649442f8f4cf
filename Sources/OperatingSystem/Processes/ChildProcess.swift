/// An executable and its arguments, run as a child process: the only code that starts programs. No shell is involved.
///
/// The child leads its own process group. It inherits only descriptors 0, 1 and 2, no blocked or ignored signals, and
/// the limit of open files with which this process was started. A run takes at most seven descriptors of this process,
/// returns all of them, and leaves no zombie; if a resource is exhausted, it throws and never traps.
public struct ChildProcess: Sendable {
    public enum Input: Hashable, Sendable {
        /// The null device.
        case null
        /// A pipe that stays open without data while the child runs: a program that reads it detects the end of this
        /// process, whatever its cause.
        case heldOpen
    }

    public enum ErrorOutput: Hashable, Sendable {
        case captured(OutputCapture)
        /// Standard error is sent to standard output.
        case joinsOutput
    }

    /// What happens to processes that the child has started and left in its process group.
    public enum BackgroundProcesses: Hashable, Sendable {
        /// A child that exits with 0 may leave processes running, as programs do that start a service. They do not delay the
        /// result. If the child fails or is stopped, they are killed, because the child will be started again.
        case keptOnSuccess
        /// They are killed when the child ends.
        case killed
    }

    public var executable: String
    public var arguments: [String]
    public var environment: [String: String]
    public var input = Input.null
    public var output = OutputCapture.discarded
    public var errors = ErrorOutput.captured(.discarded)
    public var background = BackgroundProcesses.keptOnSuccess
    /// Maximum run time; nil: unlimited.
    public var timeout: Duration?
    /// Time between SIGTERM and SIGKILL when the child must stop. Zero: SIGKILL at once.
    public var stopGracePeriod = Duration.zero

    /// - Parameter executable: a path (`ExecutableFile` finds it).
    public init(executable: String, arguments: [String] = [], environment: [String: String]) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
    }

    /// Starts the child and returns when it has ended. If the task is cancelled, the child is stopped.
    ///
    /// The result depends on the child itself, not on processes that it leaves behind, even if they keep its output
    /// open.
    /// - Parameter onStart: called once with the child's process id, on a thread that may block.
    /// - Throws: `SystemError` if the child could not be started.
    public func run(
        onStart: @escaping @Sendable (_ process: Int32) -> Void = { _ in }
    ) async throws(SystemError) -> ChildProcessEnding {
        let run = ChildProcessRun(self, onStart: onStart)
        let result: Result<ChildProcessEnding, SystemError> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                run.start { continuation.resume(returning: $0) }
            }
        } onCancel: {
            run.stop()
        }
        return try result.get()
    }
}

/// How a child process ended.
public struct ChildProcessEnding: Hashable, Sendable {
    public enum Status: Hashable, Sendable {
        case exited(Int32)
        case signalled(Int32)
    }

    public var status: Status
    /// Whether the child exceeded `timeout` and was stopped.
    public var didTimeOut = false
    /// Whether the task was cancelled and the child stopped.
    public var wasCancelled = false
    public var output: [UInt8] = []
    public var errors: [UInt8] = []

    /// Whether the child exited with status 0 and was not stopped.
    public var isSuccess: Bool { status == .exited(0) && !didTimeOut && !wasCancelled }
}
