/* What else a taken-over worker might reach for: the network, other programs and processes, the machine. */
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
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "sandbox_child.h"

#define CHECK(tries) check_refusals(*state, tries, sizeof(tries) / sizeof(tries)[0])

static const char *work_name(const World *world, const char *name)
{
    static char path[256];
    (void)snprintf(path, sizeof path, "%s/%s-%ld", world->work, name, (long)getpid());
    return path;
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
        cmocka_unit_test(there_is_no_network),
        cmocka_unit_test(there_are_no_other_processes),
        cmocka_unit_test(the_machine_is_out_of_reach),
#if defined(__x86_64__)
        cmocka_unit_test(other_architectures_calls_end_it),
#endif
    };
    return cmocka_run_group_tests_name("sandbox_reach", tests, world_open, world_close);
}
