#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "batch/batch_internal.h"
#include "memory/processes.h"
#include "report/format.h"
#include "report/i18n.h"
#include "report/phrase.h"

enum { FIGURE = 32, HOLDERS_LOOKED_AT = 16, HOLDERS_TOLD = 3, SCAN_MS = 30 };
#define HOLDER_LEAST (INT64_C(64) << 20)

/* Of a group's memory only those in it hold some. */
static bool is_in_group(const Batch *batch, pid_t pid)
{
    CgroupPlace place;
    const char *group = batch->memory.group;
    const size_t length = strlen(group);
    if (length == 0 || strcmp(group, "/") == 0) {
        return true;
    }
    return cgroup_find(batch->hooks.root, pid, &place) && strncmp(place.path, group, length) == 0 &&
           (place.path[length] == '\0' || place.path[length] == '/');
}

void governing_add_holder(Text *list, const char *name, pid_t pid, int64_t bytes)
{
    char size[FIGURE];
    text_appendf(list, "%s%s (%d) %s", list->length > 0 ? ", " : "", name, (int)pid,
                 format_bytes(bytes, size, sizeof size));
}

/* "firefox (4711) 3.1 GB, python3 (815) 600.0 MB": those who hold most of it and are not ours. */
static void list_holders(const Batch *batch, Text *list)
{
    ProcessTable table;
    ProcessHolder holders[HOLDERS_LOOKED_AT];
    processes_scan(&table, batch->hooks.root, SCAN_MS, NULL);
    const size_t count = processes_find_holders(&table, getpid(), holders, HOLDERS_LOOKED_AT);
    int told = 0;
    for (size_t i = 0; i < count && told < HOLDERS_TOLD; i++) {
        const ProcessHolder *holder = &holders[i];
        if (!holder->ours && holder->rss_bytes >= HOLDER_LEAST && is_in_group(batch, holder->pid)) {
            governing_add_holder(list, holder->name, holder->pid, holder->rss_bytes);
            told++;
        }
    }
    processes_free(&table);
}

static const char *whole_text(const Batch *batch, const GovernorDecision *decision, char *buffer, size_t size)
{
    char total[FIGURE];
    (void)format_bytes(decision->total_bytes, total, sizeof total);
    if (decision->resource == GOVERNOR_VIDEO_MEMORY) {
        return phrase_make(buffer, size, N_("%s of the graphics card"), total);
    }
    if (batch->own_limit) {
        return phrase_make(buffer, size, N_("%s of --max-total-memory"), total);
    }
    if (batch->memory.group[0] != '\0') {
        return phrase_make(buffer, size, N_("%s of control group %s"), total, batch->memory.group);
    }
    (void)snprintf(buffer, size, "%s", total);
    return buffer;
}

void governing_figures(const Batch *batch, const GovernorDecision *decision, bool with_holders, char *buffer,
                       size_t size)
{
    char percent[FIGURE];
    char ours[FIGURE];
    char whole[sizeof batch->memory.group + 64];
    Text holders = {0};
    const bool wanted = with_holders && decision->cause == GOVERNOR_CAUSE_OTHERS;
    if (wanted && decision->resource == GOVERNOR_VIDEO_MEMORY) {
        video_memory_holders(batch, &holders);
    } else if (wanted && !batch->own_limit) {
        list_holders(batch, &holders);
    }
    (void)snprintf(percent, sizeof percent, "%.1f %%", decision->used_percent);
    (void)format_bytes(decision->ours_bytes, ours, sizeof ours);
    (void)whole_text(batch, decision, whole, sizeof whole);
    if (holders.length > 0) {
        (void)phrase_make(buffer, size, N_("%s of %s used, %s of it ours; most is held by %s"), percent,
                          whole, ours, holders.data);
    } else {
        (void)phrase_make(buffer, size, N_("%s of %s used, %s of it ours"), percent, whole, ours);
    }
    text_free(&holders);
}

const char *governing_state_text(const GovernorDecision *decision, const char *figures, char *buffer,
                                 size_t size)
{
    if (decision->reason == GOVERNOR_REASON_SOME) {
        return phrase_make(buffer, size, N_("programs wait for memory: %s"), figures);
    }
    if (decision->reason == GOVERNOR_REASON_FULL) {
        return phrase_make(buffer, size, N_("all programs wait for memory: %s"), figures);
    }
    return phrase_make(buffer, size,
                       decision->state == GOVERNOR_CRITICAL ? N_("memory is about to run out: %s")
                                                            : N_("memory is short: %s"),
                       figures);
}
