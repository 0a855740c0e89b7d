#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "snapshot_fixture.h"
#include "ui/promise.h"

static void what_is_asked_fits_the_state(void **state)
{
    (void)state;
    static const struct {
        RunState run;
        VideoState video;
        RequestKind kind;
        bool asks;
        const char *text;
    } cases[] = {
        {RUN_RUNNING, VIDEO_RUNNING, REQUEST_PAUSE, true, "pauses at the end of its chunk"},
        {RUN_RUNNING, VIDEO_QUEUED, REQUEST_PAUSE, true, "is not begun until runbatch continue"},
        {RUN_RUNNING, VIDEO_PAUSED, REQUEST_PAUSE, false, "paused: nothing changes"},
        {RUN_RUNNING, VIDEO_DONE, REQUEST_PAUSE, false, "done: nothing changes"},
        {RUN_RUNNING, VIDEO_PAUSED, REQUEST_CONTINUE, true, "goes on"},
        {RUN_RUNNING, VIDEO_RUNNING, REQUEST_CONTINUE, true, "goes on"},
        {RUN_RUNNING, VIDEO_QUEUED, REQUEST_CONTINUE, false, "queued: nothing changes"},
        {RUN_PAUSED, VIDEO_QUEUED, REQUEST_CONTINUE, true, "goes on"},
        {RUN_PAUSED, VIDEO_DONE, REQUEST_CONTINUE, false, "done: nothing changes"},
        {RUN_RUNNING, VIDEO_RUNNING, REQUEST_CANCEL, true, "is given up at once"},
        {RUN_RUNNING, VIDEO_WAITING, REQUEST_CANCEL, true, "is given up, what there is of it is removed"},
        {RUN_RUNNING, VIDEO_FAILED, REQUEST_CANCEL, false, "failed: nothing changes"},
        {RUN_OVER, VIDEO_FAILED, REQUEST_CANCEL, true, "is given up, what there is of it is removed"},
        {RUN_KILLED, VIDEO_STOPPED, REQUEST_CANCEL, true, "is given up, what there is of it is removed"},
        {RUN_OVER, VIDEO_DONE, REQUEST_CANCEL, false, "done: nothing changes"},
        {RUN_OVER, VIDEO_CANCELLED, REQUEST_CANCEL, false, "cancelled: nothing changes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Snapshot snapshot;
        fixture_begin(&snapshot);
        snapshot.run_state = cases[i].run;
        const VideoView *video = fixture_clip(&snapshot, cases[i].video);
        const Promise promise = promise_of(&snapshot, video, cases[i].kind, 10);
        if (promise.asks != cases[i].asks ||
            strncmp(promise.text, cases[i].text, strlen(cases[i].text)) != 0) {
            fail_msg("case %zu: %d '%s'", i, promise.asks, promise.text);
        }
        snapshot_free(&snapshot);
    }
}

static void a_pause_tells_how_long_it_takes(void **state)
{
    (void)state;
    Snapshot snapshot;
    fixture_begin(&snapshot);
    VideoView *video = fixture_clip(&snapshot, VIDEO_RUNNING);
    fixture_chunks(video, 4);
    video->row.frames_done = 1050; /* 200 of 250 frames are left */
    video->row.fps = 25;
    Promise promise = promise_of(&snapshot, video, REQUEST_PAUSE, 10);
    assert_string_equal(promise.text, "pauses at the end of its chunk, within about 9 s");
    assert_true(promise.within_s > 8.9 && promise.within_s < 9.1);
    promise = promise_of(&snapshot, video, REQUEST_PAUSE, 60); /* the run's chunks are longer */
    assert_string_equal(promise.text, "pauses at the end of its chunk, within about 59 s");
    promise = promise_of(&snapshot, video, REQUEST_PAUSE, 0); /* not told */
    assert_true(promise.asks && promise.within_s < 0);
    video->state = VIDEO_PAUSED;
    promise = promise_of(&snapshot, video, REQUEST_CONTINUE, 10);
    assert_string_equal(promise.text, "goes on at frame 1000");
    snapshot_free(&snapshot);
}

static void the_whole_batch(void **state)
{
    (void)state;
    Snapshot snapshot;
    fixture_begin(&snapshot);
    assert_true(promise_of_all(&snapshot, REQUEST_PAUSE).asks);
    snapshot.run_state = RUN_PAUSED;
    assert_false(promise_of_all(&snapshot, REQUEST_PAUSE).asks);
    assert_true(promise_of_all(&snapshot, REQUEST_CONTINUE).asks);
    assert_true(promise_of_all(&snapshot, REQUEST_CANCEL).asks);
    assert_string_equal(request_name(REQUEST_CONTINUE), "continue");
    snapshot_free(&snapshot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_asked_fits_the_state),
        cmocka_unit_test(a_pause_tells_how_long_it_takes),
        cmocka_unit_test(the_whole_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
