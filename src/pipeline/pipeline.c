/* Every frame in flight sits in one of a fixed number of slots, from the reader to the writer; a slot is a
 * frame shell, its side data, its number and its reservation. The queues have room for all slots, so handing
 * on never waits, and the only two waits for room are the reader's: for a free slot, and for a reservation.
 *
 * Why this cannot stand still: take the oldest frame in flight. The in-order thread and the any-order threads
 * take frames in order and never wait to hand one on, so it reaches the reorder; all before it have left, so
 * the writer takes it; then its slot and its reservation are free. The reader waits for those only while
 * frames are in flight: with none, all slots are free, and the pool grants a lone reservation whatever the
 * budget.
 *
 * So the threads never all wait for each other: some thread is inside a stage, or about to be, and looks at
 * the stop flag next. The first to see it wakes the others.
 */
#include "pipeline/pipeline.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "pipeline/queue.h"
#include "pipeline/reorder.h"

enum {
    SLOTS_PER_THREAD = 2,
    SLOTS_MORE = 12, /* what may wait for the sink while it encodes a burst, and for the in-order thread */
    THREADS_MAX = 256,
    POLL_MS = 20, /* how often one that waits for room, or rests, looks at what its caller sets */
};

typedef enum Kind {
    KIND_SOURCE,
    KIND_IN_ORDER,
    KIND_ANY_ORDER,
    KIND_SINK,
} Kind;

typedef struct Slot {
    AVFrame *frame;
    void *side; /* NULL when there is none */
    int64_t number;
    int64_t reserved_bytes;
} Slot;

typedef struct Pipeline Pipeline;

typedef struct Worker {
    Pipeline *pipeline;
    Kind kind;
    int index; /* among the any-order threads */
    pthread_t thread;
    /* written by the thread, read after it was joined */
    int64_t busy_ns;
    int64_t frames;
    int64_t copied;
} Worker;

struct Pipeline {
    const PipelineConfig *config;
    Slot *slots;
    int slot_count;
    Queue *free_slots; /* to the reader */
    Queue *read;       /* reader to in-order */
    Queue *work;       /* in-order to any-order */
    Reorder *reorder;  /* in-order and any-order to writer */
    atomic_bool stopping;
    atomic_bool ordered; /* all frames have left the in-order thread */
    atomic_int in_flight;
    pthread_mutex_t lock;
    /* protected by lock */
    int max_in_flight;
    Status outcome;
    Error error;
};

static bool stop_asked(const Pipeline *p)
{
    return p->config->stop != NULL && atomic_load(p->config->stop);
}

static bool is_stopping(const Pipeline *p)
{
    return atomic_load(&p->stopping) || stop_asked(p);
}

static int64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Ends the run with the first outcome that is told. A failure after the user asked to stop is most likely a
 * consequence of that, so the stop counts. */
static void end_with(Pipeline *p, Status status, const Error *error)
{
    (void)pthread_mutex_lock(&p->lock);
    if (p->outcome == STATUS_OK) {
        p->outcome = status == STATUS_STOPPED || stop_asked(p) ? STATUS_STOPPED : STATUS_FAILED;
        if (p->outcome == STATUS_FAILED) {
            p->error = *error;
            (void)error_set(&p->error, ERROR_INTERNAL, "cannot process the video", NULL,
                            "a stage failed without saying why");
        }
    }
    (void)pthread_mutex_unlock(&p->lock);
    atomic_store(&p->stopping, true);
    queue_stop(p->free_slots);
    queue_stop(p->read);
    queue_stop(p->work);
    reorder_stop(p->reorder);
}

/* ---- the reader's thread ---- */

