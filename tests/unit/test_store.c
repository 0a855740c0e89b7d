#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/text.h"
#include "store_fixture.h"

/* ---- rows ---- */

static void everything_about_a_video_comes_back(void **state)
{
    const Fixture *fixture = *state;
    Store *store = fixture_open(fixture, STORE_WRITE, STORE_MADE);
    VideoRow row = {
        .output = (char[]){"face_1.mp4"},
        .input =
            (char[]){"in/\xff\n1.mp4"}, /* not UTF-8, and a line break: it is what the file is found by */
        .work = (char[]){"face_1.mp4"},
        .recipe = (char[]){"{}"},
        .key = "0123456789abcdef0123456789abcdef",
        .state = VIDEO_DONE,
        .position = 7,
        .input_bytes = 1234567890123,
        .frames_total = 300,
        .frames_done = 299,
        .fps = 12.5,
        .duration_s = 10.25,
        .rss_bytes = 1 << 20,
        .peak_rss_bytes = 2 << 20,
        .worker = 4711,
        .changed_s = 1795487371.25,
        .output_bytes = 98765,
        .output_mtime_ns = INT64_C(1795487371123456789),
        .result = {.frames = 299, .frames_changed = 250, .elapsed_s = 24.5, .busy_s = {1, 2, 3, 4.125}},
        .note = "made anew: it was asked for",
    };
    error_set(&row.error, ERROR_MEMORY, "cannot go on", "clip.mp4", "no memory");
    error_advise(&row.error, "close something");
    assert_int_equal(store_video_save(store, &row, NULL), STATUS_OK);
    assert_true(row.id > 0);
    store_close(&store);

    store = fixture_open(fixture, STORE_READ, STORE_FOUND);
    VideoRow back;
    assert_int_equal(store_video_find(store, "face_1.mp4", &back, NULL), STATUS_OK);
    assert_true(back.id == row.id);
    assert_string_equal(back.output, row.output);
    assert_string_equal(back.input, row.input);
    assert_string_equal(back.work, row.work);
    assert_string_equal(back.recipe, row.recipe);
    assert_string_equal(back.key, row.key);
    assert_int_equal(back.state, row.state);
    assert_int_equal(back.position, 7);
    assert_true(back.input_bytes == row.input_bytes && back.frames_total == 300 && back.frames_done == 299);
    assert_true(back.fps == 12.5 && back.duration_s == 10.25 && back.changed_s == row.changed_s);
    assert_true(back.rss_bytes == row.rss_bytes && back.peak_rss_bytes == row.peak_rss_bytes);
    assert_true(back.worker == 4711 && back.output_bytes == 98765);
    assert_true(back.output_mtime_ns == row.output_mtime_ns);
    assert_memory_equal(&back.result, &row.result, sizeof row.result);
    assert_memory_equal(&back.error, &row.error, sizeof row.error);
    assert_string_equal(back.note, row.note);
    video_row_free(&back);
    assert_int_equal(store_video_find(store, "face_2.mp4", &back, NULL), STATUS_AGAIN);
    assert_null(back.output);
    assert_int_equal(store_rows_skipped(store), 0);
    store_close(&store);
}

static void saving_again_replaces_by_the_output(void **state)
{
    const Fixture *fixture = *state;
    Store *store = fixture_open(fixture, STORE_WRITE, STORE_MADE);
    const int64_t id = fixture_video(store, "a.mp4", VIDEO_RUNNING, 1);
    VideoRow row = {
        .output = (char[]){"a.mp4"}, .input = (char[]){"b"}, .state = VIDEO_QUEUED, .input_bytes = -1};
    assert_int_equal(store_video_save(store, &row, NULL), STATUS_OK);
    assert_true(row.id == id);
    VideoRow back;
    assert_int_equal(store_video_find(store, "a.mp4", &back, NULL), STATUS_OK);
    assert_string_equal(back.input, "b");
    assert_int_equal(back.state, VIDEO_QUEUED);
    assert_null(back.work);
    assert_null(back.recipe);
    assert_string_equal(back.key, "");
    assert_true(back.input_bytes == -1);
    video_row_free(&back);
    store_close(&store);
}

