/* The pipeline with stages made of delays, failures and checks. What must hold for every run: the sink gets a
 * prefix of the source's frames, in order, each once; nothing stays reserved or allocated; the run ends. An
 * assertion that fails on one of the pipeline's threads ends the program. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "pipeline/pipeline.h"
#include "pipeline/queue.h"
#include "pipeline/reorder.h"

enum { WIDTH = 16, HEIGHT = 16, NEVER = 1 << 30, HELD = 3, THREADS_MOST = 8 };

typedef struct Side {
    int64_t given;
    int64_t token;
    char more[100];
} Side;

/* One run: what is to happen, and what did. */
typedef struct Trial {
    FramePool *pool;
    int frames;
    int threads;
    unsigned seed;
    bool slow;
    int fail_at[4]; /* the frame at which a stage fails, by stage */
    Status fail_with;
    int stop_at; /* the frame at which the in-order stage sets `stop` */
    int change_of_ten;
    atomic_bool stop;
    atomic_llong done;
    /* each of one thread */
    int sourced;
    int asked;
    int ordered;
    int sunk;
    int to_change;
    AVFrame *held[HELD]; /* the "decoder's" references */
    atomic_int changed;
    atomic_bool busy[THREADS_MOST];
    atomic_int in_any_order; /* for the tests of overlap */
    atomic_int threads_now;
} Trial;

static unsigned mixed(unsigned a, unsigned b)
{
    unsigned hash = a * 2654435761U + b * 40503U + 12345U;
    hash ^= hash >> 15;
    hash *= 2246822519U;
    return hash ^ (hash >> 13);
}

static bool is_to_change(const Trial *trial, int64_t number)
{
    return (int)(mixed(trial->seed, (unsigned)number) % 10) < trial->change_of_ten;
}

static void dawdle(const Trial *trial, unsigned salt)
{
    const unsigned what = mixed(trial->seed + salt, 77) % 16;
    if (trial->slow && what == 0) {
        (void)usleep(300);
    } else if (what < 4) {
        (void)sched_yield();
    }
}

static Status maybe_fail(const Trial *trial, int stage, int64_t number, Error *err)
{
    if (number < trial->fail_at[stage]) {
        return STATUS_OK;
    }
    if (trial->fail_with == STATUS_FAILED) {
        return error_setf(err, ERROR_ENCODER, "stage", NULL, "%d", stage);
    }
    return trial->fail_with;
}

static uint8_t mark_of(int64_t number)
{
    return (uint8_t)(number * 7 + 3);
}

static Status give(void *context, AVFrame *frame, void *side, Error *err)
{
    Trial *trial = context;
    Side *own = side;
    assert_null(frame->buf[0]);
    assert_int_equal(own->given, 0);
    assert_int_equal(own->token, 0);
    assert_int_equal(own->more[99], 0);
    own->given = trial->sourced + 500;
    dawdle(trial, (unsigned)trial->sourced * 4);
    const Status status = maybe_fail(trial, 0, trial->sourced, err);
    if (status != STATUS_OK) {
        return status;
    }
    if (trial->sourced == trial->frames) {
        return STATUS_EOF;
    }
    assert_int_equal(frame_pool_new_frame(trial->pool, AV_PIX_FMT_GRAY8, WIDTH, HEIGHT, frame, err),
                     STATUS_OK);
    frame->data[0][0] = mark_of(trial->sourced);
    frame->data[0][1] = 0;
    frame->pts = trial->sourced;
    if (trial->sourced % 2 == 0) {
        AVFrame *held = trial->held[trial->sourced / 2 % HELD];
        av_frame_unref(held);
        assert_true(av_frame_ref(held, frame) >= 0);
    }
    trial->sourced++;
    return STATUS_OK;
}

static Status look(void *context, const AVFrame *frame, void *side, bool *change, Error *err)
{
    Trial *trial = context;
    Side *own = side;
    assert_int_equal(frame->pts, trial->ordered);
    assert_int_equal(own->given, frame->pts + 500);
    trial->ordered++;
    dawdle(trial, (unsigned)frame->pts * 4 + 1);
    if (frame->pts >= trial->stop_at) {
        atomic_store(&trial->stop, true);
    }
    own->token = frame->pts + 1000;
    own->more[99] = 1;
    *change = is_to_change(trial, frame->pts);
    trial->to_change += *change;
    return maybe_fail(trial, 1, frame->pts, err);
}

