#include "base/apart.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

/* ---- the child ---- */

static bool write_all(int fd, const char *bytes, size_t count)
{
    while (count > 0) {
        const ssize_t written = write(fd, bytes, count);
        if (written < 0 && errno != EINTR) {
            return false;
        }
        bytes += written > 0 ? written : 0;
        count -= written > 0 ? (size_t)written : 0;
    }
    return true;
}

/* Libraries that have something to say have nobody to say it to. */
static void be_silent(void)
{
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = STDIN_FILENO; null >= 0 && fd <= STDERR_FILENO; fd++) {
        (void)dup2(null, fd);
    }
}

static void run_child(void (*work)(const void *context, Text *answer), const void *context, int fd)
{
    Text answer = {0};
    be_silent();
    work(context, &answer);
    _exit(write_all(fd, answer.data, answer.length) ? 0 : 1);
}

/* ---- the parent ---- */

/* Reads all that comes until the other end is closed. */
static ApartEnding read_answer(int fd, int limit_ms, Text *answer)
{
    char block[4096];
    const int64_t deadline_ms = clock_now_ms() + limit_ms;
    for (;;) {
        const int64_t left_ms = deadline_ms - clock_now_ms();
        struct pollfd file = {.fd = fd, .events = POLLIN};
        if (left_ms <= 0 || (poll(&file, 1, (int)left_ms) == 0)) {
            return APART_LATE;
        }
        const ssize_t count = file.revents != 0 ? read(fd, block, sizeof block) : -1;
        if (count == 0) {
            return APART_GOOD;
        }
        if (count > 0) {
            text_append_bytes(answer, block, (size_t)count);
        }
        if (answer->length > APART_BYTES) {
            return APART_NONSENSE;
        }
    }
}

/* Waits a little for one that was killed: it may hang in the kernel, and is left behind then. */
static bool reap(pid_t child, int *status)
{
    enum { STEP_MS = 10, STEPS = 100 };
    for (int i = 0; i < STEPS; i++) {
        if (waitpid(child, status, WNOHANG) == child) {
            return true;
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = STEP_MS * 1000000L}, NULL);
    }
    return false;
}

/* -1: no child. */
static pid_t start(void (*work)(const void *context, Text *answer), const void *context, int *fd)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return -1;
    }
    const pid_t parent = getpid();
    const pid_t child = fork();
    if (child == 0) {
        (void)setpgid(0, 0);
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) {
            _exit(1);
        }
        (void)close(ends[0]);
        run_child(work, context, ends[1]);
    }
    (void)close(ends[1]);
    *fd = ends[0];
    if (child < 0) {
        (void)close(ends[0]);
    } else {
        (void)setpgid(child, child);
    }
    return child;
}

ApartEnding apart_ask(void (*work)(const void *context, Text *answer), const void *context, int limit_ms,
                      Text *answer, int *wait_status)
{
    int fd = -1;
    *wait_status = 0;
    const pid_t child = start(work, context, &fd);
    if (child < 0) {
        return APART_NO_CHILD;
    }
    const ApartEnding ending = read_answer(fd, limit_ms, answer);
    (void)close(fd);
    if (ending != APART_GOOD) {
        (void)kill(-child, SIGKILL);
    }
    const bool ended = reap(child, wait_status);
    return ending == APART_GOOD && (!ended || *wait_status != 0) ? APART_DIED : ending;
}