static void progress_changes_nothing_else(void **state)
{
    const Fixture *fixture = *state;
    Store *store = fixture_open(fixture, STORE_WRITE, STORE_MADE);
    VideoRow row = {.id = fixture_video(store, "a.mp4", VIDEO_RUNNING, 1),
                    .frames_done = 55,
                    .fps = 3.5,
                    .rss_bytes = 10,
                    .peak_rss_bytes = 20};
    assert_int_equal(store_video_progress(store, &row, NULL), STATUS_OK);
    VideoRow back;
    assert_int_equal(store_video_find(store, "a.mp4", &back, NULL), STATUS_OK);
    assert_true(back.frames_done == 55 && back.fps == 3.5 && back.rss_bytes == 10 &&
                back.peak_rss_bytes == 20);
    assert_int_equal(back.state, VIDEO_RUNNING);
    assert_string_equal(back.input, "in/a.mp4");
    video_row_free(&back);
    store_close(&store);
}

static bool take_position(void *context, const VideoRow *row)
{
    Text *text = context;
    text_appendf(text, "%d%s ", row->position, row->output);
    return row->position < 4;
}

static void videos_come_by_position(void **state)
{
    const Fixture *fixture = *state;
    Store *store = fixture_open(fixture, STORE_WRITE, STORE_MADE);
    static const int positions[] = {3, 1, 5, 2, 4};
    for (int i = 0; i < 5; i++) {
        (void)fixture_video(store, (char[]){(char)('a' + i), '.', 'm', 'p', '4', 0}, VIDEO_QUEUED,
                            positions[i]);
    }
    Text seen = {0};
    assert_int_equal(store_each_video(store, take_position, &seen, NULL), STATUS_OK);
    assert_string_equal(seen.data, "1b.mp4 2d.mp4 3a.mp4 4e.mp4 ");
    text_free(&seen);
    store_close(&store);
}

static void names_that_lead_elsewhere_are_refused(void **state)
{
    const Fixture *fixture = *state;
    Store *store = fixture_open(fixture, STORE_WRITE, STORE_MADE);
    static const char *const names[] = {"",        ".",           "..",       "../x.mp4",
                                        "a/b.mp4", ".hidden.mp4", "a\nb.mp4", "a\x7f"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        VideoRow row = {
            .output = text_duplicate(names[i]), .input = text_duplicate("x"), .state = VIDEO_QUEUED};
        Error err = {0};
        assert_false(store_is_name(names[i]));
        assert_int_equal(store_video_save(store, &row, &err), STATUS_FAILED);
        assert_int_equal(err.class_, ERROR_INTERNAL);
        video_row_free(&row);
    }
    assert_true(store_is_name("face 1 ..mp4"));
    store_close(&store);
}

static bool take_attempt(void *context, const AttemptRow *row)
{
    AttemptRow *rows = context;
    rows[row->number] = *row;
    return true;
}