static Status change(void *context, int thread, AVFrame *frame, const void *side, Error *err)
{
    Trial *trial = context;
    assert_true(thread >= 0 && thread < trial->threads);
    assert_false(atomic_exchange(&trial->busy[thread], true));
    assert_true(is_to_change(trial, frame->pts));
    assert_int_equal(((const Side *)side)->token, frame->pts + 1000);
    assert_true(av_frame_is_writable(frame));
    assert_int_equal(frame->data[0][1], 0);
    dawdle(trial, (unsigned)frame->pts * 4 + 2);
    frame->data[0][1] = 1;
    atomic_fetch_add(&trial->changed, 1);
    atomic_store(&trial->busy[thread], false);
    return maybe_fail(trial, 2, frame->pts, err);
}

static Status take(void *context, const AVFrame *frame, const void *side, Error *err)
{
    Trial *trial = context;
    assert_int_equal(((const Side *)side)->given, frame->pts + 500);
    assert_int_equal(((const Side *)side)->token, frame->pts + 1000);
    assert_int_equal(frame->pts, trial->sunk);
    assert_int_equal(frame->data[0][0], mark_of(frame->pts));
    assert_int_equal(frame->data[0][1], is_to_change(trial, frame->pts));
    dawdle(trial, (unsigned)frame->pts * 4 + 3);
    const Status status = maybe_fail(trial, 3, frame->pts, err);
    trial->sunk += status == STATUS_OK;
    return status;
}

static Trial new_trial(int frames, int threads, int64_t budget)
{
    Trial trial = {.frames = frames,
                   .threads = threads,
                   .fail_at = {NEVER, NEVER, NEVER, NEVER},
                   .fail_with = STATUS_FAILED,
                   .stop_at = NEVER,
                   .change_of_ten = 7,
                   .pool = frame_pool_new(budget)};
    for (int i = 0; i < HELD; i++) {
        trial.held[i] = av_frame_alloc();
    }
    return trial;
}

static PipelineConfig config_of(Trial *trial)
{
    return (PipelineConfig){
        .stages = {.context = trial,
                   .side_bytes = sizeof(Side),
                   .source = give,
                   .in_order = look,
                   .any_order = change,
                   .sink = take},
        .pool = trial->pool,
        .threads = trial->threads,
        .stop = &trial->stop,
        .frames_done = &trial->done,
    };
}

/* Nothing of a run is left. */
static void end_trial(Trial *trial)
{
    for (int i = 0; i < HELD; i++) {
        av_frame_free(&trial->held[i]);
    }
    frame_pool_set_budget(trial->pool, frame_pool_stats(trial->pool).budget_bytes - 1);
    assert_int_equal(frame_pool_stats(trial->pool).reserved_bytes, 0);
    assert_int_equal(frame_pool_stats(trial->pool).allocated_bytes, 0);
    frame_pool_free(&trial->pool);
}

static void check_stats(const Trial *trial, const PipelineStats *stats, Status status)
{
    assert_int_equal(stats->frames, trial->sunk);
    assert_int_equal(atomic_load(&trial->done), trial->sunk);
    assert_true(stats->max_in_flight <= 2 * trial->threads + 12);
    assert_true(trial->sunk == 0 || stats->max_in_flight > 0);
    if (status == STATUS_OK) {
        assert_int_equal(trial->sunk, trial->frames);
        assert_int_equal(stats->frames_changed, trial->to_change);
        assert_int_equal(atomic_load(&trial->changed), trial->to_change);
        assert_true(stats->frames_copied <= stats->frames_changed);
    }
}

static int64_t frame_size(void)
{
    return frame_pool_frame_bytes(AV_PIX_FMT_GRAY8, WIDTH, HEIGHT);
}

