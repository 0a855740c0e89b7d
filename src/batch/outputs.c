#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/files.h"
#include "batch/batch_internal.h"
#include "report/i18n.h"

/* So long a turn of the loop may take for looking at outputs. */
enum { LOOK_MS = 50 };

typedef struct OutputFile {
    bool exists;
    int64_t bytes;
    int64_t mtime_ns;
} OutputFile;

static OutputFile look_at(const char *path)
{
    struct stat status;
    OutputFile file = {0};
    if (stat(path, &status) == 0) {
        file = (OutputFile){true, status.st_size,
                            (int64_t)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec};
    }
    return file;
}

static void make(Batch *batch, size_t index)
{
    batch->items[index].state = ITEM_READY;
    items_forget_video(batch, index); /* read again when its turn comes */
}

static void make_anew(Batch *batch, size_t index, const char *why)
{
    batch_warn(batch, items_video(batch, index), why);
    make(batch, index);
}

static void skip(Batch *batch, size_t index)
{
    Video *video = items_video(batch, index);
    VideoRow *row = &video->row;
    const SpaceVideo size = {.input_bytes = row->input_bytes};
    batch->statistics.skipped++;
    if (row->recipe != NULL) {
        space_learn(&batch->history, &size, row->output_bytes);
    }
    if (row->work != NULL) {
        cleaner_add_work(&batch->cleaner, row->output);
    }
    batch_tell_video(batch, EVENT_VIDEO_SKIPPED, video, NULL);
    items_settle(batch, index);
}

/* An output that is complete though the store does not say so: of a run before the store, or one that was
 * killed before it could tell. `known`: it is made from the row's recipe. */
static void adopt(Batch *batch, size_t index, bool known)
{
    Video *video = items_video(batch, index);
    VideoRow *row = &video->row;
    const OutputFile file = look_at(batch->plan->items[index].output);
    if (!known) {
        memory_free(row->recipe);
        row->recipe = NULL;
        row->key[0] = '\0';
    }
    row->output_bytes = file.bytes;
    row->output_mtime_ns = file.mtime_ns;
    error_clear(&row->error);
    row->note[0] = '\0';
    record_state(batch, video, VIDEO_DONE);
    skip(batch, index);
}

/* Whether what it was made from is what it would be made from now; told why not. */
static bool is_up_to_date(Batch *batch, size_t index)
{
    const Video *video = items_video(batch, index);
    Recipe recipe = {0};
    char why[512];
    char text[sizeof why + 64];
    bool same = true;
    if (video->row.recipe != NULL && batch->book != NULL &&
        recipe_make(batch->book, batch->plan->items[index].input, &recipe, NULL) == STATUS_OK &&
        recipe_difference(video->row.recipe, recipe.json, why, sizeof why) != 0) {
        same = false;
        (void)snprintf(text, sizeof text, _("made anew: %s"), why);
        make_anew(batch, index, text);
    }
    recipe_free(&recipe);
    return same;
}

static void ask_probe(Batch *batch, size_t index)
{
    const PlanItem *planned = &batch->plan->items[index];
    Error err = {0};
    if (probe_ask(&batch->probe, planned->input, planned->output, batch->now_ms, &err) == STATUS_OK) {
        batch->items[index].state = ITEM_ASKED;
        batch->probe_item = index;
    } else {
        make_anew(batch, index, _("whether its output is complete cannot be found out, it is made anew"));
    }
}

static void ask_about(Batch *batch, size_t index)
{
    const OutputFile file = look_at(batch->plan->items[index].output);
    if (!file.exists || batch->settings->restart) {
        make(batch, index);
        return;
    }
    const VideoRow *row = &items_video(batch, index)->row;
    const bool recorded =
        row->output_bytes > 0 && row->output_bytes == file.bytes && row->output_mtime_ns == file.mtime_ns;
    if (recorded && batch->items[index].before != VIDEO_DONE) {
        make(batch, index); /* an earlier run had begun to replace it */
    } else if (!recorded) {
        ask_probe(batch, index);
    } else if (is_up_to_date(batch, index)) {
        skip(batch, index);
    }
}

static void take_answer(Batch *batch, const ProbeAnswer *answer)
{
    const size_t index = batch->probe_item;
    const Item *item = &batch->items[index];
    if (item->state != ITEM_ASKED) {
        return; /* cancelled meanwhile */
    }
    if (!answer->complete) {
        char text[sizeof answer->why + 128];
        (void)snprintf(text, sizeof text, _("the output there is not complete, it is made anew: %s"),
                       answer->why);
        make_anew(batch, index, text);
        return;
    }
    /* killed when its output had its name and the store did not know yet; or copied, with another time */
    const VideoRow *row = &items_video(batch, index)->row;
    const OutputFile file = look_at(batch->plan->items[index].output);
    const bool known =
        item->before == VIDEO_RUNNING || (item->before == VIDEO_DONE && row->output_bytes == file.bytes);
    if (!known || is_up_to_date(batch, index)) {
        adopt(batch, index, known);
    }
}

bool batch_has_outputs_to_ask(const Batch *batch)
{
    return !batch->probe.asked && batch->probe_next < batch->plan->count;
}

void batch_ask_about_outputs(Batch *batch)
{
    ProbeAnswer answer;
    if (batch->probe.asked) {
        if (probe_poll(&batch->probe, batch->now_ms, &answer) != STATUS_OK) {
            return;
        }
        take_answer(batch, &answer);
    }
    const int64_t began_ms = clock_now_ms();
    while (batch_has_outputs_to_ask(batch) && clock_now_ms() - began_ms < LOOK_MS) {
        const size_t index = batch->probe_next++;
        if (batch->items[index].state == ITEM_NEW) {
            ask_about(batch, index);
        }
    }
    if (!batch->probe.asked && batch->probe_next == batch->plan->count) {
        probe_close(&batch->probe);
    }
}
