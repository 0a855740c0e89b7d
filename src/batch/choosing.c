#include "base/alloc.h"
#include "batch/batch_internal.h"
#include "batch/inputs.h"
#include "batch/planning.h"
#include "worker/job_shape.h"

/* So many videos that were never started are weighed against each other in the plan's order; in another
 * order all of them are. */
enum { WINDOW = 16 };

/* ---- what is known of the videos before they start ---- */

int64_t choosing_worker_most(const Batch *batch)
{
    const PlannerMachine machine = planning_machine(batch->settings, &batch->memory, 0);
    return planner_worker_most(&machine, batch->settings->max_memory_bytes);
}

static void note_look(Batch *batch, size_t index, const MediaLook *look)
{
    const Settings *settings = batch->settings;
    const MemoryTask task = job_memory_task(settings, look);
    WorkerShape shape; /* the least where there is too little: its worker will say so */
    (void)job_shape_choose(settings, &task, machine_cores(), choosing_worker_most(batch), &shape, NULL);
    batch->items[index].memory_bytes = memory_estimate(&task, &shape).total_bytes;
    batch->items[index].kind =
        (unsigned char)past_memory_kind(&batch->past, look->codec, look->width, look->height);
    batch->items[index].length_s = (float)look->duration_s;
}

/* Where several may run at once, or not in the plan's order, what they are is looked at first. What cannot be
 * looked at is planned for by guesses; its worker will tell what is wrong with it. */
void choosing_open(Batch *batch)
{
    const Settings *settings = batch->settings;
    batch->order = planner_order(settings->order);
    if ((settings->jobs == 1 && batch->order == PLANNER_NATURAL) || batch->plan->count < 2) {
        return;
    }
    InputLook *looks = memory_alloc(batch->plan->count, sizeof *looks);
    if (inputs_look(settings, batch->plan, batch->store, &batch->hooks, looks, NULL) == STATUS_OK &&
        batch->store != NULL) {
        (void)inputs_save(batch->store, batch->plan, looks, NULL);
    }
    for (size_t i = 0; i < batch->plan->count; i++) {
        if (looks[i].known) {
            note_look(batch, i, &looks[i].look);
        }
    }
    inputs_free(looks, batch->plan->count);
    memory_free(looks);
    (void)past_memory_learn(&batch->past, batch->store, settings, NULL); /* otherwise it goes by estimates */
}

/* ---- which may start ---- */

static bool is_due(const Batch *batch, const Video *video)
{
    switch (video->decision.action) {
    case RETRY_WITH_MEMORY:
        return batch->now_ms >= video->due_ms ||
               retry_memory_is_back(video->available_bytes, batch->memory.available_bytes,
                                    batch->memory.total_bytes);
    case RETRY_LATER:
    case RETRY_WITH_SPACE:
        return batch->now_ms >= video->due_ms;
    default:
        return true;
    }
}

/* Whether one that was never started would be the next lot's, while workers of this one still run. */
static bool lot_is_full(const Batch *batch)
{
    const int64_t size = batch->settings->lot_size;
    return size > 0 && batch->running > 0 && batch->in_lot >= (size_t)size;
}

static bool is_fresh(const Item *item)
{
    return item->video == NULL || item->video->report.attempt == 0;
}

bool batch_may_start(const Batch *batch, size_t index)
{
    const Item *item = &batch->items[index];
    if (is_fresh(item) && lot_is_full(batch)) {
        return false;
    }
    if (item->paused || (batch->paused && !item->released)) {
        return false;
    }
    const bool ready =
        item->state == ITEM_READY || (item->state == ITEM_WAITING && is_due(batch, item->video));
    return ready && !sharing_waits(batch, index);
}

static bool wants_to_be_alone(const Batch *batch, size_t index)
{
    const Video *video = batch->items[index].video;
    return video != NULL && video->retry.alone;
}

/* Whether one runs that must be alone. */
bool choosing_is_closed(const Batch *batch)
{
    for (size_t i = 0; i < batch->slots; i++) {
        if (batch->runners[i].used && wants_to_be_alone(batch, batch->runners[i].item)) {
            return true;
        }
    }
    return false;
}

/* Takes those that were never started to the others that wait, in the plan's order, until `most` of all may
 * start; false while it is not known of the next one whether it is to be made. */