static void every_frame_comes_through_in_order(void **state)
{
    (void)state;
    static const int threads[] = {1, 2, 5, 8};
    for (size_t i = 0; i < sizeof threads / sizeof threads[0]; i++) {
        for (int budget = 0; budget < 4; budget++) {
            static const int frames_in_budget[] = {0, 1, 5, 1000};
            Trial trial = new_trial(150, threads[i], frame_size() * frames_in_budget[budget]);
            trial.seed = (unsigned)(i * 4) + (unsigned)budget;
            trial.slow = true;
            const PipelineConfig config = config_of(&trial);
            PipelineStats stats;
            Error err = {0};
            assert_int_equal(pipeline_run(&config, &stats, &err), STATUS_OK);
            assert_false(error_is_set(&err));
            check_stats(&trial, &stats, STATUS_OK);
            assert_true(frames_in_budget[budget] > 1 || stats.max_in_flight == 1);
            assert_true(budget != 2 || stats.max_in_flight <= 5);
            assert_true(stats.frames_copied > 0);
            end_trial(&trial);
        }
    }
}

static void an_empty_source_is_fine(void **state)
{
    (void)state;
    Trial trial = new_trial(0, 3, 1000);
    const PipelineConfig config = config_of(&trial);
    PipelineStats stats;
    assert_int_equal(pipeline_run(&config, &stats, NULL), STATUS_OK);
    assert_int_equal(stats.frames, 0);
    end_trial(&trial);
}

/* The first frame that fails in this stage. */
static int first_failing(const Trial *trial, int stage)
{
    int number = trial->fail_at[stage];
    while (stage == 2 && !is_to_change(trial, number)) {
        number++;
    }
    return number;
}

static unsigned next_random(unsigned *seed)
{
    return (unsigned)rand_r(seed);
}

static void random_trial(unsigned seed)
{
    unsigned random = seed;
    Trial trial = new_trial((int)(next_random(&random) % 60), 1 + (int)(next_random(&random) % THREADS_MOST),
                            frame_size() * (int)(next_random(&random) % 12) / 2);
    trial.seed = seed;
    trial.slow = next_random(&random) % 2 == 0;
    trial.change_of_ten = (int)(next_random(&random) % 11);
    bool fails = false;
    bool stops = false;
    for (int i = 0; i < 4; i++) {
        if (next_random(&random) % 6 == 0) {
            trial.fail_at[i] = (int)(next_random(&random) % 70);
            fails = true;
        }
    }
    if (next_random(&random) % 5 == 0) {
        trial.stop_at = (int)(next_random(&random) % 60);
        stops = true;
    }
    const PipelineConfig config = config_of(&trial);
    PipelineStats stats;
    Error err = {0};
    const Status status = pipeline_run(&config, &stats, &err);
    check_stats(&trial, &stats, status);
    assert_int_equal(error_is_set(&err), status == STATUS_FAILED);
    switch (status) {
    case STATUS_OK:
        break;
    case STATUS_FAILED:
        assert_true(fails);
        assert_int_equal(err.class_, ERROR_ENCODER);
        /* Frames before the failing one may be given up, but none from it on may pass. */
        assert_true(trial.sunk <= first_failing(&trial, atoi(err.why)));
        break;
    case STATUS_STOPPED:
        assert_true(stops && atomic_load(&trial.stop));
        break;
    default:
        fail_msg("status %d", (int)status);
    }
    end_trial(&trial);
}

static void whatever_happens_a_prefix_comes_out(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 400; seed++) {
        random_trial(seed);
    }
}

static void each_stage_can_fail(void **state)
{
    (void)state;
    static const Status with[] = {STATUS_FAILED, STATUS_AGAIN, STATUS_OVER_BUDGET, STATUS_EOF,
                                  STATUS_STOPPED};
    for (int stage = 0; stage < 4; stage++) {
        for (size_t i = 0; i < sizeof with / sizeof with[0]; i++) {
            if (stage == 0 && with[i] == STATUS_AGAIN) {
                continue; /* no failure of a source */
            }
            Trial trial = new_trial(40, 3, frame_size() * 4);
            trial.change_of_ten = 10;
            trial.fail_at[stage] = 17;
            trial.fail_with = with[i];
            const PipelineConfig config = config_of(&trial);
            PipelineStats stats;
            Error err = {0};
            const Status status = pipeline_run(&config, &stats, &err);
            assert_true(trial.sunk <= 17);
            if (with[i] == STATUS_STOPPED) {
                assert_int_equal(status, STATUS_STOPPED);
            } else if (with[i] == STATUS_EOF && stage == 0) {
                assert_int_equal(status, STATUS_OK);
                assert_int_equal(trial.sunk, 17);
            } else {
                assert_int_equal(status, STATUS_FAILED);
                assert_int_equal(err.class_, with[i] == STATUS_FAILED ? ERROR_ENCODER : ERROR_INTERNAL);
            }
            end_trial(&trial);
        }
    }
}

