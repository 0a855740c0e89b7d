#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/files.h"
#include "batch/batch_internal.h"

static const char *output_name(const Batch *batch, size_t index)
{
    return path_name(batch->plan->items[index].output);
}

static int by_output(const void *left, const void *right, void *context)
{
    return strcmp(output_name(context, *(const size_t *)left), output_name(context, *(const size_t *)right));
}

void items_open(Batch *batch)
{
    const size_t count = batch->plan->count;
    batch->items = memory_alloc(count, sizeof *batch->items);
    batch->by_output = memory_alloc(count, sizeof *batch->by_output);
    for (size_t i = 0; i < count; i++) {
        batch->by_output[i] = i;
    }
    qsort_r(batch->by_output, count, sizeof *batch->by_output, by_output, batch);
}

void items_close(Batch *batch)
{
    for (size_t i = 0; i < batch->plan->count; i++) {
        if (batch->items[i].video != NULL) {
            video_row_free(&batch->items[i].video->row);
            memory_free(batch->items[i].video);
        }
    }
    memory_free(batch->items);
    memory_free(batch->again);
    memory_free(batch->by_output);
}

size_t items_find(const Batch *batch, const char *output)
{
    size_t low = 0;
    size_t high = batch->plan->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = strcmp(output, output_name(batch, batch->by_output[middle]));
        if (order == 0) {
            return batch->by_output[middle];
        }
        low = order > 0 ? middle + 1 : low;
        high = order > 0 ? high : middle;
    }
    return batch->plan->count;
}

/* ---- one ---- */

Video *items_video(Batch *batch, size_t index)
{
    Item *item = &batch->items[index];
    const PlanItem *planned = &batch->plan->items[index];
    if (item->video == NULL) {
        item->video = memory_alloc(1, sizeof *item->video);
        item->video->report = (VideoReport){
            .position = planned->position,
            .ordinal = (int)index + 1,
            .input = planned->input,
            .output = planned->output,
            .log = planned->log,
            .size_bytes = planned->size_bytes,
            .eta_s = -1.0,
        };
        item->video->retry.threads = (int)batch->settings->execution_threads;
        record_load(batch, index, item->video);
    }
    return item->video;
}

void items_forget_video(Batch *batch, size_t index)
{
    Item *item = &batch->items[index];
    if (item->video != NULL) {
        record_let_go(batch, item->video);
        memory_free(item->video);
        item->video = NULL;
    }
}

void items_settle(Batch *batch, size_t index)
{
    batch->items[index].state = ITEM_SETTLED;
    batch->settled++;
    sharing_settled(batch, index);
    items_leave_again(batch, index);
    items_forget_video(batch, index);
}

/* ---- those that are taken first ---- */

void items_again(Batch *batch, size_t index)
{
    size_t place = batch->again_count;
    while (place > 0 && batch->again[place - 1] >= index) {
        place--;
    }
    if (place < batch->again_count && batch->again[place] == index) {
        return;
    }
    batch->again = memory_resize(batch->again, batch->again_count + 1, sizeof *batch->again);
    memmove(&batch->again[place + 1], &batch->again[place],
            (batch->again_count - place) * sizeof batch->again[0]);
    batch->again[place] = index;
    batch->again_count++;
}

void items_leave_again(Batch *batch, size_t index)
{
    for (size_t i = 0; i < batch->again_count; i++) {
        if (batch->again[i] == index) {
            batch->again_count--;
            memmove(&batch->again[i], &batch->again[i + 1],
                    (batch->again_count - i) * sizeof batch->again[0]);
            return;
        }
    }
}
