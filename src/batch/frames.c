#include <string.h>

#include "base/alloc.h"
#include "base/files.h"
#include "batch/batch_internal.h"
#include "worker/frame_store.h"

enum { ALL_FILES = 1000000 };

void frames_tidy(Batch *batch, size_t index)
{
    if (settings_frames_on_disk(batch->settings)) {
        batch->tidy = memory_resize(batch->tidy, batch->tidy_count + 1, sizeof *batch->tidy);
        batch->tidy[batch->tidy_count++] = index;
    }
}

bool frames_wait(const Batch *batch, size_t index)
{
    for (size_t i = 0; i < batch->tidy_count; i++) {
        if (batch->tidy[i] == index) {
            return true;
        }
    }
    return false;
}

bool frames_step(Batch *batch)
{
    if (batch->tidy_count > 0) {
        const PlanItem *item = &batch->plan->items[batch->tidy[0]];
        if (frame_store_tidy(batch->settings, item->folder, item->output, CLEANER_STEP)) {
            batch->tidy_count--;
            memmove(batch->tidy, batch->tidy + 1, batch->tidy_count * sizeof *batch->tidy);
        }
    }
    return batch->tidy_count > 0;
}

typedef struct KilledRun {
    const Plan *plan;
    Settings settings;
} KilledRun;

static bool tidy_running(void *context, const VideoRow *row)
{
    const KilledRun *run = context;
    if (row->state == VIDEO_RUNNING) {
        char *work = text_format("%s/work/%s", run->plan->state_dir, row->output);
        char *output = path_join(run->plan->output_dir, row->output);
        (void)frame_store_tidy(&run->settings, work, output, ALL_FILES);
        memory_free(output);
        memory_free(work);
    }
    return true;
}

void frames_tidy_killed_run(Batch *batch)
{
    RunRow run = {0};
    KilledRun killed = {.plan = batch->plan};
    if (store_last_run(batch->store, &run, NULL) == STATUS_OK && run.ended_s == 0.0 && run.options != NULL) {
        json_t *options = json_loads(run.options, 0, NULL);
        if (options != NULL && settings_from_json(options, &killed.settings, NULL) == STATUS_OK) {
            if (settings_frames_on_disk(&killed.settings)) {
                (void)store_each_video(batch->store, tidy_running, &killed, NULL);
            }
            settings_free(&killed.settings);
        }
        json_decref(options);
    }
    memory_free(run.options);
}
