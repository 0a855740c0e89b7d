#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "batch/batch_internal.h"
#include "batch/planning.h"
#include "report/format.h"
#include "report/i18n.h"
#include "report/phrase.h"

enum { WHOLE_PERCENT = 100, FIGURE = 32 };

void governing_open(Batch *batch)
{
    const Settings *settings = batch->settings;
    video_memory_open(batch);
    machine_open(&batch->machine, batch->hooks.root);
    batch_read_memory(batch);
    batch->governor.settings =
        governor_settings(settings->memory_high, settings->memory_resume, settings->memory_timeout_s,
                          settings->memory_poll_s, strcmp(settings->on_memory_timeout, "fail") == 0);
}

/* ---- what is read ---- */

void batch_read_memory(Batch *batch)
{
    MemoryReading reading;
    if (machine_read(&batch->machine, &reading, NULL) == STATUS_OK) {
        batch->memory = reading;
    }
}

static int64_t resident_of(const Batch *batch, pid_t process)
{
    ProcessMemory memory = {0};
    (void)meminfo_read_process(batch->hooks.root, process, &memory, NULL);
    return memory.rss_bytes;
}

static size_t list_workers(const Batch *batch, GovernorWorker *workers)
{
    size_t count = 0;
    for (size_t i = 0; i < batch->slots; i++) {
        const Runner *runner = &batch->runners[i];
        if (runner->used) {
            const VideoReport *report = &batch->items[runner->item].video->report;
            workers[count++] = (GovernorWorker){.id = (int)i,
                                                .bytes = {report->rss_bytes},
                                                .started_ms = runner->started_ms,
                                                .shrunk = runner->shrunk,
                                                .leaves = runner->stopping,
                                                .ended = runner->ended || runner->killed_ms > 0};
        }
    }
    return count;
}

static double percent_of(const GovernorReading *reading)
{
    const int64_t used = reading->total - reading->available;
    return reading->total > 0 ? 100.0 * (double)used / (double)reading->total : 0.0;
}

/* What all of ours may use together is a limit like that of a machine on which nobody else is; of the two the
 * one counts of which more is used. */
static GovernorReading tighter_reading(Batch *batch, int64_t ours)
{
    const GovernorReading machine = {batch->memory.total_bytes, batch->memory.available_bytes};
    const int64_t budget = planning_budget(batch->settings, &batch->memory);
    const GovernorReading own = {budget, budget > ours ? budget - ours : 0};
    batch->own_limit = percent_of(&own) > percent_of(&machine);
    return batch->own_limit ? own : machine;
}

static bool wants_to_start(const Batch *batch)
{
    if (batch->stopping || batch->held || batch->lacks_space || batch->running == batch->slots) {
        return false;
    }
    if (batch->fresh < batch->plan->count && !batch->paused) {
        return true;
    }
    for (size_t i = 0; i < batch->again_count; i++) {
        if (batch_may_start(batch, batch->again[i])) {
            return true;
        }
    }
    return false;
}

static GovernorDecision decide(Batch *batch)
{
    GovernorWorker workers[PLANNER_JOBS_MOST];
    const size_t count = list_workers(batch, workers);
    const GovernorReading card = video_memory_read(batch, workers, count);
    const Pressure *pressure =
        batch->memory.group[0] != '\0' ? &batch->memory.group_pressure : &batch->memory.pressure;
    GovernorInput input = {
        .now_ms = batch->now_ms,
        .some_avg10 = pressure->known ? pressure->some.avg10 : -1,
        .full_avg10 = pressure->known ? pressure->full.avg10 : -1,
        .own_bytes = resident_of(batch, 0) +
                     (batch->probe.process.pid > 0 ? resident_of(batch, batch->probe.process.pid) : 0),
        .workers = workers,
        .worker_count = count,
        .wanted = wants_to_start(batch),
    };
    int64_t ours = input.own_bytes;
    for (size_t i = 0; i < count; i++) {
        ours += workers[i].bytes[GOVERNOR_MEMORY];
    }
    input.reading[GOVERNOR_MEMORY] = tighter_reading(batch, ours);
    input.reading[GOVERNOR_VIDEO_MEMORY] = card;
    return governor_step(&batch->governor, &input);
}

/* ---- what is told ---- */

static void warn(Batch *batch, const char *text)
{
    batch->statistics.memory_warnings++;
    batch_warn(batch, NULL, text);
}

static void tell_state(Batch *batch, const GovernorDecision *decision)
{
    const bool worse = decision->changed && decision->state > batch->memory_state;
    batch->memory_state = decision->state;
    if (!worse && !decision->tell && !decision->timed_out) {
        return;
    }
    char figures[GOVERNING_FIGURES];
    char text[GOVERNING_FIGURES + 128];
    governing_figures(batch, decision, true, figures, sizeof figures);
    if (worse) {
        warn(batch, governing_state_text(decision, figures, text, sizeof text));
    }
    (void)phrase_make(batch->memory_text, sizeof batch->memory_text, N_("waits for memory: %s"), figures);
    if (decision->timed_out) {
        char seconds[FIGURE];
        (void)snprintf(seconds, sizeof seconds, "%lld", (long long)decision->waited_ms / 1000);
        warn(batch, phrase_make(text, sizeof text,
                                decision->admission == GOVERNOR_GIVE_UP
                                    ? N_("memory did not come back in %s s (%s): the next video fails")
                                    : N_("memory did not come back in %s s (%s): going on nevertheless"),
                                seconds, figures));
    }
}

