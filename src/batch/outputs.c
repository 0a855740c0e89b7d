#include <stdio.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "batch/batch_internal.h"
#include "batch/verdict.h"
#include "report/i18n.h"

/* So long a turn of the loop may take for looking at outputs. */
enum { LOOK_MS = 50 };

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
    batch_tell_video(batch, EVENT_VIDEO_SKIPPED, video, NULL);
    items_settle(batch, index);
}

/* An output that is complete though the store does not say so: of a run before the store, or one that was
 * killed before it could tell. `known`: it is made from the row's recipe. */
static void adopt(Batch *batch, size_t index, bool known)
{
    Video *video = items_video(batch, index);
    VideoRow *row = &video->row;
    const OutputFile file = output_look(batch->plan->items[index].output);
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

static bool is_up_to_date(Batch *batch, size_t index)
{
    char why[512];
    char text[sizeof why + 64];
    if (output_is_up_to_date(&items_video(batch, index)->row, batch->book, batch->plan->items[index].input,
                             batch->plan->items[index].source, why, sizeof why)) {
        return true;
    }
    (void)snprintf(text, sizeof text, _("made anew: %s"), why);
    make_anew(batch, index, text);
    return false;
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

bool batch_look_at_output(Batch *batch, size_t index)
{
    const OutputFile file = output_look(batch->plan->items[index].output);
    if (!file.exists || batch->settings->restart) {
        make(batch, index);
        return true;
    }
    switch (output_judge(&file, &items_video(batch, index)->row, batch->items[index].before)) {
    case OUTPUT_ASK:
        return false;
    case OUTPUT_FINISHED:
        if (is_up_to_date(batch, index)) {
            skip(batch, index);
        }
        return true;
    default:
        make(batch, index);
        return true;
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
    const OutputFile file = output_look(batch->plan->items[index].output);
    const bool known = output_has_recipe(&file, &items_video(batch, index)->row, item->before);
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
        if (batch->items[index].state == ITEM_NEW && !batch_look_at_output(batch, index)) {
            ask_probe(batch, index);
        }
    }
    if (!batch->probe.asked && batch->probe_next == batch->plan->count) {
        probe_close(&batch->probe);
    }
}
