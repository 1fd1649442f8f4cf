/// An executable and its arguments, run as a child process: the only place that starts programs. No shell is involved.
///
/// The child is the leader of a process group of its own. It inherits descriptors 0, 1 and 2 and no other, no blocked or
/// ignored signal, and the limit of open files that this process was started with. A run takes at most seven descriptors
/// of this process, returns all of them, and leaves no zombie; where something has run out, it throws and traps nowhere.
public struct ChildProcess: Sendable {
    public enum Input: Hashable, Sendable {
        /// The null device.
        case null
        /// A pipe that stays open and silent as long as the child runs: a program that reads it notices the end of this
        /// process, however it came.
        case heldOpen
    }

    public enum ErrorOutput: Hashable, Sendable {
        case captured(OutputCapture)
        /// Standard error goes where standard output goes.
        case joinsOutput
    }

    /// What becomes of processes that the child has started and left behind in its process group.
    public enum BackgroundProcesses: Hashable, Sendable {
        /// A child that ends with 0 may leave some running, as programs do that start a service. They do not delay the
        /// result. Where the child fails or is stopped, they are killed: it will be started again.
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
    /// The longest run; nil: as long as it likes.
    public var timeout: Duration?
    /// Between SIGTERM and SIGKILL where it has to stop. Zero: SIGKILL at once.
    public var stopGracePeriod = Duration.zero

    /// - Parameter executable: a path (`ExecutableFile` finds it).
    public init(executable: String, arguments: [String] = [], environment: [String: String]) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
    }

    /// Starts the child and returns when it has ended. Where the task is cancelled, the child is stopped.
    ///
    /// The result depends on the child itself, not on processes that it leaves behind, even where they keep its output
    /// open.
    /// - Parameter onStart: called once with the child's process id, on a thread that may wait.
    /// - Throws: `SystemError` where the child could not be started.
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
    /// It ran longer than `timeout` and was stopped.
    public var didTimeOut = false
    /// The task was cancelled, and the child stopped.
    public var wasCancelled = false
    public var output: [UInt8] = []
    public var errors: [UInt8] = []

    /// Whether it ended by itself, with 0.
    public var isSuccess: Bool { status == .exited(0) && !didTimeOut && !wasCancelled }
}
