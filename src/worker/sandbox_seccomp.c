#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sanitizer.h"
#include "worker/sandbox_internal.h"

/* Found by tracing jobs (strace -f over all encoders, containers and options), and grouped by what needs
 * them; with each call stand its variants, for other architectures and C libraries. What a library or an
 * architecture does not have is left out. */
static const char *const allowed[] = {
    /* memory */
    "brk",
    "mmap",
    "mmap2",
    "munmap",
    "mremap",
    "mprotect",
    "madvise",
    /* threads and their locks; clone has a rule of its own */
    "futex",
    "futex_time64",
    "set_robust_list",
    "get_robust_list",
    "rseq",
    "membarrier",
    "sched_yield",
    "sched_getaffinity",
    "sched_getparam",
    "sched_getscheduler",
    "sched_get_priority_max",
    "sched_get_priority_min",
    "getpriority",
    "getcpu",
    "get_mempolicy",
    "set_mempolicy",
    "exit",
    "exit_group",
    /* signals to itself; tgkill has a rule of its own */
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "sigreturn",
    "sigaltstack",
    "restart_syscall",
    /* opening files: Landlock tells which */
    "open",
    "openat",
    "close",
    "access",
    "faccessat",
    "faccessat2",
    "readlink",
    "readlinkat",
    "getcwd",
    "stat",
    "stat64",
    "lstat",
    "lstat64",
    "fstat",
    "fstat64",
    "newfstatat",
    "fstatat64",
    "statx",
    "statfs",
    "statfs64",
    "fstatfs",
    "fstatfs64",
    "getdents",
    "getdents64",
    /* reading and writing them */
    "read",
    "readv",
    "pread64",
    "preadv",
    "write",
    "writev",
    "pwrite64",
    "pwritev",
    "lseek",
    "_llseek",
    "ftruncate",
    "ftruncate64",
    "fallocate",
    "fadvise64",
    "fadvise64_64",
    "arm_fadvise64_64",
    "fsync",
    "fdatasync",
    "sync_file_range",
    "sync_file_range2",
    /* chunks and frame files */
    "mkdir",
    "mkdirat",
    "rmdir",
    "unlink",
    "unlinkat",
    "rename",
    "renameat",
    "renameat2",
    /* the channel to the supervisor: a socket that is there; sendto has a rule of its own */
    "recvfrom",
    "poll",
    "ppoll",
    "ppoll_time64",
    "eventfd2",
    /* the machine and the time */
    "getpid",
    "gettid",
    "getppid",
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "getuid32",
    "geteuid32",
    "getgid32",
    "getegid32",
    "uname",
    "sysinfo",
    "getrusage",
    "times",
    "getrandom",
    "time",
    "gettimeofday",
    "clock_gettime",
    "clock_gettime64",
    "clock_getres",
    "clock_getres_time64",
    "clock_nanosleep",
    "clock_nanosleep_time64",
    "nanosleep",
#if IS_SANITIZED
    /* the leak check at the end: another process stops all threads of this one */
    "clone",
    "prctl",
    "ptrace",
    "wait4",
#endif
};

/* CUDA, by others' traces; not tried by us. */
static const char *const allowed_for_gpu[] = {
    "memfd_create",  "mlock",     "mlock2",        "munlock",
    "msync",         "mbind",     "set_mempolicy", "sched_setaffinity",
    "epoll_create1", "epoll_ctl", "epoll_wait",    "epoll_pwait",
    "pipe2",         "dup",       "dup2",          "dup3",
    "flock",         "select",    "pselect6",
};

#define ARGUMENT_IS(number, value) SCMP_CMP64(number, SCMP_CMP_EQ, (uint64_t)(value), 0)
#define ARGUMENT_HAS(number, mask, value)                                                                    \
    SCMP_CMP64(number, SCMP_CMP_MASKED_EQ, (uint64_t)(mask), (uint64_t)(value))

int seccomp_missing(void)
{
    const uint32_t action = SECCOMP_RET_ERRNO;
    return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0 ? 0 : errno;
}

