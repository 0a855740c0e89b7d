#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/files.h"
#include "batch/cleaner.h"
#include "batch_bench.h"
#include "worker/frame_store.h"

static const double day_s = 86400.0;

/* A store with a row for each of these states, "NAME.mp4"; their inputs are there. */
static Store *make_store(Bench *bench, VideoState state, const char *const *names, size_t count)
{
    Store *store = NULL;
    assert_int_equal(store_open(&store, bench->plan.state_dir, STORE_WRITE, NULL, NULL, NULL), STATUS_OK);
    for (size_t i = 0; i < count; i++) {
        VideoRow row = {.output = text_format("%s.mp4", names[i]),
                        .input = bench_path(bench, "in/%s.mp4", names[i]),
                        .work = text_format("%s.mp4", names[i]),
                        .state = state,
                        .changed_s = clock_wall_s()};
        bench_put(bench, "in/any.mp4", "");
        char *input = text_format("in/%s.mp4", names[i]);
        bench_put(bench, input, "");
        assert_int_equal(store_video_save(store, &row, NULL), STATUS_OK);
        memory_free(input);
        video_row_free(&row);
    }
    return store;
}

static void put_work(const Bench *bench, const char *name)
{
    static const char *const files[] = {"chunk-000000.rbc", "chunk-000001.part", "recipe.json",
                                        "frames/frame-00000001.png", "frames/frame-00000002.jpg.part"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char *path = text_format("out/.runbatch/work/%s.mp4/%s", name, files[i]);
        bench_put(bench, path, "0123456789");
        memory_free(path);
    }
}

static void make_link(const Bench *bench, const char *target, const char *name)
{
    char *from = bench_path(bench, "%s", name);
    char *to = bench_path(bench, "%s", target);
    assert_int_equal(symlink(to, from), 0);
    memory_free(to);
    memory_free(from);
}

static void set_age(const Bench *bench, const char *name, double days)
{
    char *path = bench_path(bench, "%s", name);
    const struct timespec then = {.tv_sec = (time_t)(clock_wall_s() - days * day_s)};
    const struct timespec times[] = {then, then};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    memory_free(path);
}

static const CleanItem *find_item(const CleanList *list, const char *end)
{
    for (size_t i = 0; i < list->count; i++) {
        if (text_ends_with_nocase(list->items[i].path, end)) {
            return &list->items[i];
        }
    }
    return NULL;
}

static void remove_all(const Bench *bench, const CleanList *list)
{
    for (size_t i = 0; i < list->count; i++) {
        Error err = {0};
        if (cleaner_remove(bench->plan.state_dir, &list->items[i], &err) != STATUS_OK) {
            fail_msg("%s: %s", err.what, err.why);
        }
    }
}

static void find(const Bench *bench, Store *store, CleanList *list)
{
    assert_int_equal(
        cleaner_find(bench->plan.output_dir, bench->plan.state_dir, store, clock_wall_s(), list, NULL),
        STATUS_OK);
}

static void what_is_over_is_found_and_removed(void **state)
{
    Bench *bench = *state;
    static const char *const names[] = {"a", "b"};
    Store *store = make_store(bench, VIDEO_DONE, names, 2);
    put_work(bench, "a");
    bench_put(bench, "out/a.mp4", "an output");
    bench_put(bench, "out/.a.mp4.runbatch-part", "half");
    bench_put(bench, "out/.z.mp4.runbatch-part", "of a video that nobody knows");
    put_work(bench, "z");
    CleanList list;
    find(bench, store, &list);
    assert_int_equal(list.count, 2);
    assert_int_equal(list.bytes, 54);
    const CleanItem *work = find_item(&list, "work/a.mp4");
    assert_non_null(work);
    assert_int_equal(work->kind, CLEAN_WORK);
    assert_int_equal(work->bytes, 50);
    assert_int_equal(work->files, 5);
    assert_string_equal(work->why, "finished");
    assert_string_equal(work->output, "a.mp4");
    assert_false(work->foreign);
    assert_non_null(find_item(&list, ".a.mp4.runbatch-part"));
    /* looking has changed nothing */
    assert_true(bench_has(bench, "out/.runbatch/work/a.mp4/frames/frame-00000001.png"));
    remove_all(bench, &list);
    assert_false(bench_has(bench, "out/.runbatch/work/a.mp4"));
    assert_false(bench_has(bench, "out/.a.mp4.runbatch-part"));
    assert_int_equal(bench_size(bench, "out/a.mp4"), 9);
    assert_true(bench_has(bench, "out/.z.mp4.runbatch-part"));
    assert_true(bench_has(bench, "out/.runbatch/work/z.mp4/chunk-000000.rbc"));
    remove_all(bench, &list); /* gone already: no error */
    clean_list_free(&list);
    store_close(&store);
}