/* ---- what is done ---- */

static void tell_action(Batch *batch, Runner *runner, LogLevel level, const char *text)
{
    video_log_line(&runner->log, "runbatch", text);
    batch_tell(batch, &(Event){.kind = EVENT_LOG,
                               .video = &batch->items[runner->item].video->report,
                               .level = level,
                               .text = text});
}

static void change_share(Batch *batch, Runner *runner, int level)
{
    char text[96];
    const int percent = (int)governor_shrunk(WHOLE_PERCENT, level);
    const bool less = level > runner->shrunk;
    (void)snprintf(text, sizeof text,
                   less ? "memory is short: goes on with %d %% of its threads and frames"
                        : "memory is back: goes on with %d %% of its threads and frames",
                   percent);
    runner->shrunk = level;
    runner_set_share(runner, percent);
    tell_action(batch, runner, less ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, text);
}

bool batch_end_with_chunk(Batch *batch, Runner *runner, Wish wish, const char *why)
{
    Video *video = batch->items[runner->item].video;
    if (video->wish != WISH_NONE || runner->stopping) {
        return false; /* it leaves already */
    }
    video->wish = wish;
    text_copy(video->leaves_for, sizeof video->leaves_for, why);
    runner_stop(runner, batch->now_ms, BATCH_CHUNK_GRACE_MS);
    return true;
}

static void act(Batch *batch, const GovernorDecision *decision)
{
    const GovernorAction *action = &decision->action;
    if (action->kind == GOVERNOR_NOTHING) {
        return;
    }
    Runner *runner = &batch->runners[action->worker];
    char figures[GOVERNING_FIGURES];
    char why[GOVERNING_FIGURES + 128];
    governing_figures(batch, decision, false, figures, sizeof figures);
    (void)phrase_make(why, sizeof why, N_("makes room, memory is short: %s"), figures);
    const ErrorClass class_ = decision->resource == GOVERNOR_VIDEO_MEMORY ? ERROR_VIDEO_MEMORY : ERROR_MEMORY;
    switch (action->kind) {
    case GOVERNOR_SHRINK:
    case GOVERNOR_GROW:
        change_share(batch, runner, action->level);
        break;
    case GOVERNOR_REQUEUE:
        if (batch_end_with_chunk(batch, runner, WISH_REQUEUE, why)) {
            tell_action(batch, runner, LOG_LEVEL_WARN,
                        "memory is short: it ends with its chunk, and goes on later");
        }
        break;
    case GOVERNOR_END: {
        char english[sizeof why];
        runner_blame(runner, batch->now_ms, class_, phrase_english(why, english, sizeof english));
        break;
    }
    default:
        break;
    }
}

void batch_govern(Batch *batch)
{
    batch_read_memory(batch);
    if (batch->memory.total_bytes == 0) {
        return;
    }
    const GovernorDecision decision = decide(batch);
    batch->admission = decision.admission;
    if (batch->running > 0 || batch_lacks_memory(batch)) {
        record_sample(batch, 0, batch->memory.used_bytes, batch->memory.total_bytes);
    }
    tell_state(batch, &decision);
    if (!batch->stopping) {
        act(batch, &decision);
    }
}

bool batch_lacks_memory(const Batch *batch)
{
    return batch->admission == GOVERNOR_WAIT && wants_to_start(batch);
}

void batch_fail_for_memory(Batch *batch, size_t index)
{
    Error err = {0};
    char english[sizeof batch->memory_text];
    (void)error_set(&err, ERROR_MEMORY, "it waited too long for memory", NULL,
                    phrase_english(batch->memory_text, english, sizeof english));
    error_advise(&err, "make room, or see --memory-timeout and --on-memory-timeout, and start again");
    batch_fail(batch, index, &err);
}

/* ---- leaks ---- */

void batch_watch_for_leaks(Batch *batch, Runner *runner, const ChunkReport *chunk)
{
    Video *video = batch->items[runner->item].video;
    if (chunk->reused || chunk->last || chunk->rss_bytes == 0) {
        return;
    }
    leak_add(&runner->leak, chunk->first_frame + chunk->frames - video->reused_frames, chunk->rss_bytes,
             runner->shrunk);
    const LeakFinding finding = leak_judge(&runner->leak);
    if (finding.verdict != LEAK_FOUND) {
        return;
    }
    char slope[FIGURE];
    char grown[FIGURE];
    char frames[FIGURE];
    char why[256];
    (void)format_bytes((int64_t)finding.bytes_per_frame, slope, sizeof slope);
    (void)format_bytes(finding.grown_bytes, grown, sizeof grown);
    (void)snprintf(frames, sizeof frames, "%lld", (long long)finding.frames);
    (void)phrase_make(why, sizeof why,
                      N_("its worker leaks memory, %s a frame (%s in %s frames), and is renewed"), slope,
                      grown, frames);
    if (batch_end_with_chunk(batch, runner, WISH_RENEW, why)) {
        batch->statistics.renewed++;
        batch_warn(batch, video, why);
    }
}