/* Has nothing yet two times before each frame, and never has the one at fail_at[0]. */
static Status give_late(void *context, AVFrame *frame, void *side, Error *err)
{
    Trial *trial = context;
    if (trial->sourced == trial->fail_at[0] || trial->asked++ % 3 != 2) {
        (void)usleep(50);
        return STATUS_AGAIN;
    }
    return give(context, frame, side, err);
}

static void a_source_may_need_time(void **state)
{
    (void)state;
    for (int why = 0; why < 3; why++) {
        Trial trial = new_trial(40, 3, frame_size() * 4);
        if (why > 0) {
            trial.fail_at[0] = 30;
            *(why == 1 ? &trial.fail_at[3] : &trial.stop_at) = 20;
        }
        PipelineConfig config = config_of(&trial);
        config.stages.source = give_late;
        PipelineStats stats;
        Error err = {0};
        static const Status expected[] = {STATUS_OK, STATUS_FAILED, STATUS_STOPPED};
        assert_int_equal(pipeline_run(&config, &stats, &err), expected[why]);
        assert_true(why == 0 ? trial.sunk == 40 : trial.sunk <= 30);
        end_trial(&trial);
    }
}

static void impossible_numbers_of_threads(void **state)
{
    (void)state;
    Trial trial = new_trial(3, 0, 1000);
    const PipelineConfig config = config_of(&trial);
    PipelineStats stats;
    Error err = {0};
    assert_int_equal(pipeline_run(&config, &stats, &err), STATUS_FAILED);
    assert_int_equal(err.class_, ERROR_INTERNAL);
    end_trial(&trial);
}

/* Each of three threads waits in any_order for the two others. */
static Status change_together(void *context, int thread, AVFrame *frame, const void *side, Error *err)
{
    Trial *trial = context;
    (void)side;
    (void)err;
    char name[16];
    char want[16];
    (void)pthread_getname_np(pthread_self(), name, sizeof name);
    (void)snprintf(want, sizeof want, "rb-face%d", thread);
    assert_string_equal(name, want);
    frame->data[0][1] = 1;
    const int target = (atomic_fetch_add(&trial->in_any_order, 1) / 3 + 1) * 3;
    while (atomic_load(&trial->in_any_order) < target) {
        (void)sched_yield();
    }
    return STATUS_OK;
}

static void any_order_threads_run_at_the_same_time(void **state)
{
    (void)state;
    Trial trial = new_trial(30, 3, frame_size() * 10);
    trial.change_of_ten = 10;
    PipelineConfig config = config_of(&trial);
    config.stages.any_order = change_together;
    PipelineStats stats;
    assert_int_equal(pipeline_run(&config, &stats, NULL), STATUS_OK);
    assert_int_equal(stats.frames_changed, 30);
    end_trial(&trial);
}

enum { GROWS_AT = 50 };

static Status grow_later(void *context, const AVFrame *frame, void *side, bool *change_it, Error *err)
{
    Trial *trial = context;
    if (frame->pts == GROWS_AT) {
        atomic_store(&trial->threads_now, trial->threads);
    }
    return look(context, frame, side, change_it, err);
}

/* Once more than one may work, the first waits until another one does. */
static Status change_as_allowed(void *context, int thread, AVFrame *frame, const void *side, Error *err)
{
    Trial *trial = context;
    (void)side;
    (void)err;
    assert_true(thread == 0 || atomic_load(&trial->threads_now) > 1);
    atomic_fetch_add(&trial->in_any_order, thread != 0);
    while (thread == 0 && frame->pts > GROWS_AT && atomic_load(&trial->in_any_order) == 0) {
        (void)usleep(100);
    }
    frame->data[0][1] = 1;
    return STATUS_OK;
}