static void what_may_still_be_gone_on_from_stays(void **state)
{
    Bench *bench = *state;
    static const char *const names[] = {"s"};
    static const VideoState states[] = {VIDEO_QUEUED, VIDEO_RUNNING, VIDEO_WAITING,
                                        VIDEO_PAUSED, VIDEO_STOPPED, VIDEO_SET_ASIDE};
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        put_work(bench, "s");
        bench_put(bench, "out/.runbatch/work/s.mp4/frames/frame-00000003.png", "0123456789");
        Store *store = make_store(bench, states[i], names, 1);
        CleanList list;
        find(bench, store, &list);
        /* but for what no worker goes on from */
        assert_int_equal(list.count, 1);
        assert_int_equal(list.items[0].kind, CLEAN_PARTS);
        assert_int_equal(list.items[0].files, 4);
        assert_int_equal(list.items[0].bytes, 40);
        assert_string_equal(list.items[0].why, "unfinished");
        assert_false(list.items[0].foreign);
        assert_int_equal(cleaner_work_bytes(bench->plan.state_dir, "s.mp4", NULL), 60);
        remove_all(bench, &list);
        clean_list_free(&list);
        assert_int_equal(cleaner_work_bytes(bench->plan.state_dir, "s.mp4", NULL), 20);
        assert_true(bench_has(bench, "out/.runbatch/work/s.mp4/recipe.json"));
        assert_false(bench_has(bench, "out/.runbatch/work/s.mp4/frames"));
        find(bench, store, &list);
        assert_int_equal(list.count, 0);
        store_close(&store);
    }
    assert_true(cleaner_has_chunks(bench->plan.state_dir, "s.mp4"));
    assert_false(cleaner_has_chunks(bench->plan.state_dir, "t.mp4"));
}

static void a_work_folder_without_a_whole_chunk_is_of_no_use(void **state)
{
    Bench *bench = *state;
    static const char *const names[] = {"s"};
    put_work(bench, "s");
    char *chunk = bench_path(bench, "out/.runbatch/work/s.mp4/chunk-000000.rbc");
    assert_int_equal(unlink(chunk), 0);
    memory_free(chunk);
    Store *store = make_store(bench, VIDEO_RUNNING, names, 1);
    CleanList list;
    find(bench, store, &list);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.items[0].kind, CLEAN_WORK);
    assert_string_equal(list.items[0].why, "unfinished");
    remove_all(bench, &list);
    assert_false(bench_has(bench, "out/.runbatch/work")); /* which was the last one in it */
    clean_list_free(&list);
    store_close(&store);
}

static void note_run(const Bench *bench, Store *store, const char *temp_dir)
{
    int64_t id = 0;
    char *folder = bench_path(bench, "%s", temp_dir);
    RunRow run = {.options = text_format("{\"temp-dir\": \"%s\"}", folder)};
    assert_int_equal(store_run_begin(store, &run, &id, NULL), STATUS_OK);
    memory_free(run.options);
    memory_free(folder);
}

static char *frames_of(const Bench *bench, const char *temp_dir, const char *output)
{
    char *folder = bench_path(bench, "%s", temp_dir);
    char *path = bench_path(bench, "out/%s.mp4", output);
    char *frames = frame_store_temp_folder(folder, path);
    char *name = text_duplicate(frames + strlen(bench->root) + 1);
    memory_free(frames);
    memory_free(path);
    memory_free(folder);
    return name;
}