/* The first failure, as libseccomp tells it (-errno), stays in `result`. */
static void add(scmp_filter_ctx filter, uint32_t action, const char *name, unsigned count,
                const struct scmp_arg_cmp *arguments, int *result)
{
    const int number = seccomp_syscall_resolve_name(name);
    if (number < 0 || *result != 0) { /* not on this architecture */
        return;
    }
    *result = seccomp_rule_add_array(filter, action, number, count, arguments);
}

static void add_all(scmp_filter_ctx filter, const char *const *names, size_t count, int *result)
{
    for (size_t i = 0; i < count; i++) {
        add(filter, SCMP_ACT_ALLOW, names[i], 0, NULL, result);
    }
}

static void add_one(scmp_filter_ctx filter, const char *name, struct scmp_arg_cmp argument, int *result)
{
    add(filter, SCMP_ACT_ALLOW, name, 1, &argument, result);
}

/* Calls that are harmless with some arguments only. */
static void add_limited(scmp_filter_ctx filter, int *result)
{
    /* threads of this process, in its own namespaces; glibc's clone3 goes back to clone when there is none */
    enum { THREAD = CLONE_VM | CLONE_SIGHAND | CLONE_THREAD };
    static const uint64_t spaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
                                   CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
    static const int descriptor_commands[] = {F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL};
    add_one(filter, "clone", ARGUMENT_HAS(0, spaces | THREAD, THREAD), result);
    add(filter, SCMP_ACT_ERRNO(ENOSYS), "clone3", 0, NULL, result);
    /* x265 places its threads and makes some of them nice: each itself */
    const struct scmp_arg_cmp own_priority[] = {ARGUMENT_IS(0, PRIO_PROCESS), ARGUMENT_IS(1, 0)};
    add(filter, SCMP_ACT_ALLOW, "setpriority", 2, own_priority, result);
    add_one(filter, "sched_setaffinity", ARGUMENT_IS(0, 0), result);
    /* abort() */
    add_one(filter, "tgkill", ARGUMENT_IS(0, getpid()), result);
    add_one(filter, "prctl", ARGUMENT_IS(0, PR_SET_NAME), result);
    /* no address: only to whom the socket is connected */
    add_one(filter, "sendto", ARGUMENT_IS(4, 0), result);
    for (size_t i = 0; i < sizeof descriptor_commands / sizeof descriptor_commands[0]; i++) {
        add_one(filter, "fcntl", ARGUMENT_IS(1, descriptor_commands[i]), result);
        add_one(filter, "fcntl64", ARGUMENT_IS(1, descriptor_commands[i]), result);
    }
    /* asking for limits, not setting them, and not another process's */
    const struct scmp_arg_cmp own_limits[] = {ARGUMENT_IS(0, 0), ARGUMENT_IS(2, 0)};
    add(filter, SCMP_ACT_ALLOW, "prlimit64", 2, own_limits, result);
}

/* The kinds of requests (bits 8 to 15) that NVIDIA's devices know: its own, memory's, modes', graphics'. None
 * of them is a terminal's. */
static void add_gpu(scmp_filter_ctx filter, int *result)
{
    static const char kinds[] = {'F', 0, 'm', 'd'};
    add_all(filter, allowed_for_gpu, sizeof allowed_for_gpu / sizeof allowed_for_gpu[0], result);
    for (size_t i = 0; i < sizeof kinds; i++) {
        add_one(filter, "ioctl", ARGUMENT_HAS(1, 0xFF00, (unsigned)kinds[i] << 8), result);
    }
}

int seccomp_enter(bool gpu)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (filter == NULL) {
        return ENOMEM;
    }
    int result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    /* The worker runs nobody's code of its own accord: kernels before 5.16 would slow every filtered process
     * down against attacks from within. Older ones than 4.17 do not know the wish. */
    (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1);
    if (result == 0) {
        result = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    }
    add_all(filter, allowed, sizeof allowed / sizeof allowed[0], &result);
    add_limited(filter, &result);
    if (gpu) {
        add_gpu(filter, &result);
    }
    if (result == 0) {
        result = seccomp_load(filter);
    }
    seccomp_release(filter);
    return -result;
}
