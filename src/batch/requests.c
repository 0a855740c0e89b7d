#include <stdio.h>

#include "base/alloc.h"
#include "batch/batch_internal.h"
#include "report/i18n.h"

enum { LOOK_MS = 250 };

static Runner *runner_of(const Batch *batch, size_t index)
{
    for (size_t i = 0; i < batch->slots; i++) {
        if (batch->runners[i].used && batch->runners[i].item == index) {
            return &batch->runners[i];
        }
    }
    return NULL;
}

static void ask_to_stop(Batch *batch, size_t index, Wish wish, int64_t grace_ms)
{
    Runner *runner = runner_of(batch, index);
    batch->items[index].video->wish = wish;
    if (runner != NULL) {
        runner_stop(runner, batch->now_ms, grace_ms);
    }
}

static bool is_open(const Batch *batch, size_t index)
{
    return batch->items[index].state != ITEM_SETTLED;
}

/* What is finished stays so, also where the batch has not come to it yet. */
static bool is_unfinished(Batch *batch, size_t index)
{
    if (batch->items[index].state == ITEM_NEW) {
        (void)batch_look_at_output(batch, index);
    }
    return is_open(batch, index);
}

static void pause_one(Batch *batch, size_t index)
{
    Item *item = &batch->items[index];
    if (!is_unfinished(batch, index) || item->paused) {
        return;
    }
    item->paused = true;
    item->released = false;
    if (item->state == ITEM_RUNNING) {
        ask_to_stop(batch, index, WISH_PAUSE, BATCH_CHUNK_GRACE_MS);
    } else {
        Video *video = items_video(batch, index);
        record_state(batch, video, VIDEO_PAUSED);
        batch_tell_video(batch, EVENT_VIDEO_PAUSED, video, NULL);
    }
}

static void continue_one(Batch *batch, size_t index)
{
    Item *item = &batch->items[index];
    if (!is_open(batch, index)) {
        return;
    }
    if (item->video != NULL && item->video->wish == WISH_PAUSE) {
        item->video->wish = WISH_NONE;
    }
    if (item->paused && item->state != ITEM_RUNNING) {
        record_state(batch, items_video(batch, index), VIDEO_QUEUED);
    }
    item->paused = false;
    if (batch->paused) {
        item->released = true;
        if (item->state != ITEM_RUNNING) {
            items_again(batch, index);
        }
    }
}

static void cancel_one(Batch *batch, size_t index)
{
    Item *item = &batch->items[index];
    if (!is_unfinished(batch, index)) {
        return;
    }
    if (item->state == ITEM_RUNNING) {
        ask_to_stop(batch, index, WISH_CANCEL, 0);
    } else {
        batch_cancel(batch, index);
    }
}

/* Those that run end with their chunk; those that wait just wait. */
static void pause_all(Batch *batch)
{
    batch->paused = true;
    for (size_t i = 0; i < batch->plan->count; i++) {
        batch->items[i].released = false;
        if (batch->items[i].state == ITEM_RUNNING) {
            ask_to_stop(batch, i, WISH_PAUSE, BATCH_CHUNK_GRACE_MS);
        }
    }
}

static void continue_all(Batch *batch)
{
    batch->paused = false;
    for (size_t i = 0; i < batch->plan->count; i++) {
        batch->items[i].released = false;
        continue_one(batch, i);
    }
}

static void cancel_all(Batch *batch)
{
    for (size_t i = 0; i < batch->plan->count; i++) {
        cancel_one(batch, i);
    }
}

static void serve(Batch *batch, const Request *request)
{
    static void (*const one[])(Batch *, size_t) = {
        [REQUEST_PAUSE] = pause_one, [REQUEST_CONTINUE] = continue_one, [REQUEST_CANCEL] = cancel_one};
    static void (*const all[])(Batch *) = {
        [REQUEST_PAUSE] = pause_all, [REQUEST_CONTINUE] = continue_all, [REQUEST_CANCEL] = cancel_all};
    if (request->kind == REQUEST_NONE) {
        return;
    }
    if (request->output == NULL) {
        all[request->kind](batch);
        return;
    }
    const size_t index = items_find(batch, request->output);
    if (index < batch->plan->count) {
        one[request->kind](batch, index);
    } else {
        char text[512];
        (void)snprintf(text, sizeof text, _("asked about a video that is not of this batch: %s"),
                       request->output);
        batch_warn(batch, NULL, text);
    }
}

void batch_take_requests(Batch *batch)
{
    Request request = {0};
    if (batch->store == NULL || batch->stopping || batch->now_ms - batch->asked_ms < LOOK_MS) {
        return;
    }
    batch->asked_ms = batch->now_ms;
    while (store_take_request(batch->store, &request, NULL) == STATUS_OK) {
        serve(batch, &request);
        memory_free(request.output);
        request = (Request){0};
    }
}
