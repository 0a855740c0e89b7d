#include "batch/death.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/text.h"

/* The number behind `key` and a space at the beginning of a line; -1 when there is none. */
static int64_t read_counter(const char *path, const char *key)
{
    FILE *file = fopen(path, "re");
    char line[256];
    long long number = -1;
    while (file != NULL && number < 0 && fgets(line, sizeof line, file) != NULL) {
        if (text_starts_with(line, key) && line[strlen(key)] == ' ') {
            number = strtoll(line + strlen(key) + 1, NULL, 10);
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return number;
}

/* A group's path as /proc tells it may be that of the host, while a container sees its own group as the root:
 * then the root is asked. */
static int64_t read_group(const char *mount, const char *group, const char *name)
{
    char *path = text_format("%s%s/%s", mount, group, name);
    int64_t kills = read_counter(path, "oom_kill");
    memory_free(path);
    if (kills < 0 && strcmp(group, "/") != 0) {
        kills = read_group(mount, "/", name);
    }
    return kills;
}

/* Lines of /proc/self/cgroup: "0::/path" (version 2), "4:memory:/path" (version 1). */
static int64_t group_kills(const char *proc_root, const char *group_root)
{
    char *path = path_join(proc_root, "self/cgroup");
    char *memory = path_join(group_root, "memory");
    FILE *file = fopen(path, "re");
    char line[4096];
    int64_t kills = -1;
    while (file != NULL && kills < 0 && fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        const char *controllers = strchr(line, ':');
        const char *group = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
        if (group != NULL && text_starts_with(controllers, ":memory:")) {
            kills = read_group(memory, group + 1, "memory.oom_control");
        } else if (group != NULL && group == controllers + 1) {
            kills = read_group(group_root, group + 1, "memory.events");
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    memory_free(memory);
    memory_free(path);
    return kills;
}

OomKills death_oom_kills(const char *proc_root, const char *group_root)
{
    char *path = path_join(proc_root, "vmstat");
    const OomKills kills = {.machine = read_counter(path, "oom_kill"),
                            .group = group_kills(proc_root, group_root)};
    memory_free(path);
    return kills;
}

static bool was_killed(const Death *death)
{
    return WIFSIGNALED(death->wait_status) && WTERMSIG(death->wait_status) == SIGKILL;
}

/* -1: unknown; otherwise how often the kernel did it while the worker ran. */
static int64_t oom_kills_meanwhile(const Death *death)
{
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

static ErrorClass explain(const Death *death, char *why, size_t size)
{
    const int code = WIFEXITED(death->wait_status) ? WEXITSTATUS(death->wait_status) : -1;
    const int64_t oom_kills = oom_kills_meanwhile(death);
    if (error_is_set(death->defect)) {
        (void)snprintf(why, size, "%s", death->defect->why);
        return death->defect->class_;
    }
    if (was_killed(death) && oom_kills > 0) {
        (void)snprintf(why, size, "it was killed by the kernel's out-of-memory killer");
        return ERROR_MEMORY;
    }
    if (WIFSIGNALED(death->wait_status)) {
        explain_signal(WTERMSIG(death->wait_status), oom_kills == 0, why, size);
        return is_sent(WTERMSIG(death->wait_status)) ? ERROR_KILLED : ERROR_CRASH;
    }
    if (code == EXIT_OUT_OF_MEMORY) {
        (void)snprintf(why, size, "it ran out of memory");
        return ERROR_MEMORY;
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
    if (class_ == ERROR_MEMORY || perhaps_memory) {
        error_advise(err, "--jobs 1, a smaller --frame-budget or fewer --execution-threads need less memory");
    } else {
        error_advise(err, "the video's log tells more");
    }
}
