#include "batch/snapshot.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/files.h"
#include "base/text.h"
#include "batch/lock.h"
#include "batch/plan.h"

static const char *const state_names[RUN_STATE_COUNT] = {
    [RUN_NONE] = "none",
    [RUN_STARTING] = "starting",
    [RUN_RUNNING] = "running",
    [RUN_PAUSED] = "paused",
    [RUN_WAITING_FOR_SPACE] = "waiting_for_space",
    [RUN_WAITING_FOR_MEMORY] = "waiting_for_memory",
    [RUN_STOPPING] = "stopping",
    [RUN_KILLED] = "killed",
    [RUN_OVER] = "over",
};

const char *run_state_name(RunState state)
{
    return state_names[state];
}

RunState run_state_of(const RunRow *run, bool held, long holder)
{
    const bool ended = run == NULL || run->ended_s > 0;
    if (held && (ended || (holder > 0 && holder != run->process))) {
        return RUN_STARTING;
    }
    if (run == NULL) {
        return RUN_NONE;
    }
    if (ended) {
        return RUN_OVER;
    }
    if (!held) {
        return RUN_KILLED;
    }
    for (int state = RUN_RUNNING; state <= RUN_STOPPING; state++) {
        if (strcmp(run->state, state_names[state]) == 0) {
            return (RunState)state;
        }
    }
    return RUN_RUNNING;
}

bool snapshot_is_live(const Snapshot *snapshot)
{
    return snapshot->run_state >= RUN_RUNNING && snapshot->run_state <= RUN_STOPPING;
}

/* ---- reading ---- */

static bool add_video(void *context, const VideoRow *row)
{
    Snapshot *snapshot = context;
    snapshot->videos = memory_resize(snapshot->videos, snapshot->count + 1, sizeof *snapshot->videos);
    VideoView *video = &snapshot->videos[snapshot->count++];
    *video = (VideoView){.row = *row, .state = row->state};
    video->row.output = text_duplicate(row->output);
    video->row.input = row->input != NULL ? text_duplicate(row->input) : NULL;
    video->row.work = row->work != NULL ? text_duplicate(row->work) : NULL;
    video->row.recipe = NULL;
    return true;
}

static bool add_chunk(void *context, const ChunkReport *chunk)
{
    VideoView *video = context;
    if (chunk->index != video->chunks) {
        return false;
    }
    video->chunks++;
    video->chunk_bytes += chunk->bytes;
    video->chunk_frames += chunk->frames;
    video->chunks_end = chunk->last;
    return true;
}

static bool add_attempt(void *context, const AttemptRow *attempt)
{
    VideoView *video = context;
    video->attempts = memory_resize(video->attempts, video->attempt_count + 1, sizeof *video->attempts);
    video->attempts[video->attempt_count++] = *attempt;
    return true;
}

/* Videos by the number of their row, to be found by it. */
typedef struct ByNumber {
    Snapshot *snapshot;
    VideoView **videos;
} ByNumber;

static int compare_number(const void *number, const void *video)
{
    const int64_t a = *(const int64_t *)number;
    const int64_t b = (*(VideoView *const *)video)->row.id;
    return (a > b) - (a < b);
}

static int compare_numbers(const void *left, const void *right)
{
    return compare_number(&(*(VideoView *const *)left)->row.id, right);
}

static VideoView *find_number(const ByNumber *by_number, int64_t number)
{
    VideoView **found =
        bsearch(&number, by_number->videos, by_number->snapshot->count, sizeof(VideoView *), compare_number);
    return found != NULL ? *found : NULL;
}

static bool add_sample(void *context, const SampleRow *sample)
{
    const ByNumber *by_number = context;
    Snapshot *snapshot = by_number->snapshot;
    if (sample->video == 0) {
        if (snapshot->has_run && sample->run == snapshot->run.id) {
            curve_add(&snapshot->machine, sample->wall_s, sample->rss_bytes, sample->limit_bytes);
        }
        return true;
    }
    VideoView *video = find_number(by_number, sample->video);
    if (video == NULL) {
        return true;
    }
    if (video->memory == NULL) {
        video->memory = memory_alloc(1, sizeof *video->memory);
    } else if (sample->run != video->memory_run) {
        *video->memory = (MemoryCurve){0};
    }
    video->memory_run = sample->run;
    curve_add(video->memory, sample->wall_s, sample->rss_bytes, sample->limit_bytes);
    return true;
}

