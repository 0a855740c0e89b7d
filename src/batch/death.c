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

int64_t death_oom_kills(const char *proc_root)
{
    char *path = path_join(proc_root, "vmstat");
    FILE *file = fopen(path, "re");
    memory_free(path);
    char line[256];
    long long kills = -1;
    while (file != NULL && kills < 0 && fgets(line, sizeof line, file) != NULL) {
        if (text_starts_with(line, "oom_kill ")) {
            kills = strtoll(line + strlen("oom_kill "), NULL, 10);
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return kills;
}

static bool is_oom_kill(const Death *death)
{
    return WIFSIGNALED(death->wait_status) && WTERMSIG(death->wait_status) == SIGKILL &&
           death->oom_kills_before >= 0 && death->oom_kills_after > death->oom_kills_before;
}

static void explain_signal(int number, char *why, size_t size)
{
    const char *short_name = sigabbrev_np(number);
    const char *name = short_name != NULL ? short_name : "unknown";
    if (number == SIGKILL) {
        (void)snprintf(why, size, "it was killed (SIG%s), perhaps by the kernel because memory ran out",
                       name);
    } else {
        (void)snprintf(why, size, "it ended by signal %d (SIG%s)", number, name);
    }
}

void death_explain(const Death *death, const char *input, Error *err)
{
    static const char what[] = "the worker died";
    char why[sizeof err->why];
    ErrorClass class_ = ERROR_CRASH;
    const int code = WIFEXITED(death->wait_status) ? WEXITSTATUS(death->wait_status) : -1;
    if (error_is_set(death->defect)) {
        class_ = death->defect->class_;
        (void)snprintf(why, sizeof why, "%s", death->defect->why);
    } else if (is_oom_kill(death)) {
        class_ = ERROR_MEMORY;
        (void)snprintf(why, sizeof why, "it was killed by the kernel's out-of-memory killer");
    } else if (WIFSIGNALED(death->wait_status)) {
        explain_signal(WTERMSIG(death->wait_status), why, sizeof why);
    } else if (code == EXIT_OUT_OF_MEMORY) {
        class_ = ERROR_MEMORY;
        (void)snprintf(why, sizeof why, "it ran out of memory");
    } else {
        (void)snprintf(why, sizeof why, "it ended without a result (exit code %d)", code);
    }
    const size_t length = strlen(why);
    if (death->last_line != NULL && death->last_line[0] != '\0' && length < sizeof why) {
        (void)snprintf(why + length, sizeof why - length, "; its last line: %.200s", death->last_line);
    }
    (void)error_set(err, class_, what, input, why);
    if (class_ == ERROR_MEMORY || (WIFSIGNALED(death->wait_status) &&
                                   WTERMSIG(death->wait_status) == SIGKILL && !error_is_set(death->defect))) {
        error_advise(err, "--jobs 1, a smaller --frame-budget or fewer --execution-threads need less memory");
    } else {
        error_advise(err, "the video's log tells more");
    }
}
