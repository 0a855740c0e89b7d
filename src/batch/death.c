#include "batch/death.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/alloc.h"
#include "memory/cgroup.h"
#include "memory/meminfo.h"
#include "report/format.h"

OomKills death_oom_kills(const char *root)
{
    CgroupPlace place;
    (void)cgroup_find(root, 0, &place);
    return (OomKills){.machine = meminfo_oom_kills(root), .group = cgroup_oom_kills(&place)};
}

static bool was_killed(const Death *death)
{
    return WIFSIGNALED(death->wait_status) && WTERMSIG(death->wait_status) == SIGKILL;
}

/* -1: unknown; otherwise how often the kernel did it while the worker ran. */
static int64_t oom_kills_meanwhile(const Death *death)
{
    if (death->in_group) {
        return death->own_kills;
    }
    if (death->before.group >= 0 && death->after.group >= 0) {
        return death->after.group - death->before.group;
    }
    if (death->before.machine >= 0 && death->after.machine >= 0) {
        return death->after.machine - death->before.machine;
    }
    return -1;
}

/* Signals that somebody sends, as against those that a defect causes. */
static bool is_sent(int number)
{
    return number == SIGKILL || number == SIGTERM || number == SIGINT || number == SIGHUP ||
           number == SIGQUIT;
}

static void explain_signal(int number, bool kernel_cleared, char *why, size_t size)
{
    const char *short_name = sigabbrev_np(number);
    const char *name = short_name != NULL ? short_name : "unknown";
    if (is_sent(number)) {
        (void)snprintf(why, size, "it was killed (SIG%s)%s", name,
                       number == SIGKILL && !kernel_cleared ? ", perhaps by the kernel because memory ran out"
                                                            : "");
    } else {
        (void)snprintf(why, size, "it ended by signal %d (SIG%s)", number, name);
    }
}

/* `code`: its exit code, -1 when it was killed. */
static void explain_memory(const Death *death, int code, char *why, size_t size)
{
    char limit[32];
    if (death->over_limit) {
        (void)snprintf(why, size, "it needed more memory than its limit, %s",
                       format_gigabytes(death->limit_bytes, limit, sizeof limit));
    } else if (code == EXIT_OVER_DATA_LIMIT) {
        (void)snprintf(why, size, "it may not allocate more memory (ulimit -d)");
    } else if (code == EXIT_OUT_OF_MEMORY) {
        (void)snprintf(why, size, "it ran out of memory");
    } else {
        (void)snprintf(why, size, "it was killed by the kernel's out-of-memory killer");
    }
}

static ErrorClass explain(const Death *death, char *why, size_t size)
{
    const int code = WIFEXITED(death->wait_status) ? WEXITSTATUS(death->wait_status) : -1;
    const int64_t oom_kills = oom_kills_meanwhile(death);
    if (error_is_set(death->defect)) {
        (void)snprintf(why, size, "%s", death->defect->why);
        return death->defect->class_;
    }
    if ((was_killed(death) && oom_kills > 0) || code == EXIT_OUT_OF_MEMORY || code == EXIT_OVER_DATA_LIMIT) {
        explain_memory(death, code, why, size);
        return ERROR_MEMORY;
    }
    if (WIFSIGNALED(death->wait_status)) {
        explain_signal(WTERMSIG(death->wait_status), oom_kills == 0, why, size);
        return is_sent(WTERMSIG(death->wait_status)) ? ERROR_KILLED : ERROR_CRASH;
    }
    (void)snprintf(why, size, "it ended without a result (exit code %d)", code);
    return ERROR_CRASH;
}

void death_explain(const Death *death, const char *input, Error *err)
{
    char why[sizeof err->why];
    const ErrorClass class_ = explain(death, why, sizeof why);
    const size_t length = strlen(why);
    if (death->last_line != NULL && death->last_line[0] != '\0' && length < sizeof why) {
        (void)snprintf(why + length, sizeof why - length, "; its last line: %.200s", death->last_line);
    }
    (void)error_set(err, class_, "the worker died", input, why);
    const bool perhaps_memory =
        was_killed(death) && !error_is_set(death->defect) && oom_kills_meanwhile(death) < 0;
    if (class_ == ERROR_MEMORY && death->over_limit) {
        error_advise(err, "a larger --max-memory lets it have more; a smaller --frame-budget or fewer "
                          "--execution-threads need less");
    } else if (class_ == ERROR_MEMORY || perhaps_memory) {
        error_advise(err, "--jobs 1, a smaller --frame-budget or fewer --execution-threads need less memory");
    } else {
        error_advise(err, "the video's log tells more");
    }
}