static void put_two_frames(const Bench *bench, const char *folder)
{
    static const char *const files[] = {"frame-00000001.png", "frame-00000002.png.part"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char *path = text_format("%s/%s", folder, files[i]);
        bench_put(bench, path, "0123456789");
        memory_free(path);
    }
}

static void frame_files_in_the_temp_dirs_of_all_runs_are_found(void **state)
{
    Bench *bench = *state;
    static const char *const names[] = {"a", "b"};
    Store *store = make_store(bench, VIDEO_STOPPED, names, 2);
    note_run(bench, store, "temp1");
    note_run(bench, store, "temp2");
    note_run(bench, store, "temp1");
    const struct {
        const char *temp_dir;
        const char *output;
        bool ours;
    } folders[] = {
        {"temp1", "a", true},
        {"temp2", "b", true},
        {"temp2", "unknown", false}, /* another batch's, perhaps */
        {"temp3", "a", false},       /* no run was told to use it */
    };
    char *paths[sizeof folders / sizeof folders[0]];
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        paths[i] = frames_of(bench, folders[i].temp_dir, folders[i].output);
        put_two_frames(bench, paths[i]);
    }
    char *mine = text_format("%s/mine.png", paths[1]);
    bench_put(bench, mine, "mine");
    bench_put(bench, "precious/frame-00000001.png", "mine");
    char *link = frames_of(bench, "temp1", "b");
    make_link(bench, "precious", link);
    CleanList list;
    find(bench, store, &list);
    assert_int_equal(list.count, 2);
    assert_int_equal(list.bytes, 40);
    for (size_t i = 0; i < list.count; i++) {
        assert_int_equal(list.items[i].kind, CLEAN_FRAMES);
        assert_int_equal(list.items[i].files, 2);
        assert_true(text_ends_with_nocase(list.items[i].path, paths[i]));
        assert_int_equal(list.items[i].foreign, i == 1);
    }
    remove_all(bench, &list);
    clean_list_free(&list);
    assert_false(bench_has(bench, paths[0]));
    assert_true(bench_has(bench, mine));
    assert_true(bench_has(bench, "temp1"));
    assert_true(bench_has(bench, "precious/frame-00000001.png"));
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        char *file = text_format("%s/frame-00000001.png", paths[i]);
        assert_int_equal(bench_has(bench, file), !folders[i].ours);
        memory_free(file);
        memory_free(paths[i]);
    }
    memory_free(link);
    memory_free(mine);
    store_close(&store);
}

/* As store_set_aside names them. */
static char *aside_name(double age_days, const char *end)
{
    char time[32];
    const time_t then = (time_t)(clock_wall_s() - age_days * day_s);
    struct tm parts;
    (void)strftime(time, sizeof time, "%Y%m%dT%H%M%SZ", gmtime_r(&then, &parts));
    return text_format("out/.runbatch/batch.db.damaged-%s%s", time, end);
}

static void stores_that_were_set_aside_go(void **state)
{
    Bench *bench = *state;
    char *const names[] = {aside_name(29, ""), aside_name(29, "-wal"), aside_name(31, ""),
                           aside_name(31, "-2-shm")};
    const char *const foreign[] = {"out/.runbatch/batch.db",
                                   "out/.runbatch/batch.db.damaged",
                                   "out/.runbatch/batch.db.damaged-20200101",
                                   "out/.runbatch/batch.db.damaged-20200101T000000Z.mine",
                                   "out/.runbatch/batch.db.damaged-20200101T000000Z-x",
                                   "out/.runbatch/batch.db.damaged-   20200101T0000Z",
                                   "out/.runbatch/x.db.damaged-20200101T000000Z"};
    enum { OURS = 4, FOREIGN = sizeof foreign / sizeof foreign[0] };
    for (size_t i = 0; i < OURS; i++) {
        bench_put(bench, names[i], "0123456789");
    }
    for (size_t i = 0; i < FOREIGN; i++) {
        bench_put(bench, foreign[i], "mine");
    }
    bench_put(bench, "out/.runbatch/batch.db.damaged-20200101T000000Z/file", "mine");
    CleanList list;
    find(bench, NULL, &list);
    assert_int_equal(list.count, OURS);
    assert_int_equal(list.bytes, 10 * OURS);
    assert_int_equal(list.items[0].kind, CLEAN_STORE);
    assert_string_equal(list.items[0].why, "damaged");
    /* by themselves when they are old */
    cleaner_remove_old_stores(bench->plan.state_dir, clock_wall_s());
    for (size_t i = 0; i < OURS; i++) {
        assert_int_equal(bench_has(bench, names[i]), i < 2);
    }
    remove_all(bench, &list);
    clean_list_free(&list);
    for (size_t i = 0; i < OURS; i++) {
        assert_false(bench_has(bench, names[i]));
        memory_free(names[i]);
    }
    for (size_t i = 0; i < FOREIGN; i++) {
        assert_true(bench_has(bench, foreign[i]));
    }
    assert_true(bench_has(bench, "out/.runbatch/batch.db.damaged-20200101T000000Z/file"));
}