static Status reserve_slot(Pipeline *p, Slot *slot, Error *err)
{
    const AVFrame *frame = slot->frame;
    const enum AVPixelFormat format = (enum AVPixelFormat)frame->format;
    const int enlarge = p->config->enlarge;
    int64_t bytes = frame_pool_frame_bytes(format, frame->width, frame->height);
    if (enlarge > 1 && bytes > 0) {
        bytes += frame_pool_frame_bytes(format, frame->width * enlarge, frame->height * enlarge);
    }
    if (bytes == 0) {
        return error_set(err, ERROR_INTERNAL, "cannot process the video", NULL, "a frame has no shape");
    }
    Status status = STATUS_AGAIN;
    while (status == STATUS_AGAIN) {
        status = is_stopping(p) ? STATUS_STOPPED : frame_pool_reserve_within(p->config->pool, bytes, POLL_MS);
    }
    if (status != STATUS_OK) {
        return status;
    }
    slot->reserved_bytes = bytes;
    const int in_flight = atomic_fetch_add(&p->in_flight, 1) + 1;
    (void)pthread_mutex_lock(&p->lock);
    if (in_flight > p->max_in_flight) {
        p->max_in_flight = in_flight;
    }
    (void)pthread_mutex_unlock(&p->lock);
    return STATUS_OK;
}

static Status read_one(Worker *worker, Error *err)
{
    Pipeline *p = worker->pipeline;
    const PipelineStages *stages = &p->config->stages;
    void *item = NULL;
    Status status = queue_receive(p->free_slots, &item);
    if (status != STATUS_OK) {
        return status;
    }
    Slot *slot = item;
    if (slot->side != NULL) {
        memset(slot->side, 0, stages->side_bytes);
    }
    const int64_t began = now_ns();
    do {
        status =
            is_stopping(p) ? STATUS_STOPPED : stages->source(stages->context, slot->frame, slot->side, err);
    } while (status == STATUS_AGAIN);
    worker->busy_ns += now_ns() - began;
    if (status == STATUS_EOF && is_stopping(p)) {
        return STATUS_STOPPED; /* an interrupted reader may take it for the end */
    }
    if (status == STATUS_OK) {
        status = reserve_slot(p, slot, err);
    }
    if (status != STATUS_OK) {
        return status;
    }
    slot->number = worker->frames++;
    return queue_send(p->read, slot);
}

/* ---- the in-order thread ---- */

static Status order_one(Worker *worker, Error *err)
{
    Pipeline *p = worker->pipeline;
    const PipelineStages *stages = &p->config->stages;
    void *item = NULL;
    Status status = queue_receive(p->read, &item);
    if (status != STATUS_OK) {
        return status;
    }
    Slot *slot = item;
    bool change = false;
    const int64_t began = now_ns();
    status = stages->in_order(stages->context, slot->frame, slot->side, &change, err);
    worker->busy_ns += now_ns() - began;
    if (status != STATUS_OK) {
        return status == STATUS_EOF ? STATUS_FAILED : status;
    }
    worker->frames++;
    return change ? queue_send(p->work, slot) : reorder_put(p->reorder, slot->number, slot);
}

/* ---- the any-order threads ---- */

static bool may_rest(const Worker *worker)
{
    const atomic_int *now = worker->pipeline->config->threads_now;
    return now != NULL && worker->index > 0 && worker->index >= atomic_load(now);
}

/* While fewer threads are wanted. The first one never rests. */
static Status rest(const Worker *worker)
{
    const struct timespec step = {.tv_nsec = POLL_MS * 1000000L};
    while (may_rest(worker)) {
        if (is_stopping(worker->pipeline)) {
            return STATUS_STOPPED;
        }
        if (atomic_load(&worker->pipeline->ordered)) {
            return STATUS_EOF; /* the others see to what is left */
        }
        (void)nanosleep(&step, NULL);
    }
    return STATUS_OK;
}