static void threads_rest_and_come_back(void **state)
{
    (void)state;
    Trial trial = new_trial(2 * GROWS_AT, 4, frame_size() * 8);
    trial.change_of_ten = 10;
    atomic_store(&trial.threads_now, 0); /* is one */
    PipelineConfig config = config_of(&trial);
    config.threads_now = &trial.threads_now;
    config.stages.in_order = grow_later;
    config.stages.any_order = change_as_allowed;
    PipelineStats stats;
    assert_int_equal(pipeline_run(&config, &stats, NULL), STATUS_OK);
    assert_int_equal(stats.frames_changed, 2 * GROWS_AT);
    assert_true(atomic_load(&trial.in_any_order) > 0);
    end_trial(&trial);
}

/* Threads that rest see the end, and a stop. */
static void resting_threads_end(void **state)
{
    (void)state;
    for (int stops = 0; stops < 2; stops++) {
        Trial trial = new_trial(40, 4, frame_size() * 8);
        trial.stop_at = stops ? 20 : NEVER;
        atomic_store(&trial.threads_now, 1);
        PipelineConfig config = config_of(&trial);
        config.threads_now = &trial.threads_now;
        PipelineStats stats;
        assert_int_equal(pipeline_run(&config, &stats, NULL), stops ? STATUS_STOPPED : STATUS_OK);
        end_trial(&trial);
    }
}

/* The first frame is changed only when the in-order thread has gone through nine more. */
static Status change_late(void *context, int thread, AVFrame *frame, const void *side, Error *err)
{
    Trial *trial = context;
    (void)thread;
    (void)side;
    (void)err;
    while (atomic_load(&trial->in_any_order) < 9) {
        (void)sched_yield();
    }
    frame->data[0][1] = 1;
    return STATUS_OK;
}

static Status change_first_only(void *context, const AVFrame *frame, void *side, bool *change_it, Error *err)
{
    Trial *trial = context;
    (void)side;
    (void)err;
    *change_it = frame->pts == 0;
    if (frame->pts > 0) {
        atomic_fetch_add(&trial->in_any_order, 1);
    }
    return STATUS_OK;
}

static Status count_only(void *context, const AVFrame *frame, const void *side, Error *err)
{
    Trial *trial = context;
    (void)side, (void)err;
    assert_int_equal(frame->pts, trial->sunk);
    trial->sunk++;
    return STATUS_OK;
}

static void unchanged_frames_pass_the_slow_ones(void **state)
{
    (void)state;
    Trial trial = new_trial(12, 1, frame_size() * 11);
    PipelineConfig config = config_of(&trial);
    config.stages.in_order = change_first_only;
    config.stages.any_order = change_late;
    config.stages.sink = count_only;
    PipelineStats stats;
    assert_int_equal(pipeline_run(&config, &stats, NULL), STATUS_OK);
    assert_int_equal(trial.sunk, 12);
    assert_int_equal(stats.frames_changed, 1);
    assert_true(stats.max_in_flight >= 10);
    end_trial(&trial);
}

/* While the sink waits, no more than the window is read. */
static Status wait_for_stop(void *context, const AVFrame *frame, const void *side, Error *err)
{
    Trial *trial = context;
    (void)frame, (void)side, (void)err;
    while (!atomic_load(&trial->stop)) {
        (void)usleep(1000);
    }
    trial->sunk++;
    return STATUS_OK;
}

static Status give_until_full(void *context, AVFrame *frame, void *side, Error *err)
{
    Trial *trial = context;
    if (trial->sourced == 2 * 2 + 12 - 1) {
        atomic_store(&trial->stop, true);
    }
    return give(context, frame, side, err);
}

static void the_window_is_bounded(void **state)
{
    (void)state;
    Trial trial = new_trial(1000, 2, frame_size() * 1000);
    PipelineConfig config = config_of(&trial);
    config.stages.source = give_until_full;
    config.stages.sink = wait_for_stop;
    PipelineStats stats;
    assert_int_equal(pipeline_run(&config, &stats, NULL), STATUS_STOPPED);
    assert_true(trial.sourced <= 2 * 2 + 12);
    end_trial(&trial);
}