/* What is set aside in truth has that name. */
static void a_damaged_store_is_kept_and_can_be_cleaned_away(void **state)
{
    Bench *bench = *state;
    bench_put(bench, "out/.runbatch/batch.db", "this is no database at all, by no means");
    bench_put(bench, "out/.runbatch/batch.db.damaged-20200101T000000Z", "long ago");
    bench_add(bench, "good1");
    bench_run(bench);
    CleanList list;
    find(bench, NULL, &list);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.items[0].kind, CLEAN_STORE);
    assert_int_equal(list.items[0].bytes, 39);
    clean_list_free(&list);
}

static const char *reason(const Bench *bench, VideoState state, ErrorClass class_, const char *input,
                          double age_days)
{
    const double now_s = clock_wall_s();
    char *path = bench_path(bench, "%s", input);
    VideoRow row = {.input = path, .state = state, .changed_s = now_s - age_days * day_s};
    row.error.class_ = class_;
    const char *why = cleaner_reason(&row, now_s);
    memory_free(path);
    return why;
}

static void reasons_are_told(void **state)
{
    Bench *bench = *state;
    bench_put(bench, "in/there.mp4", "");
    char *empty = bench_path(bench, "unmounted");
    assert_int_equal(folder_make(empty, NULL), STATUS_OK);
    memory_free(empty);
    assert_string_equal(reason(bench, VIDEO_DONE, ERROR_NONE, "in/there.mp4", 0), "finished");
    assert_string_equal(reason(bench, VIDEO_CANCELLED, ERROR_NONE, "in/there.mp4", 0), "cancelled");
    assert_string_equal(reason(bench, VIDEO_FAILED, ERROR_INPUT, "in/there.mp4", 0), "cannot be made");
    assert_null(reason(bench, VIDEO_FAILED, ERROR_SPACE, "in/there.mp4", 0));
    assert_null(reason(bench, VIDEO_STOPPED, ERROR_NONE, "in/there.mp4", 29));
    assert_string_equal(reason(bench, VIDEO_STOPPED, ERROR_NONE, "in/there.mp4", 31), "abandoned");
    assert_string_equal(reason(bench, VIDEO_STOPPED, ERROR_NONE, "in/gone.mp4", 0), "abandoned");
    /* a disk that is not mounted is no reason to lose a night's work */
    assert_null(reason(bench, VIDEO_STOPPED, ERROR_NONE, "unmounted/gone.mp4", 0));
    assert_null(reason(bench, VIDEO_STOPPED, ERROR_NONE, "nowhere/gone.mp4", 0));
    /* where a relative path leads from here says nothing */
    VideoRow row = {.input = (char *)(uintptr_t) "./gone.mp4", .state = VIDEO_STOPPED};
    assert_null(cleaner_reason(&row, clock_wall_s()));
}