static void attempts_are_numbered_over_all_runs(void **state)
{
    const Fixture *fixture = *state;
    Store *store = fixture_open(fixture, STORE_WRITE, STORE_MADE);
    const int64_t video = fixture_video(store, "a.mp4", VIDEO_RUNNING, 1);
    const int64_t other = fixture_video(store, "b.mp4", VIDEO_RUNNING, 2);
    RunRow run = {.began_s = 1, .process = 5, .state = "running"};
    int64_t run_id = 0;
    assert_int_equal(store_run_begin(store, &run, &run_id, NULL), STATUS_OK);
    AttemptRow first = {.video = video, .run = run_id, .began_s = 2, .threads = 4};
    AttemptRow second = {.video = video, .began_s = 3};
    AttemptRow third = {.video = other, .began_s = 4};
    assert_int_equal(store_attempt_begin(store, &first, NULL), STATUS_OK);
    first.ended_s = 2.5;
    text_copy(first.ended, sizeof first.ended, "failed");
    text_copy(first.decision, sizeof first.decision, "again from chunk 3");
    error_set(&first.error, ERROR_CRASH, "the worker ended", "a.mp4", "signal 11");
    first.frames = 100;
    first.chunks = 3;
    first.peak_rss_bytes = 12345;
    first.estimate_bytes = 12000;
    assert_int_equal(store_attempt_save(store, &first, NULL), STATUS_OK);
    assert_int_equal(store_attempt_begin(store, &second, NULL), STATUS_OK);
    /* Its beginning was never saved: it is whole all the same. */
    assert_int_equal(store_attempt_save(store, &third, NULL), STATUS_OK);
    assert_int_equal(first.number, 1);
    assert_int_equal(second.number, 2);
    assert_int_equal(third.number, 1);
    assert_true(third.id > second.id);

    AttemptRow rows[3] = {0};
    assert_int_equal(store_each_attempt(store, video, take_attempt, rows, NULL), STATUS_OK);
    assert_memory_equal(&rows[1], &first, sizeof first);
    assert_memory_equal(&rows[2], &second, sizeof second);
    store_close(&store);
}

static void attempt_that_was_rolled_back_takes_no_other_ones_place(void **state)
{
    const Fixture *fixture = *state;
    Store *store = fixture_open(fixture, STORE_WRITE, STORE_MADE);
    const int64_t video = fixture_video(store, "a.mp4", VIDEO_RUNNING, 1);
    AttemptRow lost = {.video = video, .began_s = 1};
    AttemptRow kept = {.video = video, .began_s = 2, .frames = 5};
    const ChunkReport chunk = {.checksum = "0123456789abcdef0123456789abcdef"};
    store_begin(store);
    assert_int_equal(store_attempt_begin(store, &lost, NULL), STATUS_OK);
    assert_int_equal(store_chunk_save(store, 999, &chunk, NULL), STATUS_FAILED);
    assert_int_equal(store_commit(store, true, NULL), STATUS_FAILED);
    assert_int_equal(store_attempt_begin(store, &kept, NULL), STATUS_OK);
    assert_int_equal(store_attempt_save(store, &lost, NULL), STATUS_OK);
    assert_int_equal(store_attempt_save(store, &kept, NULL), STATUS_OK);
    AttemptRow rows[3] = {0};
    assert_int_equal(store_each_attempt(store, video, take_attempt, rows, NULL), STATUS_OK);
    assert_memory_equal(&rows[1], &kept, sizeof kept);
    assert_memory_equal(&rows[2], &lost, sizeof lost);
    store_close(&store);
}

static bool take_chunk(void *context, const ChunkReport *chunk)
{
    ChunkReport *chunks = context;
    chunks[chunk->index] = *chunk;
    return true;
}

static void chunks_are_replaced_and_forgotten(void **state)
{
    const Fixture *fixture = *state;
    Store *store = fixture_open(fixture, STORE_WRITE, STORE_MADE);
    const int64_t video = fixture_video(store, "a.mp4", VIDEO_RUNNING, 1);
    ChunkReport chunk = {.index = 1,
                         .first_frame = 250,
                         .frames = 250,
                         .packets = 249,
                         .bytes = 1 << 20,
                         .checksum = "0123456789abcdef0123456789abcdef"};
    assert_int_equal(store_chunk_save(store, video, &chunk, NULL), STATUS_OK);
    chunk.reused = true;
    chunk.last = true;
    assert_int_equal(store_chunk_save(store, video, &chunk, NULL), STATUS_OK);
    chunk.index = 0;
    assert_int_equal(store_chunk_save(store, video, &chunk, NULL), STATUS_OK);
    ChunkReport chunks[2] = {0};
    assert_int_equal(store_each_chunk(store, video, take_chunk, chunks, NULL), STATUS_OK);
    assert_memory_equal(&chunks[0], &chunk, sizeof chunk);
    chunk.index = 1;
    assert_memory_equal(&chunks[1], &chunk, sizeof chunk);

    assert_int_equal(store_chunks_forget(store, video, NULL), STATUS_OK);
    ChunkReport none[2] = {0};
    assert_int_equal(store_each_chunk(store, video, take_chunk, none, NULL), STATUS_OK);
    assert_int_equal(none[1].frames, 0);

    Error err = {0};
    assert_int_equal(store_chunk_save(store, 999, &chunk, &err), STATUS_FAILED);
    assert_int_equal(err.class_, ERROR_INTERNAL);
    store_close(&store);
}

