/* Each thing that a taken-over worker might try, tried from inside: by each layer alone that is to refuse it,
 * and by both. Outside it must succeed, or the attempt would prove nothing. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "sandbox_child.h"

/* What the sanitisers' leak check needs is not refused in their builds. */
enum { FILTERED = SANDBOX_FOR_SANITIZERS ? 0 : SECCOMP };

typedef struct Try {
    const char *what;
    Attempt *attempt;
    int refused_by;  /* each of these layers alone */
    int from_abi;    /* by Landlock from this version on */
    bool needs_root; /* to succeed outside */
} Try;

static int result_of(long value)
{
    return value < 0 ? errno : 0;
}

static int try_open(const char *path, int flags)
{
    const int fd = open(path, flags | O_CLOEXEC, 0600);
    char byte = 0;
    if (fd < 0) {
        return errno;
    }
    return (flags & O_ACCMODE) == O_RDONLY ? result_of(read(fd, &byte, 1)) : result_of(write(fd, "x", 1));
}

static int try_in(const char *folder, const char *name)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s-%ld", folder, name, (long)getpid());
    const int failure = try_open(path, O_WRONLY | O_CREAT | O_EXCL);
    (void)unlink(path);
    return failure;
}

static void check(const World *world, const Try *tries, size_t count)
{
    static const int all[] = {LANDLOCK, SECCOMP, BOTH};
    const int version = sandbox_features().landlock_abi;
    for (size_t i = 0; i < count; i++) {
        const Try *one = &tries[i];
        const bool known = (one->refused_by & SECCOMP) != 0 || version >= one->from_abi;
        if (!one->needs_root || geteuid() == 0) {
            const int outside = outcome(world, OUTSIDE, 0, one->attempt);
            if (outside != 0) {
                fail_msg("%s: outside it gives %d (%s)", one->what, outside, strerror(outside));
            }
        }
        for (size_t j = 0; j < sizeof all / sizeof all[0]; j++) {
            const bool counts = (all[j] & one->refused_by) != 0 && (all[j] != BOTH || known);
            if (!counts || !has_layers(all[j]) || (all[j] == LANDLOCK && version < one->from_abi)) {
                continue;
            }
            const int inside = outcome(world, all[j], 0, one->attempt);
            if (inside == 0) {
                fail_msg("%s: not refused by layers %d", one->what, all[j]);
            }
        }
    }
}

#define CHECK(tries) check(*state, tries, sizeof(tries) / sizeof(tries)[0])

/* ---- reading ---- */

static int read_passwd(const World *world)
{
    (void)world;
    return try_open("/etc/passwd", O_RDONLY);
}

static int read_neighbour(const World *world)
{
    return try_open(world->neighbour, O_RDONLY);
}

static int read_other_chunk(const World *world)
{
    return try_open(world->chunk, O_RDONLY);
}

static int read_by_planted_link(const World *world)
{
    return try_open(world->planted, O_RDONLY);
}