static void nothing_foreign_is_touched(void **state)
{
    Bench *bench = *state;
    static const char *const names[] = {"a", "link", "deep"};
    Store *store = make_store(bench, VIDEO_DONE, names, 3);
    put_work(bench, "a");
    bench_put(bench, "out/.runbatch/work/a.mp4/notes.txt", "mine");
    bench_put(bench, "out/.runbatch/work/a.mp4/chunk-000000.rbc.bak", "mine");
    bench_put(bench, "precious/chunk-000000.rbc", "mine");
    make_link(bench, "precious", "out/.runbatch/work/link.mp4");
    make_link(bench, "precious/chunk-000000.rbc", "out/.runbatch/work/a.mp4/chunk-000007.rbc");
    bench_put(bench, "out/.runbatch/work/deep.mp4/chunk-000000.rbc", "0123456789");
    make_link(bench, "precious", "out/.runbatch/work/deep.mp4/frames");
    make_link(bench, "precious/chunk-000000.rbc", "out/.a.mp4.runbatch-part");
    CleanList list;
    find(bench, store, &list);
    assert_int_equal(list.count, 2);
    assert_true(find_item(&list, "work/a.mp4")->foreign);
    assert_int_equal(find_item(&list, "work/a.mp4")->bytes, 50);
    remove_all(bench, &list);
    assert_int_equal(bench_size(bench, "out/.runbatch/work/a.mp4/notes.txt"), 4);
    assert_true(bench_has(bench, "out/.runbatch/work/a.mp4/chunk-000000.rbc.bak"));
    assert_true(bench_has(bench, "out/.runbatch/work/a.mp4/chunk-000007.rbc"));
    assert_false(bench_has(bench, "out/.runbatch/work/a.mp4/chunk-000000.rbc"));
    assert_true(bench_has(bench, "out/.runbatch/work/deep.mp4/frames"));
    assert_int_equal(bench_size(bench, "precious/chunk-000000.rbc"), 4);
    assert_true(bench_has(bench, "out/.a.mp4.runbatch-part"));
    clean_list_free(&list);
    store_close(&store);
}

static void a_work_folder_that_is_a_link_is_not_ours(void **state)
{
    Bench *bench = *state;
    static const char *const names[] = {"a"};
    Store *store = make_store(bench, VIDEO_DONE, names, 1);
    bench_put(bench, "precious/a.mp4/chunk-000000.rbc", "mine");
    make_link(bench, "precious", "out/.runbatch/work");
    CleanList list;
    find(bench, store, &list);
    assert_int_equal(list.count, 0);
    clean_list_free(&list);
    store_close(&store);
    Cleaner cleaner;
    bool stays = false;
    cleaner_open(&cleaner, bench->plan.state_dir);
    cleaner_add_work(&cleaner, "a.mp4");
    (void)cleaner_step(&cleaner, &stays);
    cleaner_drop_parts(bench->plan.state_dir, "a.mp4");
    cleaner_close(&cleaner);
    assert_int_equal(bench_size(bench, "precious/a.mp4/chunk-000000.rbc"), 4);
}

static void old_logs_go_by_age_and_by_size(void **state)
{
    Bench *bench = *state;
    bench_put(bench, "out/.runbatch/logs/old.log", "x");
    bench_put(bench, "out/.runbatch/logs/young.log", "x");
    bench_put(bench, "out/.runbatch/logs/old.txt", "not ours");
    set_age(bench, "out/.runbatch/logs/old.log", 31);
    set_age(bench, "out/.runbatch/logs/young.log", 29);
    set_age(bench, "out/.runbatch/logs/old.txt", 31);
    CleanList list;
    find(bench, NULL, &list);
    assert_int_equal(list.count, 1);
    assert_non_null(find_item(&list, "old.log"));
    assert_int_equal(list.items[0].kind, CLEAN_LOG);
    clean_list_free(&list);
    /* the oldest while all are too large; a log that is being written never */
    for (int i = 0; i < 5; i++) {
        char *name = text_format("out/.runbatch/logs/%d.log", i);
        bench_put(bench, name, "x");
        char *path = bench_path(bench, "%s", name);
        assert_int_equal(truncate(path, 20 * 1024 * 1024), 0);
        set_age(bench, name, i == 4 ? 0 : 10 + i);
        memory_free(path);
        memory_free(name);
    }
    Cleaner cleaner;
    bool stays = false;
    cleaner_open(&cleaner, bench->plan.state_dir);
    cleaner_add_old_logs(&cleaner, clock_wall_s());
    while (!cleaner_is_idle(&cleaner)) {
        assert_null(cleaner_step(&cleaner, &stays));
    }
    cleaner_close(&cleaner);
    static const char *const kept[] = {"0", "1", "4", "young"};
    static const char *const gone[] = {"2", "3", "old"};
    for (size_t i = 0; i < 4; i++) {
        char *name = text_format("out/.runbatch/logs/%s.log", kept[i]);
        assert_true(bench_has(bench, name));
        memory_free(name);
    }
    for (size_t i = 0; i < 3; i++) {
        char *name = text_format("out/.runbatch/logs/%s.log", gone[i]);
        assert_false(bench_has(bench, name));
        memory_free(name);
    }
    assert_true(bench_has(bench, "out/.runbatch/logs/old.txt"));
}

