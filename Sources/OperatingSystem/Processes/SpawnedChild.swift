import CSystemCalls

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A started child process, and this process's ends of its pipes.
struct SpawnedChild {
    let pid: pid_t
    /// Becomes readable when the child ends; nil if the system has no process descriptors.
    let exit: Descriptor?
    let output: Descriptor?
    let errors: Descriptor?
    /// Held open while the child runs.
    private let input: Descriptor?

    init(_ process: ChildProcess) throws(SystemError) {
        var pipes = ChildPipes()
        do throws(SystemError) {
            try pipes.open(for: process)
            pid = try Self.spawn(process, pipes)
        } catch {
            pipes.closeAll()
            throw error
        }
        pipes.closeChildsEnds()
        (input, output, errors) = (pipes.input?.writer, pipes.output?.reader, pipes.errors?.reader)
        let process = csystem_open_process(pid)
        exit = process < 0 ? nil : Descriptor(number: process)
        DescriptorLimit.restore(for: pid)
    }

    /// Closes this process's descriptors. Called after `reap`.
    func close() {
        for descriptor in [exit, output, errors, input] { descriptor?.close() }
    }

    /// Whether the child has ended; it can still be reaped.
    var hasExited: Bool { exitStatus != nil }

    /// How the child ended; nil while it runs.
    var exitStatus: ChildProcessEnding.Status? {
        var found = siginfo_t()
        while waitid(P_PID, id_t(pid), &found, WEXITED | WNOWAIT | WNOHANG) < 0 {
            // No child has this id, although only `reap` removes it: its status cannot be determined any more.
            guard errno == EINTR else { return .exited(-1) }
        }
        guard found.si_signo == SIGCHLD else { return nil }
        return found.si_code == CLD_EXITED ? .exited(Self.status(of: found)) : .signalled(Self.status(of: found))
    }

    /// Reaps a process that has ended.
    func reap() -> ChildProcessEnding.Status {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0 {
            guard errno == EINTR else { return .exited(-1) }
        }
        let signal = status & 0x7F
        return signal == 0 ? .exited((status >> 8) & 0xFF) : .signalled(signal)
    }

    /// Sends a signal to the child, even if it has changed its process group, and to the processes left in its own
    /// group. Not allowed after `reap`.
    func signal(_ number: Int32) {
        _ = kill(-pid, number)
        _ = kill(pid, number)
    }

    private static func status(of found: siginfo_t) -> Int32 {
        #if canImport(Darwin)
        found.si_status
        #else
        found._sifields._sigchld.si_status
        #endif
    }

    private static func spawn(_ process: ChildProcess, _ pipes: ChildPipes) throws(SystemError) -> pid_t {
        #if canImport(Darwin)
        var actions: posix_spawn_file_actions_t?
        var attributes: posix_spawnattr_t?
        #else
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        #endif
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        for (number, end) in pipes.childsEnds(process).enumerated() {
            if let end {
                posix_spawn_file_actions_adddup2(&actions, end, Int32(number))
            } else {
                posix_spawn_file_actions_addopen(
                    &actions, Int32(number), "/dev/null", number == 0 ? O_RDONLY : O_WRONLY, 0)
            }
        }
        var flags = Int32(POSIX_SPAWN_SETSIGMASK) | Int32(POSIX_SPAWN_SETSIGDEF) | Int32(POSIX_SPAWN_SETPGROUP)
        #if canImport(Darwin)
        flags |= Int32(POSIX_SPAWN_CLOEXEC_DEFAULT)
        #else
        // This process's own descriptors are closed on execution; descriptors that it has inherited may not be.
        _ = csystem_close_from(&actions, 3)
        #endif
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        var all = sigset_t()
        sigemptyset(&all)
        for signal in 1..<32 where signal != SIGKILL && signal != SIGSTOP { sigaddset(&all, Int32(signal)) }
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(&attributes, Int16(flags))

        var words = ([process.executable] + process.arguments).map { strdup($0) }
        var variables = process.environment.map { strdup("\($0.key)=\($0.value)") }
        defer { for word in words + variables { free(word) } }
        guard !words.contains(nil), !variables.contains(nil) else { throw SystemError(number: ENOMEM) }
        words.append(nil)
        variables.append(nil)
        var pid: pid_t = 0
        var result = posix_spawn(&pid, process.executable, &actions, &attributes, words, variables)
        // The program was written just now, and a child that another thread has forked still holds a copy of the writer's
        // descriptor, until it executes its own program. That takes microseconds.
        let maxRetries = 25
        var retries = 0
        while result == ETXTBSY, retries < maxRetries {
            retries += 1
            usleep(2_000)
            result = posix_spawn(&pid, process.executable, &actions, &attributes, words, variables)
        }
        guard result == 0 else { throw SystemError(number: result) }
        return pid
    }
}

/// The pipes between this process and a child.
private struct ChildPipes {
    var input: DescriptorPair?
    var output: DescriptorPair?
    var errors: DescriptorPair?

    /// - Throws: if no descriptor is left; descriptors already opened stay open.
    mutating func open(for process: ChildProcess) throws(SystemError) {
        if process.input == .heldOpen { input = try .pipe() }
        if process.output != .discarded { output = try .pipe() }
        if case .captured(let capture) = process.errors, capture != .discarded { errors = try .pipe() }
    }

    /// The descriptors that become 0, 1 and 2 of the child; nil: the null device.
    func childsEnds(_ process: ChildProcess) -> [Int32?] {
        let errorEnd = process.errors == .joinsOutput ? output?.writer : errors?.writer
        return [input?.reader.number, output?.writer.number, errorEnd?.number]
    }

    func closeChildsEnds() {
        input?.reader.close()
        output?.writer.close()
        errors?.writer.close()
    }

    func closeAll() {
        for pair in [input, output, errors] {
            pair?.reader.close()
            pair?.writer.close()
        }
    }
}
