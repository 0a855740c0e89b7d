/* What inputs are: asked of the fake worker, kept in the store. */
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "batch/inputs.h"
#include "store_fixture.h"

enum { VIDEOS = 12, TIMEOUT_MS = 1500 };

typedef struct Bench {
    const Fixture *fixture;
    Settings settings;
    BatchHooks hooks;
    PlanItem items[VIDEOS];
    Plan plan;
    InputLook looks[VIDEOS];
} Bench;

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* Files that the fake worker answers for by their names. */
static void bench_make(Bench *bench, const Fixture *fixture, const char *const *names, size_t count)
{
    *bench = (Bench){.fixture = fixture};
    settings_defaults(&bench->settings);
    bench->hooks.worker_executable = getenv("RUNBATCH_FAKE_WORKER");
    bench->hooks.probe_timeout_ms = TIMEOUT_MS;
    assert_true(count <= VIDEOS);
    for (size_t i = 0; i < count; i++) {
        bench->items[i].input = text_format("%s/%s", fixture->output_dir, names[i]);
        write_file(bench->items[i].input, names[i]);
    }
    bench->plan.items = bench->items;
    bench->plan.count = count;
}

static void bench_free(Bench *bench)
{
    inputs_free(bench->looks, bench->plan.count);
    for (size_t i = 0; i < bench->plan.count; i++) {
        memory_free(bench->items[i].input);
    }
    settings_free(&bench->settings);
}

static void look(Bench *bench, Store *store)
{
    Error err = {0};
    inputs_free(bench->looks, bench->plan.count);
    if (inputs_look(&bench->settings, &bench->plan, store, &bench->hooks, bench->looks, &err) != STATUS_OK) {
        fail_msg("%s", err.why);
    }
}

static void bad_files_harm_no_others(void **state)
{
    static const char *const names[] = {"a.mp4", "deadly.mp4", "b.mp4", "strange.mp4", "mute.mp4",
                                        "c.mp4", "broken.mp4", "d.mp4", "deadly2.mp4", "e.mp4"};
    enum { COUNT = sizeof names / sizeof names[0] };
    static const ErrorClass expected[COUNT] = {
        [1] = ERROR_CRASH, [3] = ERROR_CRASH, [4] = ERROR_TIMEOUT, [6] = ERROR_INPUT, [8] = ERROR_CRASH};
    Bench bench;
    bench_make(&bench, *state, names, COUNT);
    const int64_t began_ms = clock_now_ms();
    look(&bench, NULL);
    assert_in_range(clock_now_ms() - began_ms, 0, (uintmax_t)20 * TIMEOUT_MS);
    for (size_t i = 0; i < COUNT; i++) {
        const InputLook *found = &bench.looks[i];
        assert_int_equal(found->known, expected[i] == ERROR_NONE);
        assert_int_equal(found->error != NULL, !found->known);
        if (found->known) {
            assert_true(found->look.width == 64 && found->look.height == 48 && found->look.frames == 24);
        } else {
            assert_int_equal(found->error->class_, expected[i]);
            assert_true(found->error->what[0] != '\0' && found->error->why[0] != '\0');
            assert_string_equal(found->error->file, bench.items[i].input);
        }
    }
    assert_string_equal(bench.looks[6].error->why, "it is broken");
    bench_free(&bench);
}

static void what_is_known_is_not_asked_again(void **state)
{
    static const char *const names[] = {"a.mp4", "b.mp4", "broken.mp4"};
    Bench bench;
    bench_make(&bench, *state, names, 3);
    Store *store = fixture_open(*state, STORE_WRITE, STORE_MADE);
    look(&bench, store);
    assert_false(bench.looks[0].stored);
    assert_int_equal(inputs_save(store, &bench.plan, bench.looks, NULL), STATUS_OK);
    assert_true(bench.looks[0].stored);
    store_close(&store);

    store = fixture_open(*state, STORE_READ, STORE_FOUND);
    MediaLook known;
    assert_int_equal(input_known(store, bench.items[1].input, &known, NULL), STATUS_OK);
    assert_string_equal(known.codec, "fake");
    assert_int_equal(input_known(store, bench.items[2].input, &known, NULL), STATUS_AGAIN);
    assert_int_equal(input_known(store, "nowhere.mp4", &known, NULL), STATUS_AGAIN);
    assert_int_equal(input_known(NULL, bench.items[1].input, &known, NULL), STATUS_AGAIN);
    /* nobody is asked about these two: there is no such program */
    bench.hooks.worker_executable = "/nonexistent/worker";
    bench.plan.count = 2;
    look(&bench, store);
    assert_true(bench.looks[0].known && bench.looks[0].stored && bench.looks[1].stored);
    assert_int_equal(bench.looks[0].look.width, 64);
    /* a file that changed is */
    write_file(bench.items[0].input, "longer than before");
    Error err = {0};
    assert_int_equal(inputs_look(&bench.settings, &bench.plan, store, &bench.hooks, bench.looks, &err),
                     STATUS_FAILED);
    assert_int_equal(err.class_, ERROR_ENVIRONMENT);
    bench.hooks.worker_executable = getenv("RUNBATCH_FAKE_WORKER");
    look(&bench, store);
    assert_true(bench.looks[0].known && !bench.looks[0].stored && bench.looks[1].stored);
    store_close(&store);
    bench.plan.count = 3;
    bench_free(&bench);
}

static void rows_that_cannot_be_are_passed_over(void **state)
{
    const Fixture *fixture = *state;
    const MediaLook saved = {.container = "mov,mp4",
                             .codec = "h264",
                             .pixel_format = "yuv420p",
                             .width = 5,
                             .frame_rate = 29.97,
                             .duration_s = 1e6,
                             .frames = INT64_C(1) << 40};
    MediaLook back;
    Store *store = fixture_open(fixture, STORE_WRITE, STORE_MADE);
    assert_int_equal(store_input_save(store, "in/\xff.mp4", 7, -8, &saved, NULL), STATUS_OK);
    assert_int_equal(store_input_find(store, "in/\xff.mp4", 7, -8, &back, NULL), STATUS_OK);
    assert_memory_equal(&back, &saved, sizeof saved);
    assert_int_equal(store_input_find(store, "in/\xff.mp4", -1, 0, &back, NULL), STATUS_OK);
    assert_int_equal(store_input_find(store, "in/\xff.mp4", 7, -9, &back, NULL), STATUS_AGAIN);
    assert_int_equal(store_input_find(store, "in/\xff.mp4", 8, -8, &back, NULL), STATUS_AGAIN);
    assert_int_equal(back.width, 0);
    store_close(&store);
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(fixture->db, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "UPDATE inputs SET look = replace(look, '5', '-5')", NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    store = fixture_open(fixture, STORE_READ, STORE_FOUND);
    assert_int_equal(store_input_find(store, "in/\xff.mp4", 7, -8, &back, NULL), STATUS_AGAIN);
    assert_int_equal(back.width, 0);
    assert_int_equal(store_rows_skipped(store), 1);
    store_close(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(bad_files_harm_no_others),
        FIXTURE_TEST(what_is_known_is_not_asked_again),
        FIXTURE_TEST(rows_that_cannot_be_are_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