static void the_queue_works_in_small_steps(void **state)
{
    Bench *bench = *state;
    enum { CHUNKS = 3 * CLEANER_STEP + 5 };
    for (int i = 0; i < CHUNKS; i++) {
        char *name = text_format("out/.runbatch/work/a.mp4/chunk-%06d.rbc", i);
        bench_put(bench, name, "x");
        memory_free(name);
    }
    put_work(bench, "b");
    bench_put(bench, "out/.runbatch/work/b.mp4/notes.txt", "mine");
    Cleaner cleaner;
    bool stays = false;
    cleaner_open(&cleaner, bench->plan.state_dir);
    assert_true(cleaner_is_idle(&cleaner));
    cleaner_add_work(&cleaner, "a.mp4");
    cleaner_add_work(&cleaner, "b.mp4");
    cleaner_add_work(&cleaner, "never.mp4");
    int steps = 0;
    const char *name = NULL;
    while ((name = cleaner_step(&cleaner, &stays)) == NULL) {
        int files = 0;
        (void)cleaner_work_bytes(bench->plan.state_dir, "a.mp4", &files);
        assert_int_equal(files, CHUNKS - ++steps * CLEANER_STEP);
        assert_true(cleaner_waits_for(&cleaner, "a.mp4"));
    }
    assert_int_equal(steps, 3);
    assert_string_equal(name, "a.mp4");
    assert_false(stays);
    assert_false(cleaner_waits_for(&cleaner, "a.mp4"));
    assert_true(cleaner_waits_for(&cleaner, "b.mp4"));
    assert_string_equal(cleaner_step(&cleaner, &stays), "b.mp4");
    assert_true(stays);
    assert_string_equal(cleaner_step(&cleaner, &stays), "never.mp4");
    assert_false(stays);
    assert_true(cleaner_is_idle(&cleaner));
    cleaner_close(&cleaner);
    assert_true(bench_has(bench, "out/.runbatch/work/b.mp4/notes.txt"));
}

/* ---- in a batch ---- */

static void a_batch_leaves_no_bytes_behind(void **state)
{
    Bench *bench = *state;
    static const char *const names[] = {"left", "other"};
    Store *store = make_store(bench, VIDEO_DONE, names, 2);
    store_close(&store);
    put_work(bench, "left"); /* of a run that was killed when it cleaned */
    bench_add(bench, "good1");
    bench_add(bench, "stranger2");
    bench_run(bench);
    assert_int_equal(bench->result.done, 2);
    assert_false(bench_has(bench, "out/.runbatch/work/left.mp4"));
    assert_false(bench_has(bench, "out/.runbatch/work/good1.mp4"));
    /* somebody's notes stay, and that is told */
    assert_int_equal(bench_size(bench, "out/.runbatch/work/stranger2.mp4/notes.txt"), 4);
    assert_false(bench_has(bench, "out/.runbatch/work/stranger2.mp4/chunk-000000.rbc"));
    assert_int_equal(bench_told(bench, "the work folder of stranger2.mp4 stays"), 1);
}