static Status read_samples(Store *store, Snapshot *snapshot, Error *err)
{
    ByNumber by_number = {snapshot, memory_alloc(snapshot->count + 1, sizeof(VideoView *))};
    for (size_t i = 0; i < snapshot->count; i++) {
        by_number.videos[i] = &snapshot->videos[i];
    }
    qsort(by_number.videos, snapshot->count, sizeof(VideoView *), compare_numbers);
    const Status status = store_each_sample(store, 0, add_sample, &by_number, err);
    memory_free(by_number.videos);
    return status;
}

static Status read_videos(Store *store, bool history, Snapshot *snapshot, Error *err)
{
    Status status = store_each_video(store, add_video, snapshot, err);
    for (size_t i = 0; i < snapshot->count && status == STATUS_OK; i++) {
        VideoView *video = &snapshot->videos[i];
        if (video->state != VIDEO_DONE) {
            status = store_each_chunk(store, video->row.id, add_chunk, video, err);
        }
        if (status == STATUS_OK && history) {
            status = store_each_attempt(store, video->row.id, add_attempt, video, err);
        }
    }
    return status == STATUS_OK && history ? read_samples(store, snapshot, err) : status;
}

static Status read_rows(Store *store, bool history, Snapshot *snapshot, Error *err)
{
    store_begin(store);
    const Status found = store_last_run(store, &snapshot->run, err);
    snapshot->has_run = found == STATUS_OK;
    Status status = found == STATUS_FAILED ? found : read_videos(store, history, snapshot, err);
    if (store_commit(store, false, status == STATUS_OK ? err : NULL) != STATUS_OK) {
        status = STATUS_FAILED;
    }
    return status;
}

static void forget_rows(Snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->count; i++) {
        video_row_free(&snapshot->videos[i].row);
        memory_free(snapshot->videos[i].attempts);
        memory_free(snapshot->videos[i].memory);
    }
    memory_free(snapshot->videos);
    memory_free(snapshot->run.options);
    snapshot->videos = NULL;
    snapshot->count = 0;
    snapshot->run = (RunRow){0};
    snapshot->has_run = false;
    snapshot->machine = (MemoryCurve){0};
}

static Status look(bool history, Snapshot *snapshot, Error *err)
{
    Store *store = NULL;
    const bool held = lock_is_held(snapshot->state_dir, &snapshot->holder);
    Status status = store_open(&store, snapshot->state_dir, STORE_READ, NULL, NULL, err);
    if (status == STATUS_OK) {
        status = read_rows(store, history, snapshot, err);
        store_close(&store);
    }
    if (status == STATUS_FAILED) {
        return status;
    }
    snapshot->run_state = run_state_of(snapshot->has_run ? &snapshot->run : NULL, held, snapshot->holder);
    return STATUS_OK;
}

/* Videos that a killed run had are nobody's now; what nobody works on has what is on disk. */
static void settle_states(Snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->count; i++) {
        VideoView *video = &snapshot->videos[i];
        if (video->state == VIDEO_RUNNING && !snapshot_is_live(snapshot)) {
            video->state = VIDEO_STOPPED;
        }
        if (video->state != VIDEO_RUNNING) {
            video->row.worker = 0;
            video->row.rss_bytes = 0;
            video->row.fps = 0;
        }
        if (video->state != VIDEO_RUNNING && video->state != VIDEO_DONE) {
            video->row.frames_done = video->chunk_frames;
        }
    }
}