static void last_run_is_told(void **state)
{
    const Fixture *fixture = *state;
    Store *store = fixture_open(fixture, STORE_WRITE, STORE_MADE);
    RunRow back;
    assert_int_equal(store_last_run(store, &back, NULL), STATUS_AGAIN);
    RunRow run = {.began_s = 1,
                  .process = 5,
                  .host = "machine",
                  .version = "0.1.0",
                  .state = "running",
                  .planned = 9,
                  .options = (char[]){"{\"jobs\":1}"}};
    int64_t first = 0;
    int64_t second = 0;
    assert_int_equal(store_run_begin(store, &run, &first, NULL), STATUS_OK);
    run.began_s = 2;
    assert_int_equal(store_run_begin(store, &run, &second, NULL), STATUS_OK);
    assert_int_equal(store_run_state(store, second, "waiting_for_space", "1.5 GB short", NULL), STATUS_OK);
    assert_int_equal(store_last_run(store, &back, NULL), STATUS_OK);
    assert_true(back.id == second && back.began_s == 2 && back.ended_s == 0 && back.process == 5);
    assert_string_equal(back.host, "machine");
    assert_string_equal(back.version, "0.1.0");
    assert_string_equal(back.state, "waiting_for_space");
    assert_string_equal(back.note, "1.5 GB short");
    assert_string_equal(back.options, run.options);
    assert_int_equal(back.planned, 9);
    memory_free(back.options);
    assert_int_equal(store_run_end(store, second, NULL), STATUS_OK);
    assert_int_equal(store_last_run(store, &back, NULL), STATUS_OK);
    assert_string_equal(back.state, "over");
    assert_string_equal(back.note, "");
    assert_true(back.ended_s > 1e9);
    memory_free(back.options);
    store_close(&store);
}

static void states_have_stable_names(void **state)
{
    (void)state;
    for (int i = VIDEO_NONE + 1; i < VIDEO_STATE_COUNT; i++) {
        assert_int_equal(video_state_from_name(video_state_name((VideoState)i)), i);
        assert_string_not_equal(video_state_name((VideoState)i), "");
    }
    assert_int_equal(video_state_from_name(""), VIDEO_NONE);
    assert_int_equal(video_state_from_name("set_asid"), VIDEO_NONE);
    assert_string_equal(video_state_name((VideoState)99), "");
    assert_string_equal(video_state_name(VIDEO_SET_ASIDE), "set_aside");
}

/* ---- transactions ---- */

