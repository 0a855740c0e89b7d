#include <stdio.h>
#include <string.h>

#include "base/files.h"
#include "batch/batch_internal.h"
#include "report/i18n.h"
#include "report/phrase.h"

enum { SAMPLE_MS = 250, PAUSE_NOTE_MS = 10000 };

/* ---- workers ---- */

static void warn_of_stopped(Batch *batch, const Runner *runner)
{
    char text[192];
    (void)snprintf(text, sizeof text,
                   _("somebody stopped its worker (SIGSTOP), and the video waits; to go on: kill -CONT %ld"),
                   (long)runner->process.pid);
    batch_warn(batch, batch->items[runner->item].video, text);
}

static void watch_workers(Batch *batch)
{
    const int64_t stall_ms = (int64_t)(1000.0 * batch->settings->stall_timeout_s);
    for (size_t i = 0; i < batch->slots; i++) {
        Runner *runner = &batch->runners[i];
        ProcessMemory memory;
        if (!runner->used) {
            continue;
        }
        if (runner_check_progress(runner, batch->now_ms, stall_ms)) {
            warn_of_stopped(batch, runner);
        }
        if (!runner->ended &&
            meminfo_read_process(batch->hooks.root, runner->process.pid, &memory, NULL) == STATUS_OK) {
            Video *video = batch->items[runner->item].video;
            VideoReport *report = &video->report;
            /* a peak between two looks belongs to the curve, too */
            const bool rose = memory.peak_rss_bytes > report->peak_rss_bytes;
            report->rss_bytes = memory.rss_bytes;
            report->peak_rss_bytes = rose ? memory.peak_rss_bytes : report->peak_rss_bytes;
            if (video->row.id > 0) {
                record_sample(batch, video->row.id, rose ? memory.peak_rss_bytes : memory.rss_bytes,
                              runner->limit.bytes);
            }
        }
    }
}

/* ---- space ---- */

static void hold(Batch *batch, const SpaceVerdict *verdict)
{
    char figures[256];
    batch->held = true;
    batch->held_ms = batch->now_ms;
    (void)phrase_make(batch->space_text, sizeof batch->space_text, N_("running videos are held: %s"),
                      space_text(verdict, figures, sizeof figures));
    for (size_t i = 0; i < batch->slots; i++) {
        Runner *runner = &batch->runners[i];
        if (runner->used) {
            batch_lacks_space(batch, batch->items[runner->item].video);
            runner_hold(runner, batch->now_ms);
        }
    }
}

static void go_on(Batch *batch)
{
    batch->held = false;
    for (size_t i = 0; i < batch->slots; i++) {
        Runner *runner = &batch->runners[i];
        if (runner->used && runner->held_ms > 0) {
            batch->items[runner->item].video->has_deadline = false;
            runner_go_on(runner, batch->now_ms);
        }
    }
}

static void give_up_waiting(Batch *batch)
{
    for (size_t i = 0; i < batch->slots; i++) {
        Runner *runner = &batch->runners[i];
        if (runner->used && batch_waited_too_long(batch, batch->items[runner->item].video)) {
            char why[sizeof batch->space_text];
            runner_blame(runner, batch->now_ms, ERROR_SPACE,
                         phrase_english(batch->space_text, why, sizeof why));
        }
    }
}

/* Below the reserve nobody writes; the workers keep their place. */
static void watch_space(Batch *batch)
{
    space_look_all(batch->settings, batch->plan->state_dir, batch->plan->output_dir,
                   batch->hooks.volume != NULL ? batch->hooks.volume : space_look, batch->volumes);
    const SpaceVerdict verdict = space_may_go_on(batch->volumes, &batch->settings->disk_reserve, batch->held);
    if (batch->held && (verdict.enough || batch->running == 0 || batch->stopping)) {
        go_on(batch);
    } else if (batch->held) {
        give_up_waiting(batch);
    } else if (!verdict.enough && batch->running > 0 && !batch->stopping) {
        hold(batch, &verdict);
    }
}

/* ---- pauses ---- */

/* All that is left is paused, one by one. */
static bool all_are_paused(const Batch *batch)
{
    if (batch->running > 0 || batch->fresh < batch->plan->count || batch->again_count == 0) {
        return false;
    }
    for (size_t i = 0; i < batch->again_count; i++) {
        if (!batch->items[batch->again[i]].paused) {
            return false;
        }
    }
    return true;
}

void batch_tell_pause(Batch *batch)
{
    static const char *const states[] = {"running", "paused", "waiting_for_space", "waiting_for_memory"};
    BatchPause pause = BATCH_GOES_ON;
    char by_user[64];
    const char *text = "";
    if (batch->held || batch->lacks_space) {
        pause = BATCH_WAITS_FOR_SPACE;
        text = batch->space_text;
    } else if (batch->paused || all_are_paused(batch)) {
        pause = BATCH_PAUSED_BY_USER;
        text = phrase_make(by_user, sizeof by_user, N_("paused by the user"));
    } else if (batch_lacks_memory(batch)) {
        pause = BATCH_WAITS_FOR_MEMORY;
        text = batch->memory_text;
    }
    if (batch->stopping || batch->settled == batch->plan->count) {
        return;
    }
    if (pause != batch->told_pause) {
        batch->told_pause = pause;
        batch->told_pause_ms = batch->now_ms;
        record_run_state(batch, states[pause], text);
        batch_tell(batch, &(Event){.kind = pause == BATCH_GOES_ON ? EVENT_BATCH_RESUMED : EVENT_BATCH_PAUSED,
                                   .text = text});
    } else if (pause >= BATCH_WAITS_FOR_SPACE && batch->now_ms - batch->told_pause_ms >= PAUSE_NOTE_MS) {
        batch->told_pause_ms = batch->now_ms;
        record_run_state(batch, states[pause], text); /* with the figures of now */
    }
}

void batch_watch(Batch *batch)
{
    if (batch->sampled_ms != 0 && batch->now_ms - batch->sampled_ms < SAMPLE_MS) {
        return;
    }
    batch->sampled_ms = batch->now_ms;
    watch_workers(batch);
    batch_govern(batch);
    watch_space(batch);
    record_flush(batch);
}
