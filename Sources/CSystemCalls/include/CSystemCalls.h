#ifndef CSYSTEMCALLS_H
#define CSYSTEMCALLS_H

// System calls that Swift's module of the C library lacks, because it is built without the library's extensions.
// This header includes no system header, whose types would become part of this module.

/// Creates a pipe whose ends child processes do not inherit; on Linux, not even a child that another thread starts
/// concurrently. Returns 0, or -1 with errno set.
int csystem_pipe(int ends[2]);

/// Opens a descriptor that becomes readable when the process ends (pidfd_open(2)). Returns -1 with errno set if the system
/// lacks the call or the limit of descriptors is reached.
int csystem_open_process(int process);

#ifdef __linux__
/// Makes the child close every descriptor from `first` on; `actions` is a `posix_spawn_file_actions_t`. Returns 0, or an
/// error number: ENOSYS if the C library does not support it.
int csystem_close_from(void *actions, int first);
#endif

/// Sets the soft limit of open files of a running process, up to its hard limit. Returns 0, or -1 with errno set.
int csystem_set_descriptor_limit(int process, unsigned long long soft);

/// Opens a new file without a name in a directory, for reading and writing; it ends once it is closed. Returns -1 with
/// errno set: EOPNOTSUPP, EISDIR or EINVAL if the kernel or the file system has no such files.
int csystem_open_unnamed_file(const char *directory);

/// Creates a file whose path is `path` with its last six letters replaced, removes its name, and leaves it open for reading
/// and writing. Returns -1 with errno set.
int csystem_open_removed_file(char *path);

/// Takes the program's own code and constants out of this process's memory; the system reads what is used again from its
/// cache of files. Data that the process has written is never touched. Returns the number of bytes of address space released.
unsigned long csystem_release_program_pages(void);

/// Makes the C library write every line of standard output immediately, also to a pipe or file. Call it before the first
/// output.
void csystem_buffer_output_by_line(void);

/// What another user may do with a file, found by a child process that becomes this user; only root can do that. Returns the
/// sum of R_OK (4), W_OK (2) and X_OK (1), or -1 if it cannot be found.
int csystem_access_of_user(unsigned user, unsigned group, const unsigned *groups, unsigned long count, const char *path);

/// Starts a detached thread that calls `body`. Returns 0, or an error number if no thread was started.
int csystem_start_thread(void (*body)(void *), void *argument, unsigned long stack_size);

#endif