static void batch_of_writes_is_all_or_nothing(void **state)
{
    const Fixture *fixture = *state;
    Store *store = fixture_open(fixture, STORE_WRITE, STORE_MADE);
    const ChunkReport chunk = {.checksum = "0123456789abcdef0123456789abcdef"};
    store_begin(store);
    (void)fixture_video(store, "a.mp4", VIDEO_QUEUED, 1);
    assert_int_equal(store_chunk_save(store, 999, &chunk, NULL), STATUS_FAILED);
    Error err = {0};
    VideoRow row = {.output = (char[]){"b.mp4"}, .input = (char[]){"b"}, .state = VIDEO_QUEUED};
    assert_int_equal(store_video_save(store, &row, &err), STATUS_FAILED);
    assert_true(error_is_set(&err));
    error_clear(&err);
    assert_int_equal(store_commit(store, true, &err), STATUS_FAILED);
    assert_int_equal(err.class_, ERROR_INTERNAL);
    assert_int_equal(fixture_count(store), 0);

    store_begin(store);
    (void)fixture_video(store, "a.mp4", VIDEO_QUEUED, 1);
    (void)fixture_video(store, "b.mp4", VIDEO_QUEUED, 2);
    assert_int_equal(store_commit(store, true, NULL), STATUS_OK);
    assert_int_equal(fixture_count(store), 2);
    store_close(&store);
}

/* ---- samples and events ---- */

enum { SERIES_MOST = 1024 };

typedef struct Series {
    int count;
    double first_s;
    double last_s;
    double widest_s; /* between two of them */
    int64_t peak;
} Series;

typedef struct Seen {
    int count;
    bool in_order;
    double before;
    Series of[SERIES_MOST]; /* by video; 0: the machine */
} Seen;

static bool take_sample(void *context, const SampleRow *sample)
{
    Seen *seen = context;
    Series *series = &seen->of[sample->video % SERIES_MOST];
    seen->in_order = (seen->count == 0 || seen->in_order) && sample->wall_s >= seen->before;
    seen->before = sample->wall_s;
    seen->count++;
    if (series->count++ == 0) {
        series->first_s = sample->wall_s;
    } else if (sample->wall_s - series->last_s > series->widest_s) {
        series->widest_s = sample->wall_s - series->last_s;
    }
    series->last_s = sample->wall_s;
    series->peak = sample->rss_bytes > series->peak ? sample->rss_bytes : series->peak;
    return true;
}

static Seen *see_samples(Store *store, int64_t run)
{
    Seen *seen = memory_alloc(1, sizeof *seen);
    assert_int_equal(store_each_sample(store, run, take_sample, seen, NULL), STATUS_OK);
    return seen;
}

/* Four a second: of the machine, and of one video after the other, `length` each. A video's memory is its
 * number, but for one sample early on. */
static void add_samples(Store *store, int from, int to, int length)
{
    store_begin(store);
    for (int i = from; i < to; i++) {
        const int video = 1 + i / length;
        const bool is_peak = i % length == length / 8;
        assert_int_equal(store_sample(store, 1, 0, 1000.0 + i / 4.0, i == 100 ? 77 : 5, 100, NULL),
                         STATUS_OK);
        assert_int_equal(
            store_sample(store, 1, video, 1000.0 + i / 4.0, video + (is_peak ? 5000 : 0), 0, NULL),
            STATUS_OK);
    }
    assert_int_equal(store_commit(store, false, NULL), STATUS_OK);
}