static bool fill_window(Batch *batch, size_t most)
{
    size_t ready = 0;
    for (size_t i = 0; i < batch->again_count; i++) {
        ready += batch_may_start(batch, batch->again[i]);
    }
    while (batch->fresh < batch->plan->count && ready < most && !lot_is_full(batch)) {
        const size_t next = batch->fresh;
        const ItemState state = batch->items[next].state;
        if (state == ITEM_NEW || state == ITEM_ASKED) {
            return false;
        }
        if (batch->paused && !batch->items[next].released) {
            return true; /* all wait where they are */
        }
        batch->fresh++;
        if (state == ITEM_READY) {
            items_again(batch, next);
            ready += batch_may_start(batch, next);
        }
    }
    return true;
}

/* ---- which one comes next ---- */

/* What is the same for all that one pick looks at. */
typedef struct Describing {
    const Batch *batch;
    double cores;
    int64_t card_bytes;
    double factor[PAST_MEMORY_KINDS + 1]; /* by kind */
} Describing;

static void describe_begin(const Batch *batch, Describing *describing)
{
    const Settings *settings = batch->settings;
    describing->batch = batch;
    describing->cores =
        planner_cores(settings->execution_threads, settings->encoder_threads, (double)machine_cores());
    describing->card_bytes = video_memory_of_a_video(batch);
    for (int kind = 0; kind <= PAST_MEMORY_KINDS; kind++) {
        describing->factor[kind] = past_memory_factor(&batch->past, kind);
    }
}

static PlannerVideo describe(const Describing *describing, size_t index)
{
    const Batch *batch = describing->batch;
    const Item *item = &batch->items[index];
    return (PlannerVideo){
        .bytes = (int64_t)((double)item->memory_bytes * describing->factor[item->kind]),
        .video_bytes = describing->card_bytes,
        .cores = describing->cores,
        .length = item->length_s > 0 ? item->length_s : (double)batch->plan->items[index].size_bytes,
        .passed = item->passed,
    };
}

static size_t list_running(const Describing *describing, PlannerVideo *running, int64_t *ours)
{
    const Batch *batch = describing->batch;
    size_t count = 0;
    for (size_t i = 0; i < batch->slots; i++) {
        const Runner *runner = &batch->runners[i];
        if (runner->used) {
            const int64_t rss_bytes = batch->items[runner->item].video->report.rss_bytes;
            PlannerVideo *video = &running[count++];
            *video = describe(describing, runner->item);
            video->bytes = rss_bytes > video->bytes && video->bytes > 0 ? rss_bytes : video->bytes;
            *ours += rss_bytes;
        }
    }
    return count;
}

/* Of those that may start and need not be alone. */
static bool pick(Batch *batch, size_t *index)
{
    PlannerVideo running[PLANNER_JOBS_MOST];
    size_t *indices = memory_alloc(batch->again_count, sizeof *indices);
    PlannerVideo *waiting = memory_alloc(batch->again_count, sizeof *waiting);
    size_t count = 0;
    int64_t ours = 0;
    Describing describing;
    describe_begin(batch, &describing);
    for (size_t i = 0; i < batch->again_count; i++) {
        const size_t candidate = batch->again[i];
        if (!wants_to_be_alone(batch, candidate) && batch_may_start(batch, candidate)) {
            indices[count] = candidate;
            waiting[count++] = describe(&describing, candidate);
        }
    }
    const size_t running_count = list_running(&describing, running, &ours);
    PlannerMachine machine = planning_machine(batch->settings, &batch->memory, ours);
    video_memory_plan(batch, &machine);
    const PlannerPick found = planner_pick(&machine, batch->order, running, running_count, waiting, count);
    for (size_t i = 0; i < count; i++) {
        batch->items[indices[i]].passed = (unsigned char)waiting[i].passed;
    }
    *index = found.found ? indices[found.index] : 0;
    memory_free(waiting);
    memory_free(indices);
    return found.found;
}

/* Those that must be alone come when nothing else can start any more. */
static bool pick_alone(const Batch *batch, size_t *index)
{
    for (size_t i = 0; i < batch->again_count; i++) {
        *index = batch->again[i];
        if (wants_to_be_alone(batch, *index) && batch_may_start(batch, *index)) {
            return true;
        }
    }
    return false;
}

bool choosing_next(Batch *batch, size_t *index)
{
    const bool in_order = batch->order == PLANNER_NATURAL;
    const bool known = fill_window(batch, in_order ? WINDOW : batch->plan->count);
    if ((known || in_order) && pick(batch, index)) {
        return true;
    }
    return known && batch->running == 0 && pick_alone(batch, index);
}