static Status change_one(Worker *worker, Error *err)
{
    Pipeline *p = worker->pipeline;
    const PipelineStages *stages = &p->config->stages;
    void *item = NULL;
    Status status = rest(worker);
    if (status == STATUS_OK) {
        status = queue_receive(p->work, &item);
    }
    if (status != STATUS_OK) {
        return status;
    }
    Slot *slot = item;
    const int64_t began = now_ns();
    worker->copied += av_frame_is_writable(slot->frame) == 0;
    status = frame_pool_make_writable(p->config->pool, slot->frame, err);
    if (status == STATUS_OK) {
        status = stages->any_order(stages->context, worker->index, slot->frame, slot->side, err);
    }
    worker->busy_ns += now_ns() - began;
    if (status != STATUS_OK) {
        return status == STATUS_EOF ? STATUS_FAILED : status;
    }
    worker->frames++;
    return reorder_put(p->reorder, slot->number, slot);
}

/* ---- the writer's thread ---- */

static void empty_slot(Pipeline *p, Slot *slot)
{
    av_frame_unref(slot->frame);
    if (slot->reserved_bytes > 0) {
        atomic_fetch_sub(&p->in_flight, 1);
        frame_pool_release(p->config->pool, slot->reserved_bytes);
        slot->reserved_bytes = 0;
    }
}

static Status write_one(Worker *worker, Error *err)
{
    Pipeline *p = worker->pipeline;
    const PipelineStages *stages = &p->config->stages;
    void *item = NULL;
    Status status = reorder_take(p->reorder, &item);
    if (status != STATUS_OK) {
        return status;
    }
    Slot *slot = item;
    const int64_t began = now_ns();
    status = stages->sink(stages->context, slot->frame, slot->side, err);
    worker->busy_ns += now_ns() - began;
    if (status != STATUS_OK) {
        return status == STATUS_EOF ? STATUS_FAILED : status;
    }
    worker->frames++;
    if (p->config->frames_done != NULL) {
        atomic_fetch_add(p->config->frames_done, 1);
    }
    empty_slot(p, slot);
    return queue_send(p->free_slots, slot);
}

/* ---- all threads ---- */

/* What a thread does when its input has ended: tells the next ones. */
static void pass_on_end(Worker *worker)
{
    Pipeline *p = worker->pipeline;
    switch (worker->kind) {
    case KIND_SOURCE:
        queue_finish_sending(p->read);
        break;
    case KIND_IN_ORDER:
        atomic_store(&p->ordered, true);
        queue_finish_sending(p->work);
        reorder_finish(p->reorder, worker->frames);
        break;
    case KIND_ANY_ORDER:
    case KIND_SINK:
        break;
    }
}

static void name_thread(const Worker *worker)
{
    static const char *const names[] = {"rb-read", "rb-order", "rb-face", "rb-write"};
    char name[16];
    if (worker->kind == KIND_ANY_ORDER) {
        (void)snprintf(name, sizeof name, "%s%d", names[worker->kind], worker->index);
    } else {
        (void)snprintf(name, sizeof name, "%s", names[worker->kind]);
    }
    (void)pthread_setname_np(pthread_self(), name);
}

static void *run_worker(void *context)
{
    static Status (*const steps[])(Worker *, Error *) = {read_one, order_one, change_one, write_one};
    Worker *worker = context;
    Pipeline *p = worker->pipeline;
    name_thread(worker);
    Error err = {0};
    Status status = STATUS_OK;
    while (status == STATUS_OK) {
        status = is_stopping(p) ? STATUS_STOPPED : steps[worker->kind](worker, &err);
    }
    if (status == STATUS_EOF) {
        pass_on_end(worker);
    } else {
        end_with(p, status, &err);
    }
    return NULL;
}

static Status start_worker(Worker *worker, Error *err)
{
    const int error = pthread_create(&worker->thread, NULL, run_worker, worker);
    if (error != 0) {
        return error_set_errno(err, ERROR_ENVIRONMENT, "cannot start a thread", NULL, error);
    }
    return STATUS_OK;
}

