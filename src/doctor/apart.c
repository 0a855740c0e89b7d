#include "doctor/apart.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "report/i18n.h"

/* How a child ended. */
typedef enum Ending {
    ENDING_GOOD = 0,
    ENDING_LATE,
    ENDING_DIED,
    ENDING_NONSENSE,
} Ending;

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

static void run_child(void (*work)(const void *context, Checkup *found), const void *context, int answer)
{
    Checkup found = {0};
    be_silent();
    work(context, &found);
    json_t *list = json_array();
    for (size_t i = 0; i < found.count; i++) {
        (void)json_array_append_new(list, check_to_json(&found.items[i]));
    }
    char *text = json_dumps(list, JSON_COMPACT);
    _exit(text != NULL && write_all(answer, text, strlen(text)) ? 0 : 1);
}

/* ---- the parent ---- */

/* Reads all that comes until the other end is closed. */
static Ending read_answer(int fd, int limit_ms, Text *answer)
{
    char block[4096];
    const int64_t deadline_ms = clock_now_ms() + limit_ms;
    for (;;) {
        const int64_t left_ms = deadline_ms - clock_now_ms();
        struct pollfd file = {.fd = fd, .events = POLLIN};
        if (left_ms <= 0 || (poll(&file, 1, (int)left_ms) == 0)) {
            return ENDING_LATE;
        }
        const ssize_t count = file.revents != 0 ? read(fd, block, sizeof block) : -1;
        if (count == 0) {
            return ENDING_GOOD;
        }
        if (count > 0) {
            text_append_bytes(answer, block, (size_t)count);
        }
        if (answer->length > APART_BYTES) {
            return ENDING_NONSENSE;
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

static Ending take_answer(const Text *answer, Checkup *checkup)
{
    json_t *list = json_loadb(answer->data != NULL ? answer->data : "", answer->length, 0, NULL);
    bool good = json_is_array(list);
    for (size_t i = 0; good && i < json_array_size(list); i++) {
        good = checkup_add_json(checkup, json_array_get(list, i));
    }
    json_decref(list);
    return good ? ENDING_GOOD : ENDING_NONSENSE;
}

static void tell_ending(Ending ending, int status, CheckGroup group, int limit_ms, Checkup *checkup)
{
    enum { MS = 1000 };
    json_t *figures = json_object();
    (void)json_object_set_new(figures, "signal",
                              ending == ENDING_DIED && WIFSIGNALED(status) ? json_integer(WTERMSIG(status))
                                                                           : json_null());
    if (ending == ENDING_LATE) {
        Check *check = checkup_add(checkup, group, "unfinished", CHECK_ERROR, figures,
                                   _("not found out in %d s"), limit_ms / MS);
        check_advise(check, "%s", _("a disk, a share of a network or a driver may hang"));
    } else if (ending == ENDING_DIED && WIFSIGNALED(status)) {
        (void)checkup_add(checkup, group, "unfinished", CHECK_ERROR, figures,
                          _("the process that was to find out crashed: %s"), strsignal(WTERMSIG(status)));
    } else {
        (void)checkup_add(checkup, group, "unfinished", CHECK_ERROR, figures, "%s",
                          _("the process that was to find out ended without an answer"));
    }
}

/* STATUS_FAILED: no child. */
static pid_t start(void (*work)(const void *context, Checkup *found), const void *context, int *answer)
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
    *answer = ends[0];
    if (child < 0) {
        (void)close(ends[0]);
    } else {
        (void)setpgid(child, child);
    }
    return child;
}

void apart_do(void (*work)(const void *context, Checkup *found), const void *context, CheckGroup group,
              int limit_ms, Checkup *checkup)
{
    int fd = -1;
    int status = 0;
    Text answer = {0};
    const pid_t child = start(work, context, &fd);
    if (child < 0) {
        (void)checkup_add(checkup, group, "unfinished", CHECK_ERROR, NULL, "%s: %s",
                          _("cannot start a process to find out"), strerror(errno));
        return;
    }
    Ending ending = read_answer(fd, limit_ms, &answer);
    (void)close(fd);
    if (ending != ENDING_GOOD) {
        (void)kill(-child, SIGKILL);
    }
    const bool ended = reap(child, &status);
    if (ending == ENDING_GOOD) {
        ending = ended && status == 0 ? take_answer(&answer, checkup) : ENDING_DIED;
    }
    if (ending != ENDING_GOOD) {
        tell_ending(ending, status, group, limit_ms, checkup);
    }
    text_free(&answer);
}