/* A reader that is interrupted tells the end too early. */
static Status give_end_when_stopped(void *context, AVFrame *frame, void *side, Error *err)
{
    Trial *trial = context;
    if (trial->sourced < 5) {
        return give(context, frame, side, err);
    }
    while (trial->in_any_order < 5) {
        (void)sched_yield(); /* until the sink has them all */
    }
    atomic_store(&trial->stop, true);
    return STATUS_EOF;
}

static Status count_sunk(void *context, const AVFrame *frame, const void *side, Error *err)
{
    Trial *trial = context;
    (void)frame, (void)side, (void)err;
    trial->sunk++;
    atomic_fetch_add(&trial->in_any_order, 1);
    return STATUS_OK;
}

/* A writer that was asked to end with a chunk does so by itself. */
static Status stop_at_seven(void *context, const AVFrame *frame, const void *side, Error *err)
{
    return ((Trial *)context)->sunk == 7 ? STATUS_STOPPED : take(context, frame, side, err);
}

static void the_sink_may_end_the_run(void **state)
{
    (void)state;
    Trial trial = new_trial(100, 3, frame_size() * 20);
    PipelineConfig config = config_of(&trial);
    config.stages.sink = stop_at_seven;
    PipelineStats stats;
    Error err = {0};
    assert_int_equal(pipeline_run(&config, &stats, &err), STATUS_STOPPED);
    assert_false(error_is_set(&err));
    assert_int_equal(stats.frames, 7);
    assert_int_equal(atomic_load(&trial.done), 7);
    end_trial(&trial);
}

static void an_end_after_stop_is_a_stop(void **state)
{
    (void)state;
    Trial trial = new_trial(10, 1, frame_size() * 10);
    PipelineConfig config = config_of(&trial);
    config.stages.source = give_end_when_stopped;
    config.stages.sink = count_sunk;
    PipelineStats stats;
    assert_int_equal(pipeline_run(&config, &stats, NULL), STATUS_STOPPED);
    assert_int_equal(stats.frames, 5);
    end_trial(&trial);
}

static void *set_soon(void *context)
{
    (void)usleep(30000);
    atomic_store((atomic_bool *)context, true);
    return NULL;
}

/* All threads wait for room that somebody else holds; only the stop flag can end it. */
static void stop_reaches_a_waiting_reader(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        Trial trial = new_trial(10, 2, 100);
        assert_int_equal(frame_pool_reserve(trial.pool, 100), STATUS_OK);
        const PipelineConfig config = config_of(&trial);
        PipelineStats stats;
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, set_soon, &trial.stop), 0);
        if (i == 1) {
            frame_pool_stop(trial.pool);
        }
        assert_int_equal(pipeline_run(&config, &stats, NULL), STATUS_STOPPED);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(trial.sunk, 0);
        frame_pool_release(trial.pool, 100);
        end_trial(&trial);
    }
}

static void a_queue_ends_from_both_sides(void **state)
{
    (void)state;
    int items[3];
    void *item = NULL;
    Queue *queue = queue_new(2);
    assert_int_equal(queue_send(queue, &items[0]), STATUS_OK);
    assert_int_equal(queue_send(queue, &items[1]), STATUS_OK);
    assert_int_equal(queue_receive(queue, &item), STATUS_OK);
    assert_ptr_equal(item, &items[0]);
    assert_int_equal(queue_send(queue, &items[2]), STATUS_OK);
    queue_finish_sending(queue);
    assert_int_equal(queue_receive(queue, &item), STATUS_OK);
    assert_ptr_equal(item, &items[1]);
    assert_int_equal(queue_receive(queue, &item), STATUS_OK);
    assert_ptr_equal(item, &items[2]);
    assert_int_equal(queue_receive(queue, &item), STATUS_EOF);
    assert_null(item);
    queue_free(&queue);
    queue_free(&queue);

    queue = queue_new(1);
    assert_int_equal(queue_send(queue, &items[0]), STATUS_OK);
    queue_finish_receiving(queue);
    assert_int_equal(queue_send(queue, &items[1]), STATUS_EOF);
    assert_int_equal(queue_receive(queue, &item), STATUS_EOF);
    queue_stop(queue);
    assert_int_equal(queue_send(queue, &items[1]), STATUS_STOPPED);
    assert_int_equal(queue_receive(queue, &item), STATUS_STOPPED);
    queue_free(&queue);
}