Status snapshot_take(const char *output_dir, bool history, Snapshot *snapshot, Error *err)
{
    /* The lock and the store are two: between the looks a run may have begun. */
    enum { LOOKS = 3, PAUSE_NS = 30 * 1000 * 1000 };
    *snapshot = (Snapshot){.output_dir = text_duplicate(output_dir),
                           .state_dir = path_join(output_dir, PLAN_STATE_FOLDER)};
    Status status = STATUS_OK;
    for (int i = 0; i < LOOKS && status == STATUS_OK; i++) {
        forget_rows(snapshot);
        status = look(history, snapshot, err);
        if (snapshot->run_state != RUN_KILLED && snapshot->run_state != RUN_STARTING) {
            break;
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
    }
    snapshot->wall_s = clock_wall_s();
    settle_states(snapshot);
    if (status != STATUS_OK) {
        snapshot_free(snapshot);
    }
    return status;
}

void snapshot_free(Snapshot *snapshot)
{
    forget_rows(snapshot);
    memory_free(snapshot->state_dir);
    memory_free(snapshot->output_dir);
    *snapshot = (Snapshot){0};
}

/* ---- what follows ---- */

bool video_view_has_reason(const VideoView *video)
{
    const VideoState state = video->state;
    return error_is_set(&video->row.error) &&
           (state == VIDEO_WAITING || state == VIDEO_FAILED || state == VIDEO_SET_ASIDE ||
            state == VIDEO_REFUSED || state == VIDEO_STOPPED);
}

double video_view_share(const VideoView *video)
{
    if (video->state == VIDEO_DONE) {
        return 1.0;
    }
    if (video->row.frames_total <= 0) {
        return -1.0;
    }
    const double share = (double)video->row.frames_done / (double)video->row.frames_total;
    return share < 1.0 ? share : 1.0;
}

static bool is_open(VideoState state)
{
    return state == VIDEO_QUEUED || state == VIDEO_RUNNING || state == VIDEO_WAITING ||
           state == VIDEO_PAUSED || state == VIDEO_STOPPED;
}

/* Bytes of input a second that its worker goes through. */
static double speed_of(const VideoView *video)
{
    const VideoRow *row = &video->row;
    return row->frames_total > 0 && row->fps > 0 && row->input_bytes > 0
               ? row->fps * (double)row->input_bytes / (double)row->frames_total
               : 0.0;
}

Standing snapshot_standing(const Snapshot *snapshot)
{
    Standing standing = {.eta_s = -1.0};
    double all = 0;
    double done = 0;
    double speed = 0;
    for (size_t i = 0; i < snapshot->count; i++) {
        const VideoView *video = &snapshot->videos[i];
        standing.counts[video->state]++;
        standing.unfinished += is_open(video->state);
        if (video->state == VIDEO_DONE || is_open(video->state)) {
            /* one byte more: files whose size is unknown count too */
            const double bytes = 1.0 + (double)(video->row.input_bytes > 0 ? video->row.input_bytes : 0);
            const double share = video_view_share(video);
            all += bytes;
            done += share > 0 ? share * bytes : 0.0;
            speed += video->state == VIDEO_RUNNING ? speed_of(video) : 0.0;
        }
    }
    standing.share = all > 0 ? done / all : 0.0;
    if (standing.unfinished == 0) {
        standing.eta_s = 0;
    } else if (speed > 0) {
        standing.eta_s = (all - done) / speed;
    }
    return standing;
}

double video_view_chunk_left_s(const VideoView *video, double chunk_seconds)
{
    const VideoRow *row = &video->row;
    if (row->fps <= 0 || row->duration_s <= 0 || row->frames_total <= 0 || chunk_seconds <= 0) {
        return -1.0;
    }
    const double rate = (double)row->frames_total / row->duration_s;
    const double chunk = chunk_seconds * rate;
    const double begun = (double)(row->frames_done - video->chunk_frames);
    double left = chunk - (begun > 0 ? begun : 0);
    left = left > 0 ? left : 0;
    const double to_the_end = (double)(row->frames_total - row->frames_done);
    left = to_the_end >= 0 && to_the_end < left ? to_the_end : left;
    return left / row->fps;
}