static int list_videos(const World *world)
{
    return result_of(open(world->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static int read_parent_memory(const World *world)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%ld/mem", (long)world->parent);
    return result_of(open(path, O_RDONLY | O_CLOEXEC));
}

static int read_parent_environment(const World *world)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%ld/environ", (long)world->parent);
    return try_open(path, O_RDONLY);
}

static void nothing_else_is_read(void **state)
{
    static const Try tries[] = {
        {"reading /etc/passwd", read_passwd, LANDLOCK, 1, false},
        {"reading another video", read_neighbour, LANDLOCK, 1, false},
        {"reading another video's chunk", read_other_chunk, LANDLOCK, 1, false},
        {"reading by a link in the work folder", read_by_planted_link, LANDLOCK, 1, false},
        {"listing the videos", list_videos, LANDLOCK, 1, false},
        {"reading the supervisor's memory", read_parent_memory, LANDLOCK, 1, false},
        {"reading the supervisor's environment", read_parent_environment, LANDLOCK, 1, false},
    };
    CHECK(tries);
}

/* ---- writing ---- */

static int write_input(const World *world)
{
    return try_open(world->input, O_WRONLY | O_APPEND);
}

static int write_neighbour(const World *world)
{
    return try_open(world->neighbour, O_WRONLY | O_TRUNC);
}

static int write_other_chunk(const World *world)
{
    return try_open(world->chunk, O_WRONLY);
}

static int write_by_planted_link(const World *world)
{
    return try_open(world->planted, O_WRONLY);
}

static int create_in_other_work(const World *world)
{
    return try_in(world->other, "new");
}

static int create_beside_output(const World *world)
{
    return try_in(world->folder, "new");
}

static int create_at_home(const World *world)
{
    (void)world;
    const char *home = getenv("HOME");
    return try_in(home != NULL ? home : "/", ".runbatch-sandbox-test");
}

static int create_in_tmp(const World *world)
{
    (void)world;
    return try_in("/tmp", "runbatch-sandbox-test");
}

static int truncate_neighbour(const World *world)
{
    return result_of(truncate(world->neighbour, 4));
}

static int truncate_input(const World *world)
{
    return result_of(truncate(world->input, 4));
}

static void nothing_else_is_written(void **state)
{
    static const Try tries[] = {
        {"writing to the input", write_input, LANDLOCK, 1, false},
        {"writing to another video", write_neighbour, LANDLOCK, 1, false},
        {"writing to another video's chunk", write_other_chunk, LANDLOCK, 1, false},
        {"writing by a link in the work folder", write_by_planted_link, LANDLOCK, 1, false},
        {"making a file in another work folder", create_in_other_work, LANDLOCK, 1, false},
        {"making a file beside the output", create_beside_output, LANDLOCK, 1, false},
        {"making a file in the home folder", create_at_home, LANDLOCK, 1, false},
        {"making a file in /tmp", create_in_tmp, LANDLOCK, 1, false},
        {"cutting another video", truncate_neighbour, LANDLOCK | SECCOMP, 3, false},
        {"cutting the input", truncate_input, LANDLOCK | SECCOMP, 3, false},
    };
    CHECK(tries);
}

/* ---- names, links, owners ---- */

static const char *work_name(const World *world, const char *name)
{
    static char path[256];
    (void)snprintf(path, sizeof path, "%s/%s-%ld", world->work, name, (long)getpid());
    return path;
}

static int remove_chunk(const World *world)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/spare", world->other);
    return unlink(path) != 0 ? errno : 0;
}