static void thinned_samples_show_all_of_the_run(void **state)
{
    const Fixture *fixture = *state;
    Store *store = fixture_open(fixture, STORE_WRITE, STORE_MADE);
    enum { HALF = STORE_SAMPLES_MOST / 2, LENGTH = 2000, VIDEOS = 65, ALL = LENGTH * VIDEOS };
    add_samples(store, 0, HALF, LENGTH);
    Seen *full = see_samples(store, 0);
    assert_int_equal(full->count, STORE_SAMPLES_MOST);
    assert_int_equal(full->of[0].count, HALF);
    memory_free(full);
    store_close(&store);

    store = fixture_open(fixture, STORE_WRITE, STORE_FOUND); /* counted anew */
    add_samples(store, HALF, HALF + 1, LENGTH);
    Seen *thinned = see_samples(store, 1);
    assert_in_range(thinned->count, STORE_SAMPLES_MOST / 4, STORE_SAMPLES_MOST / 2 + 2);
    assert_true(thinned->in_order);
    memory_free(thinned);

    /* Nine hours: each video with its peak, from its beginning to its end; and the machine. */
    add_samples(store, HALF + 1, ALL, LENGTH);
    Seen *seen = see_samples(store, 0);
    assert_in_range(seen->count, STORE_SAMPLES_MOST / 4, STORE_SAMPLES_MOST);
    assert_true(seen->in_order);
    for (int video = 1; video <= VIDEOS; video++) {
        const Series *series = &seen->of[video];
        const double began_s = 1000.0 + (video - 1) * LENGTH / 4.0;
        assert_int_equal(series->peak, video + 5000);
        assert_true(series->count >= 32);
        assert_true(series->first_s - began_s < LENGTH / 4.0 / 32);
        assert_true(began_s + LENGTH / 4.0 - series->last_s < LENGTH / 4.0 / 32);
        assert_true(series->widest_s < LENGTH / 4.0 / 16);
    }
    assert_int_equal(seen->of[0].peak, 77);
    assert_true(seen->of[0].count >= 500);
    assert_true(seen->of[0].first_s < 1000.0 + ALL / 4.0 / 100);
    assert_true(seen->of[0].widest_s < ALL / 4.0 / 100);
    memory_free(seen);
    Seen *none = see_samples(store, 2);
    assert_int_equal(none->count, 0);
    memory_free(none);
    store_close(&store);
}

static void every_short_video_keeps_its_peak(void **state)
{
    const Fixture *fixture = *state;
    Store *store = fixture_open(fixture, STORE_WRITE, STORE_MADE);
    enum { LENGTH = 60, VIDEOS = 1000 };
    add_samples(store, 0, LENGTH * VIDEOS, LENGTH);
    Seen *seen = see_samples(store, 0);
    assert_in_range(seen->count, STORE_SAMPLES_MOST / 4, STORE_SAMPLES_MOST);
    for (int video = 1; video <= VIDEOS; video++) {
        assert_int_equal(seen->of[video].peak, video + 5000);
        assert_true(seen->of[video].count >= 4);
    }
    assert_true(seen->of[0].widest_s < LENGTH * VIDEOS / 4.0 / 32);
    memory_free(seen);
    store_close(&store);
}

/* More than there may be samples: the newest stay. */
static void series_without_end_are_bounded_too(void **state)
{
    const Fixture *fixture = *state;
    Store *store = fixture_open(fixture, STORE_WRITE, STORE_MADE);
    enum { VIDEOS = 2 * STORE_SAMPLES_MOST };
    add_samples(store, 0, VIDEOS, 1);
    Seen *seen = see_samples(store, 0);
    assert_in_range(seen->count, STORE_SAMPLES_MOST / 4, STORE_SAMPLES_MOST);
    assert_true(seen->before + 1 > 1000.0 + VIDEOS / 4.0);
    memory_free(seen);
    store_close(&store);
}

static bool take_event(void *context, const EventRow *event)
{
    Text *text = context;
    text_appendf(text, "%s:%s:%lld ", event->kind, event->text, (long long)event->video);
    return true;
}

static bool count_event(void *context, const EventRow *event)
{
    int64_t *range = context;
    range[0] = range[0] == 0 ? event->id : range[0];
    range[1] = event->id;
    return true;
}