static void *send_five(void *context)
{
    static int items[5];
    for (int i = 0; i < 5; i++) {
        if (queue_send(context, &items[i]) != STATUS_OK) {
            return &items[i];
        }
    }
    queue_finish_sending(context);
    return NULL;
}

static void a_full_queue_makes_the_sender_wait(void **state)
{
    (void)state;
    Queue *queue = queue_new(1);
    pthread_t thread;
    void *left = NULL;
    void *item = NULL;
    assert_int_equal(pthread_create(&thread, NULL, send_five, queue), 0);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(queue_receive(queue, &item), STATUS_OK);
    }
    assert_int_equal(queue_receive(queue, &item), STATUS_EOF);
    assert_int_equal(pthread_join(thread, &left), 0);
    assert_null(left);
    queue_free(&queue);

    queue = queue_new(1);
    assert_int_equal(pthread_create(&thread, NULL, send_five, queue), 0);
    assert_int_equal(queue_receive(queue, &item), STATUS_OK);
    queue_finish_receiving(queue);
    assert_int_equal(pthread_join(thread, &left), 0);
    assert_non_null(left);
    queue_free(&queue);
}

static void reorder_sorts_within_its_window(void **state)
{
    (void)state;
    int items[8];
    void *item = NULL;
    Reorder *reorder = reorder_new(3);
    assert_int_equal(reorder_put(reorder, 2, &items[2]), STATUS_OK);
    assert_int_equal(reorder_put(reorder, 3, &items[3]), STATUS_FAILED); /* outside the window */
    assert_int_equal(reorder_put(reorder, 2, &items[3]), STATUS_FAILED); /* there already */
    assert_int_equal(reorder_put(reorder, 0, &items[0]), STATUS_OK);
    assert_int_equal(reorder_take(reorder, &item), STATUS_OK);
    assert_ptr_equal(item, &items[0]);
    assert_int_equal(reorder_put(reorder, 0, &items[0]), STATUS_FAILED); /* gone already */
    assert_int_equal(reorder_put(reorder, 3, &items[3]), STATUS_OK);
    assert_int_equal(reorder_put(reorder, 1, &items[1]), STATUS_OK);
    for (int i = 1; i < 4; i++) {
        assert_int_equal(reorder_take(reorder, &item), STATUS_OK);
        assert_ptr_equal(item, &items[i]);
    }
    reorder_finish(reorder, 4);
    assert_int_equal(reorder_take(reorder, &item), STATUS_EOF);
    reorder_stop(reorder);
    assert_int_equal(reorder_take(reorder, &item), STATUS_STOPPED);
    assert_int_equal(reorder_put(reorder, 4, &items[4]), STATUS_STOPPED);
    reorder_free(&reorder);
    reorder_free(&reorder);
}

int main(void)
{
    (void)alarm(100); /* a run that does not end is a failure */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_queue_ends_from_both_sides),
        cmocka_unit_test(a_full_queue_makes_the_sender_wait),
        cmocka_unit_test(reorder_sorts_within_its_window),
        cmocka_unit_test(every_frame_comes_through_in_order),
        cmocka_unit_test(an_empty_source_is_fine),
        cmocka_unit_test(whatever_happens_a_prefix_comes_out),
        cmocka_unit_test(each_stage_can_fail),
        cmocka_unit_test(a_source_may_need_time),
        cmocka_unit_test(impossible_numbers_of_threads),
        cmocka_unit_test(any_order_threads_run_at_the_same_time),
        cmocka_unit_test(threads_rest_and_come_back),
        cmocka_unit_test(resting_threads_end),
        cmocka_unit_test(unchanged_frames_pass_the_slow_ones),
        cmocka_unit_test(the_window_is_bounded),
        cmocka_unit_test(an_end_after_stop_is_a_stop),
        cmocka_unit_test(the_sink_may_end_the_run),
        cmocka_unit_test(stop_reaches_a_waiting_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
