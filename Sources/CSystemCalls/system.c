#define _GNU_SOURCE
#include "CSystemCalls.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <link.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#endif

int csystem_pipe(int ends[2]) {
#ifdef __linux__
    return pipe2(ends, O_CLOEXEC);
#else
    if (pipe(ends) != 0) return -1;
    (void)fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    (void)fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    return 0;
#endif
}

int csystem_open_process(int process) {
#if defined(__linux__) && defined(SYS_pidfd_open)
    return (int)syscall(SYS_pidfd_open, process, 0);
#else
    (void)process;
    errno = ENOSYS;
    return -1;
#endif
}

#ifdef __linux__
int csystem_close_from(void *actions, int first) {
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 34)
    return posix_spawn_file_actions_addclosefrom_np(actions, first);
#else
    (void)actions;
    (void)first;
    return ENOSYS;
#endif
}
#endif

int csystem_open_unnamed_file(const char *directory) {
#ifdef O_TMPFILE
    // O_EXCL: nothing can give the file a name later.
    return open(directory, O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
#else
    (void)directory;
    errno = EOPNOTSUPP;
    return -1;
#endif
}

int csystem_open_removed_file(char *path) {
#ifdef __linux__
    int file = mkostemp(path, O_CLOEXEC);
#else
    int file = mkstemp(path);
    if (file >= 0) (void)fcntl(file, F_SETFD, FD_CLOEXEC);
#endif
    if (file >= 0) (void)unlink(path);
    return file;
}

int csystem_set_descriptor_limit(int process, unsigned long long soft) {
#ifdef __linux__
    struct rlimit limit;
    if (prlimit(process, RLIMIT_NOFILE, NULL, &limit) != 0) return -1;
    limit.rlim_cur = soft < limit.rlim_max ? soft : limit.rlim_max;
    return prlimit(process, RLIMIT_NOFILE, &limit, NULL);
#else
    (void)process;
    (void)soft;
    errno = ENOSYS;
    return -1;
#endif
}

struct start {
    void (*body)(void *);
    void *argument;
};

static void *run(void *pointer) {
    struct start start = *(struct start *)pointer;
    free(pointer);
    start.body(start.argument);
    return NULL;
}

void csystem_buffer_output_by_line(void) { (void)setvbuf(stdout, NULL, _IOLBF, 0); }

int csystem_start_thread(void (*body)(void *), void *argument, unsigned long stack_size) {
    struct start *start = malloc(sizeof *start);
    if (start == NULL) return ENOMEM;
    *start = (struct start){body, argument};
    pthread_attr_t attributes;
    int status = pthread_attr_init(&attributes);
    if (status == 0) {
        pthread_t thread;
        (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        (void)pthread_attr_setstacksize(&attributes, stack_size);
        status = pthread_create(&thread, &attributes, run, start);
        (void)pthread_attr_destroy(&attributes);
    }
    if (status != 0) free(start);
    return status;
}

#ifdef __linux__
// The program itself is the object without a name (dl_iterate_phdr(3)). Its segments that are not writable are unchanged
// pages of its file: the loader's changes are in writable ones, also those that it protects afterwards (RELRO).
static int release_pages(struct dl_phdr_info *object, size_t size, void *released) {
    (void)size;
    if (object->dlpi_name[0] != '\0') return 0;
    unsigned long page = (unsigned long)sysconf(_SC_PAGESIZE);
    for (int index = 0; index < object->dlpi_phnum; index++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[index];
        if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W)) continue;
        unsigned long start = (object->dlpi_addr + segment->p_vaddr) & ~(page - 1);
        unsigned long end = (object->dlpi_addr + segment->p_vaddr + segment->p_filesz + page - 1) & ~(page - 1);
        if (madvise((void *)start, end - start, MADV_DONTNEED) == 0) *(unsigned long *)released += end - start;
    }
    return 1;
}
#endif

unsigned long csystem_release_program_pages(void) {
    unsigned long released = 0;
#ifdef __linux__
    (void)dl_iterate_phdr(release_pages, &released);
#endif
    return released;
}

int csystem_access_of_user(unsigned user, unsigned group, const unsigned *groups, unsigned long count, const char *path) {
    enum { failed = 8 };
    pid_t child = fork();
    if (child < 0) return -1;
    if (child == 0) {
        // Access control lists, the folders on the way and the mount's mode count: the kernel decides.
        if (setgroups(count, groups) != 0 || setgid(group) != 0 || setuid(user) != 0) _exit(failed);
        int allowed = 0;
        if (access(path, R_OK) == 0) allowed |= R_OK;
        if (access(path, W_OK) == 0) allowed |= W_OK;
        if (access(path, X_OK) == 0) allowed |= X_OK;
        _exit(allowed);
    }
    int status;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) return -1;
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) >= failed) return -1;
    return WEXITSTATUS(status);
}