static void oldest_events_go(void **state)
{
    const Fixture *fixture = *state;
    Store *store = fixture_open(fixture, STORE_WRITE, STORE_MADE);
    assert_int_equal(store_event(store, 1, 2, 3.5, "video_done", "a\033[1m", NULL), STATUS_OK);
    assert_int_equal(store_event(store, 1, 0, 3.5, "batch", "", NULL), STATUS_OK);
    Text text = {0};
    assert_int_equal(store_each_event(store, 0, take_event, &text, NULL), STATUS_OK);
    assert_string_equal(text.data, "video_done:a?[1m:2 batch::0 ");
    text_free(&text);
    assert_int_equal(store_each_event(store, 1, take_event, &text, NULL), STATUS_OK);
    assert_string_equal(text.data, "batch::0 ");
    text_free(&text);

    store_begin(store);
    for (int i = 2; i < STORE_EVENTS_MOST + 500; i++) {
        assert_int_equal(store_event(store, 1, 0, i, "x", "y", NULL), STATUS_OK);
    }
    assert_int_equal(store_commit(store, false, NULL), STATUS_OK);
    int64_t range[2] = {0};
    assert_int_equal(store_each_event(store, 0, count_event, range, NULL), STATUS_OK);
    assert_int_equal(range[0], 501);
    assert_int_equal(range[1], STORE_EVENTS_MOST + 500);
    store_close(&store);
}

/* ---- requests ---- */

static void requests_reach_the_supervisor_in_order(void **state)
{
    const Fixture *fixture = *state;
    Store *store = fixture_open(fixture, STORE_WRITE, STORE_MADE);
    Store *reader = fixture_open(fixture, STORE_READ, STORE_FOUND);
    Request request;
    assert_int_equal(store_take_request(store, &request, NULL), STATUS_AGAIN);
    assert_int_equal(store_ask(reader, REQUEST_PAUSE, NULL, NULL), STATUS_OK);
    assert_int_equal(store_ask(reader, REQUEST_CANCEL, "a.mp4", NULL), STATUS_OK);
    assert_int_equal(store_take_request(store, &request, NULL), STATUS_OK);
    assert_int_equal(request.kind, REQUEST_PAUSE);
    assert_null(request.output);
    assert_int_equal(store_take_request(store, &request, NULL), STATUS_OK);
    assert_int_equal(request.kind, REQUEST_CANCEL);
    assert_string_equal(request.output, "a.mp4");
    memory_free(request.output);
    assert_int_equal(store_take_request(store, &request, NULL), STATUS_AGAIN);
    assert_int_equal(store_take_request(store, &request, NULL), STATUS_AGAIN);

    assert_int_equal(store_ask(store, REQUEST_CONTINUE, NULL, NULL), STATUS_OK); /* by itself */
    assert_int_equal(store_take_request(store, &request, NULL), STATUS_OK);
    assert_int_equal(request.kind, REQUEST_CONTINUE);

    /* What was asked of an earlier run is not for the next. */
    assert_int_equal(store_ask(reader, REQUEST_PAUSE, NULL, NULL), STATUS_OK);
    const RunRow run = {.state = "running"};
    int64_t id = 0;
    assert_int_equal(store_run_begin(store, &run, &id, NULL), STATUS_OK);
    assert_int_equal(store_take_request(store, &request, NULL), STATUS_AGAIN);
    store_close(&reader);
    store_close(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(everything_about_a_video_comes_back),
        FIXTURE_TEST(saving_again_replaces_by_the_output),
        FIXTURE_TEST(progress_changes_nothing_else),
        FIXTURE_TEST(videos_come_by_position),
        FIXTURE_TEST(names_that_lead_elsewhere_are_refused),
        FIXTURE_TEST(attempts_are_numbered_over_all_runs),
        FIXTURE_TEST(attempt_that_was_rolled_back_takes_no_other_ones_place),
        FIXTURE_TEST(chunks_are_replaced_and_forgotten),
        FIXTURE_TEST(last_run_is_told),
        cmocka_unit_test(states_have_stable_names),
        FIXTURE_TEST(batch_of_writes_is_all_or_nothing),
        FIXTURE_TEST(thinned_samples_show_all_of_the_run),
        FIXTURE_TEST(every_short_video_keeps_its_peak),
        FIXTURE_TEST(series_without_end_are_bounded_too),
        FIXTURE_TEST(oldest_events_go),
        FIXTURE_TEST(requests_reach_the_supervisor_in_order),
    };
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
