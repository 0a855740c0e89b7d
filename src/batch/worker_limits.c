#include "batch/worker_limits.h"

#include <stdio.h>
#include <string.h>

#include "batch/batch_internal.h"
#include "report/i18n.h"

/* ---- in words ---- */

static const char *reason(const LimiterFindings *findings)
{
    switch (findings->obstacle) {
    case GROUP_NOT_WANTED:
        return _("they are switched off");
    case GROUP_NO_CONTROLLER:
        return _("none that limits memory is to be seen here");
    case GROUP_SHARED:
        return _("other programs are in the one that runbatch is in");
    case GROUP_NOT_HELD:
        return _("a process that went over the limit of one was not stopped");
    default:
        return strerror(findings->number);
    }
}

bool limits_describe(const LimiterFindings *findings, char *line, size_t size)
{
    if (findings->means == LIMITER_GROUP) {
        (void)snprintf(line, size, _("memory limits of workers: a control group each (version %d)"),
                       findings->version);
    } else if (findings->means == LIMITER_NOTHING) {
        (void)snprintf(line, size,
                       _("nothing can hold workers to a limit of memory here; no control groups: %s"),
                       reason(findings));
    } else if (!findings->watch) {
        (void)snprintf(line, size,
                       _("memory limits of workers: only what they ask for at once (RLIMIT_DATA); no control "
                         "groups: %s"),
                       reason(findings));
    } else {
        (void)snprintf(line, size,
                       _("memory limits of workers: looked at ten times a second%s; no control groups: %s"),
                       findings->data ? " (RLIMIT_DATA)" : "", reason(findings));
    }
    return findings->means == LIMITER_GROUP || findings->watch;
}

const char *limits_advice(const LimiterFindings *findings)
{
    return findings->obstacle == GROUP_SHARED ? _("started by \"systemd-run --user --scope -p Delegate=yes\" "
                                                  "runbatch can make control groups")
                                              : "";
}

/* ---- in a batch ---- */

void limits_open(Batch *batch)
{
    char line[512];
    if (batch->settings->max_memory_bytes == 0) {
        return;
    }
    batch->limiter = limiter_new(
        &(LimiterConfig){.root = batch->hooks.root, .without_groups = batch->hooks.without_groups});
    const Option *option = option_find("max-memory");
    const bool asked = batch->settings->from[option - option_table] != SETTINGS_FROM_TABLE;
    if (limits_describe(limiter_findings(batch->limiter), line, sizeof line)) {
        batch_tell(
            batch,
            &(Event){.kind = EVENT_NOTE, .level = asked ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG, .text = line});
    } else {
        batch_warn(batch, NULL, line);
    }
}

int64_t limits_of_worker(const Batch *batch)
{
    return batch->settings->max_memory_bytes;
}

void batch_watch_limits(Batch *batch)
{
    if (batch->limiter == NULL || batch->now_ms - batch->limits_ms < LIMITER_LOOK_MS) {
        return;
    }
    batch->limits_ms = batch->now_ms;
    for (size_t i = 0; i < batch->slots; i++) {
        if (batch->runners[i].used) {
            runner_check_memory(&batch->runners[i], batch->now_ms);
        }
    }
}