static int remove_output(const World *world)
{
    const int failure = result_of(unlink(world->temporary));
    if (failure == 0) { /* for those who come after */
        (void)close(open(world->temporary, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    }
    return failure;
}

static int rename_output(const World *world)
{
    char name[256];
    (void)snprintf(name, sizeof name, "%s/other-name", world->folder);
    const int failure = result_of(rename(world->temporary, name));
    (void)rename(name, world->temporary);
    return failure;
}

static int take_neighbour(const World *world)
{
    const char *name = work_name(world, "taken");
    const int failure = result_of(rename(world->neighbour, name));
    (void)rename(name, world->neighbour);
    return failure;
}

static int replace_neighbour(const World *world)
{
    char kept[256];
    const char *name = work_name(world, "new");
    (void)snprintf(kept, sizeof kept, "%s.kept", world->neighbour);
    (void)close(open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    (void)link(world->neighbour, kept);
    const int failure = result_of(rename(name, world->neighbour));
    (void)rename(kept, world->neighbour);
    (void)unlink(name);
    return failure;
}

static int link_neighbour(const World *world)
{
    const char *name = work_name(world, "hard");
    const int failure = result_of(link(world->neighbour, name));
    (void)unlink(name);
    return failure;
}

static int link_by_name(const World *world)
{
    const char *name = work_name(world, "soft");
    const int failure = result_of(symlink("/etc", name));
    (void)unlink(name);
    return failure;
}

static int make_fifo(const World *world)
{
    const char *name = work_name(world, "fifo");
    const int failure = result_of(mkfifo(name, 0600));
    (void)unlink(name);
    return failure;
}

static int change_mode(const World *world)
{
    return result_of(chmod(world->neighbour, 0644));
}

static int make_setuid(const World *world)
{
    const int failure = result_of(chmod(world->temporary, 04755));
    (void)chmod(world->temporary, 0644);
    return failure;
}

static int change_owner(const World *world)
{
    return result_of(chown(world->neighbour, geteuid(), getegid()));
}

static int change_times(const World *world)
{
    return result_of(utimes(world->neighbour, NULL));
}

static void names_and_owners_stay(void **state)
{
    const World *world = *state;
    char spare[256];
    (void)snprintf(spare, sizeof spare, "%s/spare", world->other);
    static const Try tries[] = {
        {"removing the output", remove_output, LANDLOCK, 1, false},
        {"giving the output a name", rename_output, LANDLOCK, 1, false},
        {"taking another video away", take_neighbour, LANDLOCK, 1, false},
        {"replacing another video", replace_neighbour, LANDLOCK, 1, false},
        {"linking another video into the work folder", link_neighbour, LANDLOCK | SECCOMP, 1, false},
        {"a link by name", link_by_name, LANDLOCK | SECCOMP, 1, false},
        {"a fifo", make_fifo, LANDLOCK | SECCOMP, 1, false},
        {"changing a file's mode", change_mode, SECCOMP, 1, false},
        {"making the output run as its owner", make_setuid, SECCOMP, 1, false},
        {"changing a file's owner", change_owner, SECCOMP, 1, false},
        {"changing a file's times", change_times, SECCOMP, 1, false},
    };
    CHECK(tries);
    const int fd = open(spare, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    (void)close(fd);
    if (has_layers(LANDLOCK)) {
        assert_int_equal(outcome(world, LANDLOCK, 0, remove_chunk), EACCES);
    }
    assert_int_equal(outcome(world, OUTSIDE, 0, remove_chunk), 0);
}

/* ---- the network ---- */

static int open_socket(const World *world)
{
    (void)world;
    return result_of(socket(AF_INET6, SOCK_DGRAM, 0));
}

static int connect_tcp(const World *world)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(world->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    return fd < 0 ? errno : result_of(connect(fd, (const struct sockaddr *)&address, sizeof address));
}

static int listen_tcp(const World *world)
{
    (void)world;
    const struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    return fd < 0 ? errno : result_of(bind(fd, (const struct sockaddr *)&address, sizeof address));
}

static int send_datagram(const World *world)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return result_of(sendto(world->datagram, "x", 1, 0, (const struct sockaddr *)&address, sizeof address));
}

static int bind_by_path(const World *world)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%.100s", work_name(world, "socket"));
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    const int failure =
        fd < 0 ? errno : result_of(bind(fd, (const struct sockaddr *)&address, sizeof address));
    (void)unlink(address.sun_path);
    return failure;
}

static int connect_by_abstract_name(const World *world)
{
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    return fd < 0 ? errno
                  : result_of(connect(fd, (const struct sockaddr *)&world->abstract, sizeof world->abstract));
}

static void there_is_no_network(void **state)
{
    static const Try tries[] = {
        {"a socket", open_socket, SECCOMP, 1, false},
        {"a connection", connect_tcp, LANDLOCK | SECCOMP, 4, false},
        {"a server", listen_tcp, LANDLOCK | SECCOMP, 4, false},
        {"a datagram by a socket that is there", send_datagram, SECCOMP, 1, false},
        {"another program by its socket's name", connect_by_abstract_name, LANDLOCK | SECCOMP, 6, false},
        {"a socket with a path", bind_by_path, LANDLOCK | SECCOMP, 1, false},
    };
    CHECK(tries);
}

/* ---- other programs and processes ---- */

static int run_program(const World *world)
{
    (void)world;
    (void)execl("/bin/true", "true", (char *)NULL);
    return errno;
}

static int make_process(const World *world)
{
    (void)world;
    const pid_t child = fork();
    if (child == 0) {
        _exit(0);
    }
    return result_of(child);
}

static int make_namespace(const World *world)
{
    (void)world;
    return result_of(unshare(CLONE_NEWUTS));
}

static int trace_parent(const World *world)
{
    const int failure = result_of(ptrace(PTRACE_SEIZE, world->parent, NULL, NULL));
    if (failure == 0) {
        (void)ptrace(PTRACE_DETACH, world->parent, NULL, NULL);
    }
    return failure;
}

static int copy_parent(const World *world)
{
    char byte = 0;
    const struct iovec local = {.iov_base = &byte, .iov_len = 1};
    const struct iovec remote = {.iov_base = (void *)(uintptr_t)world, .iov_len = 1};
    return result_of(process_vm_readv(world->parent, &local, 1, &remote, 1, 0));
}

static int signal_parent(const World *world)
{
    return result_of(kill(world->parent, SIGURG));
}

static int signal_parent_thread(const World *world)
{
    return result_of(syscall(SYS_tgkill, world->parent, world->parent, SIGURG));
}

static int signal_by_file(const World *world)
{
    return result_of(fcntl(world->socket[0], F_SETOWN, world->parent));
}

static int limit_parent(const World *world)
{
    struct rlimit limit;
    return prlimit(world->parent, RLIMIT_CORE, NULL, &limit) != 0
               ? errno
               : result_of(prlimit(world->parent, RLIMIT_CORE, &limit, NULL));
}

static int pin_parent(const World *world)
{
    cpu_set_t processors;
    (void)sched_getaffinity(world->parent, sizeof processors, &processors);
    return result_of(sched_setaffinity(world->parent, sizeof processors, &processors));
}

static int slow_parent(const World *world)
{
    return result_of(setpriority(PRIO_PROCESS, (id_t)world->parent, getpriority(PRIO_PROCESS, 0)));
}

static int leave_group(const World *world)
{
    (void)world;
    return result_of(setsid());
}

static void there_are_no_other_processes(void **state)
{
    static const Try tries[] = {
        {"a program", run_program, LANDLOCK | SECCOMP, 1, false},
        {"a process", make_process, FILTERED, 1, false},
        {"a namespace", make_namespace, SECCOMP, 1, true},
        {"tracing the supervisor", trace_parent, LANDLOCK | FILTERED, 1, true},
        {"copying the supervisor's memory", copy_parent, LANDLOCK | SECCOMP, 1, true},
        {"a signal to the supervisor", signal_parent, LANDLOCK | SECCOMP, 6, false},
        {"a signal to a thread of it", signal_parent_thread, LANDLOCK | SECCOMP, 6, false},
        {"a signal by way of a file", signal_by_file, SECCOMP, 1, false},
        {"the supervisor's limits", limit_parent, SECCOMP, 1, false},
        {"the supervisor's processors", pin_parent, SECCOMP, 1, false},
        {"the supervisor's priority", slow_parent, SECCOMP, 1, false},
        {"a session of its own", leave_group, SECCOMP, 1, false},
    };
    CHECK(tries);
}

/* ---- the machine ---- */

static int mount_folder(const World *world)
{
    const int failure = result_of(mount("none", world->other, "tmpfs", 0, NULL));
    (void)umount(world->other);
    return failure;
}

static int change_root(const World *world)
{
    return result_of(chroot(world->folder));
}

static int type_into_terminal(const World *world)
{
    return result_of(ioctl(world->terminal, TIOCSTI, "x"));
}

static int be_dumped(const World *world)
{
    (void)world;
    return result_of(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

/* The reason with which a call with senseless arguments fails: the filter's own, or another. */
static int senseless_calls(const World *world)
{
    static const long numbers[] = {
        SYS_bpf,
        SYS_perf_event_open,
        SYS_userfaultfd,
        SYS_io_uring_setup,
        SYS_io_uring_enter,
        SYS_add_key,
        SYS_keyctl,
        SYS_request_key,
        SYS_init_module,
        SYS_finit_module,
        SYS_setns,
        SYS_personality,
        SYS_open_by_handle_at,
        SYS_pidfd_open,
        SYS_memfd_create,
        SYS_process_vm_writev,
        SYS_move_pages,
        SYS_migrate_pages,
        SYS_kcmp,
        SYS_syslog,
        SYS_swapon,
        SYS_settimeofday,
        SYS_sethostname,
        SYS_quotactl,
        SYS_acct,
        SYS_setuid,
        SYS_capset,
        SYS_mlock,
        SYS_seccomp,
        SYS_ioctl,
        SYS_socketpair,
        SYS_accept4,
        SYS_sendmsg,
        SYS_sendmmsg,
        SYS_recvmsg,
        SYS_shmget,
        SYS_msgget,
        SYS_mq_open,
        SYS_inotify_init1,
        SYS_fanotify_init,
        SYS_setxattr,
        SYS_mknodat,
        SYS_fchmodat,
        SYS_linkat,
        SYS_pivot_root,
        SYS_execveat,
        SYS_rt_sigqueueinfo,
        SYS_setrlimit,
        SYS_umount2,
        SYS_vmsplice,
    };
    (void)world;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        errno = 0;
        if (syscall(numbers[i], -1L, -1L, -1L, -1L, -1L, -1L) != -1 || errno != EPERM) {
            return (int)(i + 1);
        }
    }
    return 0;
}

static void the_machine_is_out_of_reach(void **state)
{
    const World *world = *state;
    static const Try tries[] = {
        {"a mount", mount_folder, LANDLOCK | SECCOMP, 1, true},
        {"another root", change_root, SECCOMP, 1, true},
        {"to be traced and dumped again", be_dumped, FILTERED, 1, false},
    };
    static const Try terminal[] = {{"typing into a terminal", type_into_terminal, SECCOMP, 1, true}};
    CHECK(tries);
    if (world->terminal >= 0) {
        CHECK(terminal);
    }
    if (has_layers(SECCOMP)) {
        assert_int_equal(outcome(world, SECCOMP, 0, senseless_calls), 0);
    }
}

/* Other numbers of the same calls. */
#if defined(__x86_64__)
static int call_as_32_bit(const World *world)
{
    (void)world;
    long number = 20; /* getpid */
    __asm__ volatile("int $0x80" : "+a"(number) : : "memory");
    return 0;
}

static int call_as_x32(const World *world)
{
    (void)world;
    return syscall(0x40000000L | SYS_socket, AF_INET, SOCK_STREAM, 0) < 0 ? errno : 0;
}

static void other_architectures_calls_end_it(void **state)
{
    if (!has_layers(SECCOMP)) {
        skip();
    }
    assert_int_equal(outcome(*state, SECCOMP, 0, call_as_32_bit), -SIGSYS);
    assert_int_not_equal(outcome(*state, SECCOMP, 0, call_as_x32), 0);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_else_is_read),
        cmocka_unit_test(nothing_else_is_written),
        cmocka_unit_test(names_and_owners_stay),
        cmocka_unit_test(there_is_no_network),
        cmocka_unit_test(there_are_no_other_processes),
        cmocka_unit_test(the_machine_is_out_of_reach),
#if defined(__x86_64__)
        cmocka_unit_test(other_architectures_calls_end_it),
#endif
    };
    return cmocka_run_group_tests_name("sandbox_refusals", tests, world_open, world_close);
}
