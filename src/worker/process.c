#include "worker/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "memory/oom_score.h"
#include "worker/message.h"

enum { FILES_LOOKED_AT = 65536 };

/* Everything below runs between fork and exec: async-signal-safe calls only. */

static void child_fail(int report)
{
    const int number = errno;
    (void)!write(report, &number, sizeof number);
    _exit(127);
}

static void child_close_files(void)
{
    if (syscall(SYS_close_range, PROCESS_CHANNEL_FD + 1, ~0U, CLOSE_RANGE_CLOEXEC) == 0) {
        return;
    }
    /* a kernel before 5.11 */
    for (int fd = PROCESS_CHANNEL_FD + 1; fd < FILES_LOOKED_AT; fd++) {
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
}

static void child_reset_signals(void)
{
    const struct sigaction standard = {.sa_handler = SIG_DFL};
    for (int number = 1; number < NSIG; number++) {
        (void)sigaction(number, &standard, NULL);
    }
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    (void)sigaction(SIGPIPE, &ignore, NULL);
    (void)sigaction(SIGXFSZ, &ignore, NULL); /* a limit of file sizes is told as EFBIG */
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

typedef struct ChildFiles {
    int null;
    int errors;
    int channel;
    int report;
} ChildFiles;

static void child_run(const char *executable, char *const *arguments, const ChildFiles *files, pid_t parent)
{
    (void)setpgid(0, 0);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) {
        _exit(127);
    }
    child_reset_signals();
    oom_score_raise(OOM_SCORE_OF_WORKERS);
    if (dup2(files->null, STDIN_FILENO) < 0 || dup2(files->errors, STDOUT_FILENO) < 0 ||
        dup2(files->errors, STDERR_FILENO) < 0 || dup2(files->channel, PROCESS_CHANNEL_FD) < 0) {
        child_fail(files->report);
    }
    child_close_files();
    (void)execv(executable, arguments);
    child_fail(files->report);
}

/* ---- the parent ---- */

static void close_if_open(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

/* A copy of `fd` above the numbers that the child's own files get, so that no dup2 overwrites one. */
static int move_up(int fd)
{
    if (fd < 0 || fd > PROCESS_CHANNEL_FD) {
        return fd;
    }
    const int moved = fcntl(fd, F_DUPFD_CLOEXEC, PROCESS_CHANNEL_FD + 1);
    (void)close(fd);
    return moved;
}

typedef struct Ends {
    int channel[2]; /* ours, theirs */
    int errors[2];  /* read, write */
    int report[2];  /* tells of a failed exec */
    int null;
} Ends;

static bool ends_open(Ends *ends)
{
    *ends = (Ends){.channel = {-1, -1}, .errors = {-1, -1}, .report = {-1, -1}, .null = -1};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends->channel) != 0 ||
        pipe2(ends->errors, O_CLOEXEC) != 0 || pipe2(ends->report, O_CLOEXEC) != 0) {
        return false;
    }
    ends->null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int *const all[] = {&ends->channel[0], &ends->channel[1], &ends->errors[0], &ends->errors[1],
                        &ends->report[0],  &ends->report[1],  &ends->null};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        *all[i] = move_up(*all[i]);
        if (*all[i] < 0) {
            return false;
        }
    }
    /* our own ends never make the supervisor wait; room for one long message without a reader */
    const int room = 4 * MESSAGE_MAX_BYTES;
    (void)setsockopt(ends->channel[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    return fcntl(ends->channel[0], F_SETFL, O_NONBLOCK) == 0 &&
           fcntl(ends->errors[0], F_SETFL, O_NONBLOCK) == 0;
}

static void ends_close(Ends *ends)
{
    for (int i = 0; i < 2; i++) {
        close_if_open(&ends->channel[i]);
        close_if_open(&ends->errors[i]);
        close_if_open(&ends->report[i]);
    }
    close_if_open(&ends->null);
}

/* 0, or the errno of the child's failed start. */
static int wait_for_exec(int report)
{
    int number = 0;
    ssize_t count = 0;
    do {
        count = read(report, &number, sizeof number);
    } while (count < 0 && errno == EINTR);
    return count == (ssize_t)sizeof number ? number : 0;
}

Status process_spawn(const char *executable, const char *const *arguments, Process *process, Error *err)
{
    static const char what[] = "cannot start a worker process";
    *process = (Process){.channel = -1, .errors = -1};
    const char *program = executable != NULL ? executable : "/proc/self/exe";
    Ends ends;
    if (!ends_open(&ends)) {
        const int number = errno;
        ends_close(&ends);
        return error_set_errno(err, ERROR_ENVIRONMENT, what, NULL, number);
    }
    const ChildFiles files = {
        .null = ends.null, .errors = ends.errors[1], .channel = ends.channel[1], .report = ends.report[1]};
    /* signals wait until the child has its own handlers, or it would run ours */
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, &before);
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid == 0) {
        child_run(program, (char *const *)(uintptr_t)arguments, &files, parent);
    }
    int number = pid < 0 ? errno : 0;
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    close_if_open(&ends.report[1]);
    if (pid > 0) {
        (void)setpgid(pid, pid);
        number = wait_for_exec(ends.report[0]);
    }
    if (number != 0) {
        if (pid > 0) {
            (void)waitpid(pid, NULL, 0);
        }
        ends_close(&ends);
        return error_set_errno(err, ERROR_ENVIRONMENT, what, program, number);
    }
    *process = (Process){.pid = pid, .channel = ends.channel[0], .errors = ends.errors[0]};
    ends.channel[0] = -1;
    ends.errors[0] = -1;
    ends_close(&ends);
    return STATUS_OK;
}

void process_signal(const Process *process, int number)
{
    /* not reaped yet, so the number cannot belong to another process */
    if (process->pid > 0) {
        (void)kill(process->pid, number);
    }
}

bool process_ended(const Process *process, int *wait_status)
{
    return process->pid > 0 && waitpid(process->pid, wait_status, WNOHANG) == process->pid;
}

void process_end(Process *process, int wait_ms)
{
    enum { STEP_MS = 5 };
    const struct timespec step = {.tv_nsec = STEP_MS * 1000000L};
    int wait_status = 0;
    process_signal(process, SIGKILL);
    for (int waited = 0; process->pid > 0 && waited <= wait_ms; waited += STEP_MS) {
        if (process_ended(process, &wait_status)) {
            process->pid = 0;
        } else {
            (void)nanosleep(&step, NULL);
        }
    }
}

void process_close(Process *process)
{
    close_if_open(&process->channel);
    close_if_open(&process->errors);
    process->pid = 0;
}
