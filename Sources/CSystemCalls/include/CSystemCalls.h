#ifndef CSYSTEMCALLS_H
#define CSYSTEMCALLS_H

// System calls that the Swift overlay of the C library does not offer, because it is built without its extensions.
// No header of the system is included: its types would become this module's.

/// A pipe whose ends no child process inherits, not even one that another thread starts at the same moment.
/// Returns 0, or -1 with errno set.
int csystem_pipe(int ends[2]);

/// A descriptor that becomes readable when the process ends (pidfd_open(2)). Returns -1 with errno set where there is no
/// such system call, or no descriptor left.
int csystem_open_process(int process);

#ifdef __linux__
/// Makes the child close every descriptor from `first` on; `actions` is a `posix_spawn_file_actions_t`. Returns 0, or an error number; ENOSYS where the C library
/// cannot do it.
int csystem_close_from(void *actions, int first);
#endif

/// Lowers or raises the soft limit of open files of a running process, its hard limit stays. Returns 0, or -1 with errno
/// set.
int csystem_set_descriptor_limit(int process, unsigned long long soft);

/// Starts a detached thread. Returns 0, or an error number; `body` is not called then.
int csystem_start_thread(void (*body)(void *), void *argument, unsigned long stack_size);

#endif