static char *put_frames(const Bench *bench, const Settings *settings, const char *name)
{
    char *work = bench_path(bench, "out/.runbatch/work/%s.mp4", name);
    char *output = bench_path(bench, "out/%s.mp4", name);
    char *folder = frame_store_folder(settings, work, output);
    assert_non_null(folder);
    for (int i = 1; i <= 2 * CLEANER_STEP; i++) {
        char *path = text_format("%s/frame-%08d.png", folder + strlen(bench->root) + 1, i);
        bench_put(bench, path, "x");
        memory_free(path);
    }
    assert_int_equal(chmod(folder, 0700), 0);
    memory_free(output);
    memory_free(work);
    return folder;
}

static void leave_frames(Bench *bench, const Event *event)
{
    if (event->kind == EVENT_CHUNK_DONE && event->chunk.index == 1 && event->video->attempt == 1) {
        bench->context = put_frames(bench, &bench->settings, "crashonce1");
    } else if (event->kind == EVENT_VIDEO_STARTED && event->video->attempt == 2) {
        assert_false(file_exists(bench->context));
    }
}

static void frame_files_of_a_dead_worker_go(void **state)
{
    Bench *bench = *state;
    memory_free(bench->settings.frame_store);
    bench->settings.frame_store = text_duplicate("disk");
    bench->settings.temp_dir = bench_path(bench, "temp");
    bench->act = leave_frames;
    bench_add(bench, "crashonce1");
    bench_run(bench);
    assert_int_equal(bench->result.done, 1);
    assert_false(file_exists(bench->context));
    memory_free(bench->context);
}

static void frame_files_of_a_killed_run_go(void **state)
{
    Bench *bench = *state;
    static const char *const names[] = {"left"};
    Settings before;
    settings_defaults(&before);
    memory_free(before.frame_store);
    before.frame_store = text_duplicate("disk");
    before.temp_dir = bench_path(bench, "temp");
    Store *store = make_store(bench, VIDEO_RUNNING, names, 1);
    json_t *options = settings_to_json(&before);
    RunRow run = {.began_s = clock_wall_s(), .options = json_dumps(options, JSON_COMPACT)};
    assert_int_equal(store_run_begin(store, &run, &run.id, NULL), STATUS_OK);
    free(run.options);
    json_decref(options);
    store_close(&store);
    char *folder = put_frames(bench, &before, "left");
    bench_add(bench, "good1");
    bench_run(bench);
    assert_false(file_exists(folder));
    memory_free(folder);
    settings_free(&before);
}

static void links_in_place_of_our_folders_are_refused(void **state)
{
    Bench *bench = *state;
    bench_add(bench, "good1");
    bench_put(bench, "precious/file", "mine");
    bench_put(bench, "out/.runbatch/work/x", "");
    make_link(bench, "precious", "out/.runbatch/work/good1.mp4");
    make_link(bench, "precious/file", "out/.good1.mp4.runbatch-part");
    bench_run(bench);
    assert_int_equal(bench->result.failed, 1);
    assert_true(text_starts_with(bench_failure(bench, "good1"), "environment there is a file or a link"));
    assert_int_equal(bench_size(bench, "precious/file"), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(what_is_over_is_found_and_removed),
        BENCH_TEST(a_work_folder_without_a_whole_chunk_is_of_no_use),
        BENCH_TEST(frame_files_in_the_temp_dirs_of_all_runs_are_found),
        BENCH_TEST(stores_that_were_set_aside_go),
        BENCH_TEST(a_damaged_store_is_kept_and_can_be_cleaned_away),
        BENCH_TEST(what_may_still_be_gone_on_from_stays),
        BENCH_TEST(reasons_are_told),
        BENCH_TEST(nothing_foreign_is_touched),
        BENCH_TEST(a_work_folder_that_is_a_link_is_not_ours),
        BENCH_TEST(old_logs_go_by_age_and_by_size),
        BENCH_TEST(the_queue_works_in_small_steps),
        BENCH_TEST(a_batch_leaves_no_bytes_behind),
        BENCH_TEST(frame_files_of_a_dead_worker_go),
        BENCH_TEST(frame_files_of_a_killed_run_go),
        BENCH_TEST(links_in_place_of_our_folders_are_refused),
    };
    return cmocka_run_group_tests_name("supervisor_cleaner", tests, NULL, NULL);
}