static Status make_slots(Pipeline *p, Error *err)
{
    const size_t side_bytes = p->config->stages.side_bytes;
    for (int i = 0; i < p->slot_count; i++) {
        p->slots[i].frame = av_frame_alloc();
        if (p->slots[i].frame == NULL) {
            return error_set(err, ERROR_MEMORY, "cannot process the video", NULL, "no memory");
        }
        p->slots[i].side = side_bytes > 0 ? memory_alloc(1, side_bytes) : NULL;
        (void)queue_send(p->free_slots, &p->slots[i]);
    }
    return STATUS_OK;
}

int pipeline_frames_most(int threads)
{
    return threads * SLOTS_PER_THREAD + SLOTS_MORE;
}

static void open_pipeline(Pipeline *p, const PipelineConfig *config)
{
    p->config = config;
    p->slot_count = pipeline_frames_most(config->threads);
    p->slots = memory_alloc((size_t)p->slot_count, sizeof *p->slots);
    p->free_slots = queue_new(p->slot_count);
    p->read = queue_new(p->slot_count);
    p->work = queue_new(p->slot_count);
    p->reorder = reorder_new(p->slot_count);
    (void)pthread_mutex_init(&p->lock, NULL);
}

static void close_pipeline(Pipeline *p)
{
    for (int i = 0; i < p->slot_count; i++) {
        if (p->slots[i].frame != NULL) {
            empty_slot(p, &p->slots[i]);
        }
        av_frame_free(&p->slots[i].frame);
        memory_free(p->slots[i].side);
    }
    memory_free(p->slots);
    queue_free(&p->free_slots);
    queue_free(&p->read);
    queue_free(&p->work);
    reorder_free(&p->reorder);
    (void)pthread_mutex_destroy(&p->lock);
}

static void fill_stats(const Pipeline *p, const Worker *workers, int count, PipelineStats *stats)
{
    *stats = (PipelineStats){.max_in_flight = p->max_in_flight};
    for (int i = 0; i < count; i++) {
        const Worker *worker = &workers[i];
        stats->busy_s[worker->kind] += (double)worker->busy_ns * 1e-9;
        stats->frames_copied += worker->copied;
        stats->frames += worker->kind == KIND_SINK ? worker->frames : 0;
        stats->frames_changed += worker->kind == KIND_ANY_ORDER ? worker->frames : 0;
    }
}

static Kind kind_of(int index, int count)
{
    if (index < 2) {
        return index == 0 ? KIND_SOURCE : KIND_IN_ORDER;
    }
    return index == count - 1 ? KIND_SINK : KIND_ANY_ORDER;
}

Status pipeline_run(const PipelineConfig *config, PipelineStats *stats, Error *err)
{
    if (config->threads < 1 || config->threads > THREADS_MAX) {
        return error_setf(err, ERROR_INTERNAL, "cannot process the video", NULL, "%d threads",
                          config->threads);
    }
    Pipeline pipeline = {0};
    open_pipeline(&pipeline, config);
    const int count = config->threads + 3;
    Worker *workers = memory_alloc((size_t)count, sizeof *workers);
    Error problem = {0};
    Status status = make_slots(&pipeline, &problem);
    int started = 0;
    while (status == STATUS_OK && started < count) {
        const Kind kind = kind_of(started, count);
        workers[started] = (Worker){.pipeline = &pipeline, .kind = kind, .index = started - 2};
        status = start_worker(&workers[started], &problem);
        started += status == STATUS_OK;
    }
    if (status != STATUS_OK) {
        end_with(&pipeline, status, &problem);
    }
    for (int i = 0; i < started; i++) {
        (void)pthread_join(workers[i].thread, NULL);
    }
    fill_stats(&pipeline, workers, started, stats);
    status = pipeline.outcome;
    if (status == STATUS_FAILED && err != NULL && !error_is_set(err)) {
        *err = pipeline.error;
    }
    close_pipeline(&pipeline);
    memory_free(workers);
    return status;
}
