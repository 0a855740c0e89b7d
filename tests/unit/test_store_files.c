/* The store's file: damaged, of another version, not writable, lost. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/text.h"
#include "batch/recipe.h"
#include "batch/store_internal.h"
#include "store_fixture.h"

/* ---- helpers ---- */

static char *side_of(const Fixture *fixture, const char *suffix)
{
    return text_format("%s%s", fixture->db, suffix);
}

static void write_bytes(const char *path, const void *bytes, size_t count)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
}

static void overwrite(const char *path, int64_t offset, const void *bytes, size_t count)
{
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, count, (off_t)offset), count);
    assert_int_equal(close(fd), 0);
}

/* Turns all bits of one byte. */
static void spoil(const char *path, int64_t offset)
{
    unsigned char byte = 0;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(pread(fd, &byte, 1, (off_t)offset), 1);
    assert_int_equal(close(fd), 0);
    byte = (unsigned char)~byte;
    overwrite(path, offset, &byte, 1);
}

static void digest_of(const char *path, char digest[HASH_SIZE])
{
    assert_int_equal(hash_file(path, ERROR_INPUT, digest, NULL), STATUS_OK);
}

/* A store with a few hundred rows. With `log`: as a killed writer leaves it, all of them in the log. */
static void make_store(const Fixture *fixture, bool log)
{
    const pid_t child = fork();
    if (child == 0) {
        Store *store = NULL;
        if (store_open(&store, fixture->state_dir, STORE_WRITE, NULL, NULL, NULL) != STATUS_OK) {
            _exit(1);
        }
        store_begin(store);
        for (int i = 0; i < 200; i++) {
            VideoRow row = {.output = text_format("face_%d.mp4", i),
                            .input = text_duplicate("in"),
                            .recipe = text_format("%0500d", i),
                            .state = VIDEO_QUEUED,
                            .position = i};
            (void)store_video_save(store, &row, NULL);
            AttemptRow attempt = {.video = row.id};
            (void)store_attempt_begin(store, &attempt, NULL);
            video_row_free(&row);
        }
        const Status status = store_commit(store, true, NULL);
        if (!log) {
            store_close(&store);
        }
        _exit(status == STATUS_OK ? 0 : 1);
    }
    int status = 0;
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void run_sql(const Fixture *fixture, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(fixture->db, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* ---- damage ---- */

/* A reader says so and leaves it alone; the writer sets it aside as it is and begins anew. */
static void check_rescued(const Fixture *fixture)
{
    char before[HASH_SIZE];
    char after[HASH_SIZE];
    digest_of(fixture->db, before);
    Store *store = NULL;
    Error err = {0};
    assert_int_equal(store_open(&store, fixture->state_dir, STORE_READ, NULL, NULL, &err), STATUS_FAILED);
    assert_null(store);
    assert_int_equal(err.class_, ERROR_ENVIRONMENT);
    assert_string_equal(err.why, "it is damaged");
    assert_string_not_equal(err.todo, "");
    digest_of(fixture->db, after);
    assert_string_equal(before, after);

    StoreOpened how;
    char aside[STORE_ASIDE_SIZE];
    assert_int_equal(store_open(&store, fixture->state_dir, STORE_WRITE, &how, aside, NULL), STATUS_OK);
    assert_int_equal(how, STORE_RESCUED);
    assert_true(text_starts_with(aside, "batch.db.damaged-20"));
    char *path = text_format("%s/%s", fixture->state_dir, aside);
    digest_of(path, after);
    assert_string_equal(before, after);
    memory_free(path);
    assert_int_equal(fixture_count(store), 0);
    (void)fixture_video(store, "new.mp4", VIDEO_QUEUED, 1);
    store_close(&store);
    store = fixture_open(fixture, STORE_READ, STORE_FOUND);
    assert_int_equal(fixture_count(store), 1);
    store_close(&store);
}

static void what_is_no_database_is_set_aside(void **state)
{
    const Fixture *fixture = *state;
    make_store(fixture, false);
    static const char text[] = "This was a store once, and now it is a text of some length.\n";
    for (int i = 0; i < 3; i++) { /* within one second: three names */
        write_bytes(fixture->db, text, sizeof text - 1);
        check_rescued(fixture);
    }
    char garbage[8192];
    for (size_t i = 0; i < sizeof garbage; i++) {
        garbage[i] = (char)(i * i * 31 + 7);
    }
    write_bytes(fixture->db, garbage, sizeof garbage);
    check_rescued(fixture);
}

static void short_file_is_set_aside(void **state)
{
    const Fixture *fixture = *state;
    static const int64_t sizes[] = {2, 100, 4096, 5000, 40960};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        (void)unlink(fixture->db);
        make_store(fixture, false);
        assert_true(file_size(fixture->db) > sizes[i]);
        assert_int_equal(truncate(fixture->db, sizes[i]), 0);
        check_rescued(fixture);
    }
}

static void garbage_in_the_middle_is_found(void **state)
{
    const Fixture *fixture = *state;
    make_store(fixture, false);
    unsigned char garbage[4096];
    memset(garbage, 0xA5, sizeof garbage);
    const int64_t pages = file_size(fixture->db) / 4096;
    overwrite(fixture->db, pages / 2 * 4096, garbage, sizeof garbage);
    check_rescued(fixture);
}

static void emptied_file_beside_its_log_is_set_aside(void **state)
{
    const Fixture *fixture = *state;
    make_store(fixture, true);
    char *log = side_of(fixture, "-wal");
    assert_true(file_size(log) > 4096);
    char before[HASH_SIZE];
    char after[HASH_SIZE];
    digest_of(log, before);
    assert_int_equal(truncate(fixture->db, 0), 0);
    check_rescued(fixture);
    /* The log went with it. */
    char *command =
        text_format("cat %s/batch.db.damaged-*-wal > %s/all", fixture->state_dir, fixture->state_dir);
    assert_int_equal(system(command), 0);
    char *all = text_format("%s/all", fixture->state_dir);
    digest_of(all, after);
    assert_string_equal(before, after);
    memory_free(all);
    memory_free(command);
    memory_free(log);
}

static void log_with_a_broken_head_is_set_aside(void **state)
{
    const Fixture *fixture = *state;
    static const int offsets[] = {0, 5, 9, 17, 25, 31};
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        make_store(fixture, true);
        char *log = side_of(fixture, "-wal");
        spoil(log, offsets[i]);
        check_rescued(fixture);
        memory_free(log);
    }
}

static void log_broken_behind_its_head_gives_an_older_state(void **state)
{
    const Fixture *fixture = *state;
    Store *store = fixture_open(fixture, STORE_WRITE, STORE_MADE);
    (void)fixture_video(store, "a.mp4", VIDEO_QUEUED, 1);
    store_close(&store);
    make_store(fixture, true);
    char *log = side_of(fixture, "-wal");
    spoil(log, file_size(log) / 2);
    store = fixture_open(fixture, STORE_WRITE, STORE_FOUND);
    assert_int_equal(fixture_count(store), 1);
    store_close(&store);
    memory_free(log);
}

/* What would run or loop when it is only read. */
static void other_tables_than_ours_are_set_aside(void **state)
{
    const Fixture *fixture = *state;
    static const char *const changes[] = {
        "CREATE VIEW more AS SELECT 1",
        "CREATE TRIGGER more AFTER INSERT ON videos BEGIN DELETE FROM videos; END",
        "DROP TABLE chunks",
        "ALTER TABLE videos ADD COLUMN x AS (upper(note))",
        "DROP TABLE events; CREATE VIEW events AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 "
        "FROM n)"
        " SELECT x AS id, 1 AS run, 1 AS video, 1.0 AS wall_s, 'a' AS kind, 'b' AS text FROM n",
        "PRAGMA user_version = 0",
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        (void)unlink(fixture->db);
        make_store(fixture, false);
        run_sql(fixture, changes[i]);
        check_rescued(fixture);
    }
    /* An index of SQLite's own is no damage. */
    (void)unlink(fixture->db);
    make_store(fixture, false);
    run_sql(fixture, "ANALYZE");
    Store *store = fixture_open(fixture, STORE_WRITE, STORE_FOUND);
    assert_int_equal(fixture_count(store), 200);
    store_close(&store);
}

static bool read_attempt(void *context, const AttemptRow *row)
{
    (void)row;
    ++*(int *)context;
    return true;
}

static bool read_attempts(void *context, const VideoRow *row)
{
    Store *store = context;
    int count = 0;
    (void)store_each_attempt(store, row->id, read_attempt, &count, NULL);
    return true;
}

static void flipped_bytes_never_do_more_than_that(void **state)
{
    const Fixture *fixture = *state;
    uint32_t value = 7;
    int rescued = 0;
    for (int round = 0; round < 100; round++) {
        char *command = text_format("rm -f %s/batch.db*", fixture->state_dir);
        assert_int_equal(system(command), 0);
        memory_free(command);
        make_store(fixture, round % 2 == 0);
        char *log = side_of(fixture, "-wal");
        const char *path = round % 4 == 0 ? log : fixture->db;
        for (int i = 0; i <= round % 5; i++) {
            unsigned char bytes[4];
            value = value * 1664525U + 1013904223U;
            memcpy(bytes, &value, sizeof bytes);
            value = value * 1664525U + 1013904223U;
            overwrite(path, (int64_t)(value >> 8U) % file_size(path), bytes, (size_t)round % 4 + 1);
        }
        memory_free(log);
        Store *store = NULL;
        if (store_open(&store, fixture->state_dir, STORE_READ, NULL, NULL, NULL) == STATUS_OK) {
            (void)store_each_video(store, read_attempts, store, NULL);
        }
        store_close(&store);
        StoreOpened how;
        Error err = {0};
        if (store_open(&store, fixture->state_dir, STORE_WRITE, &how, NULL, &err) == STATUS_OK) {
            (void)store_each_video(store, read_attempts, store, NULL);
            rescued += how == STORE_RESCUED;
        } else {
            assert_non_null(strstr(err.why, "newer")); /* the version's own bytes were hit */
        }
        store_close(&store);
    }
    assert_true(rescued > 5);
}

static void something_else_of_its_name_is_refused(void **state)
{
    const Fixture *fixture = *state;
    assert_int_equal(folder_make(fixture->state_dir, NULL), STATUS_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(i == 0   ? mkdir(fixture->db, 0700)
                         : i == 1 ? mkfifo(fixture->db, 0600)
                                  : symlink("/dev/zero", fixture->db),
                         0);
        for (int mode = STORE_WRITE; mode <= STORE_READ; mode++) {
            Store *store = NULL;
            Error err = {0};
            assert_int_equal(store_open(&store, fixture->state_dir, (StoreMode)mode, NULL, NULL, &err),
                             STATUS_FAILED);
            assert_string_equal(err.why, "something else has its name");
        }
        assert_int_equal(remove(fixture->db), 0);
    }
}

/* ---- rows that cannot be ---- */

static void rows_that_cannot_be_are_passed_over(void **state)
{
    const Fixture *fixture = *state;
    static const char *const changes[] = {
        "output = '../evil.mp4'",
        "output = x'00'",
        "output = 'a' || char(10) || 'b'",
        "input = x'05'",
        "work = '..'",
        "work = 'a/b'",
        "recipe = x'aabb'",
        "key = 'ABC'",
        "key = '0123456789abcdef0123456789abcdef0'",
        "state = 'sleeping'",
        "state = 3",
        "position = -1",
        "position = 'many'",
        "position = 1e300",
        "input_bytes = -2",
        "frames_total = 1 << 60",
        "duration_s = -1",
        "duration_s = 9e999",
        "worker = 1 << 40",
        "changed_s = 'now'",
        "output_bytes = -1",
        "result = '{}'",
        "result = 'no JSON'",
        "error = '[]'",
        "error = x'00'",
        "note = x'00'",
        "recipe = hex(randomblob(40000))",
        "output = hex(randomblob(200))",
    };
    Store *store = fixture_open(fixture, STORE_WRITE, STORE_MADE);
    const int count = sizeof changes / sizeof changes[0];
    for (int i = 0; i < count; i++) {
        char *name = text_format("v%d.mp4", i);
        (void)fixture_video(store, name, VIDEO_DONE, i);
        memory_free(name);
    }
    (void)fixture_video(store, "good.mp4", VIDEO_DONE, count);
    store_close(&store);
    for (int i = 0; i < count; i++) {
        char *sql = text_format("UPDATE videos SET %s WHERE output = 'v%d.mp4'", changes[i], i);
        run_sql(fixture, sql);
        memory_free(sql);
    }
    store = fixture_open(fixture, STORE_WRITE, STORE_FOUND);
    assert_int_equal(fixture_count(store), 1);
    assert_int_equal(store_rows_skipped(store), count);
    /* A text is for people: it cannot steer a terminal. */
    VideoRow row;
    run_sql(fixture, "UPDATE videos SET note = char(27) || '[2J' WHERE output = 'good.mp4'");
    assert_int_equal(store_video_find(store, "good.mp4", &row, NULL), STATUS_OK);
    assert_string_equal(row.note, "?[2J");
    video_row_free(&row);
    /* Saving makes it whole again. */
    assert_int_equal(store_video_find(store, "v3.mp4", &row, NULL), STATUS_AGAIN);
    (void)fixture_video(store, "v3.mp4", VIDEO_QUEUED, 3);
    assert_int_equal(fixture_count(store), 2);
    store_close(&store);
}

static void other_rows_that_cannot_be_are_passed_over(void **state)
{
    const Fixture *fixture = *state;
    Store *store = fixture_open(fixture, STORE_WRITE, STORE_MADE);
    const int64_t video = fixture_video(store, "a.mp4", VIDEO_RUNNING, 1);
    store_close(&store);
    assert_true(video == 1);
    run_sql(
        fixture,
        "INSERT INTO requests (kind, asked_s) VALUES ('explode', 1), (x'00', 1);"
        "INSERT INTO requests (kind, output, asked_s) VALUES ('cancel', '../x', 1), ('pause', 'a.mp4', 1);"
        "INSERT INTO chunks VALUES (1, -1, 0, 0, 0, 0, 0, 0, '0123456789abcdef0123456789abcdef'),"
        " (1, 2, 7, 0, 0, 0, 0, 0, '0123456789abcdef0123456789abcdef'), (1, 3, 0, 0, 0, 0, 0, 0, 'x');"
        "INSERT INTO attempts VALUES (1, 1, NULL, 0, 0, 0, '', NULL, '', 0, 0, 0, 0, 0, 0),"
        " (2, 1, NULL, 2, 0, 0, '', '{', '', 0, 0, 0, 0, 0, 0);"
        "INSERT INTO runs VALUES (1, 1, 0, 5, 'good', '', '', '', 0, NULL), (2, 1, 0, -5, '', '', '', '', 0, "
        "NULL);"
        "INSERT INTO samples VALUES (1, 1, 1, 'x', 0, 0), (2, 1, -1, 0, 0, 0);"
        "INSERT INTO events VALUES (1, 1, 1, 0, x'00', ''), (2, 1, 1, 0, '', x'00')");
    store = fixture_open(fixture, STORE_WRITE, STORE_FOUND);
    Request request;
    assert_int_equal(store_take_request(store, &request, NULL), STATUS_OK);
    assert_int_equal(request.kind, REQUEST_PAUSE);
    assert_string_equal(request.output, "a.mp4");
    memory_free(request.output);
    assert_int_equal(store_rows_skipped(store), 3);
    int count = 0;
    assert_int_equal(store_each_chunk(store, 1, NULL, NULL, NULL), STATUS_OK);
    assert_int_equal(store_rows_skipped(store), 6);
    assert_int_equal(store_each_attempt(store, 1, read_attempt, &count, NULL), STATUS_OK);
    assert_int_equal(count, 0);
    assert_int_equal(store_rows_skipped(store), 8);
    RunRow run;
    assert_int_equal(store_last_run(store, &run, NULL), STATUS_OK);
    assert_string_equal(run.host, "good");
    assert_int_equal(store_rows_skipped(store), 9);
    assert_int_equal(store_each_sample(store, 0, NULL, NULL, NULL), STATUS_OK);
    assert_int_equal(store_each_event(store, 0, NULL, NULL, NULL), STATUS_OK);
    assert_int_equal(store_rows_skipped(store), 13);
    store_close(&store);
}

/* ---- versions ---- */

static void newer_store_is_refused_and_left_as_it_is(void **state)
{
    const Fixture *fixture = *state;
    make_store(fixture, false);
    char *future = text_format("PRAGMA user_version = %d; CREATE TABLE future (x)", STORE_SCHEMA + 1);
    run_sql(fixture, future);
    memory_free(future);
    char before[HASH_SIZE];
    char after[HASH_SIZE];
    digest_of(fixture->db, before);
    for (int mode = STORE_WRITE; mode <= STORE_READ; mode++) {
        Store *store = NULL;
        Error err = {0};
        assert_int_equal(store_open(&store, fixture->state_dir, (StoreMode)mode, NULL, NULL, &err),
                         STATUS_FAILED);
        assert_null(store);
        assert_int_equal(err.class_, ERROR_ENVIRONMENT);
        assert_string_equal(err.file, fixture->db);
        char why[128];
        (void)snprintf(why, sizeof why, "a newer runbatch made it (schema %d, this one knows up to %d)",
                       STORE_SCHEMA + 1, STORE_SCHEMA);
        assert_string_equal(err.why, why);
        assert_string_equal(err.todo, "use that version in this folder, or choose another with --output-dir");
    }
    digest_of(fixture->db, after);
    assert_string_equal(before, after);
}

static void older_store_is_migrated_with_its_rows(void **state)
{
    const Fixture *fixture = *state;
    const char *steps[STORE_SCHEMA + 2];
    memcpy(steps, store_schema.steps, STORE_SCHEMA * sizeof *steps);
    steps[STORE_SCHEMA] = "ALTER TABLE requests ADD COLUMN asker TEXT; UPDATE videos SET note = 'migrated'";
    steps[STORE_SCHEMA + 1] = "UPDATE videos SET note = 'broken'; CREATE TABLE runs (x)";
    const StoreSchema second = {steps, STORE_SCHEMA + 1};
    const StoreSchema broken = {steps, STORE_SCHEMA + 2};
    make_store(fixture, true);
    Store *store = NULL;
    Error err = {0};
    StoreOpened how;
    assert_int_equal(store_open_schema(&store, fixture->state_dir, STORE_READ, &second, NULL, NULL, &err),
                     STATUS_FAILED);
    assert_non_null(strstr(err.why, "an older runbatch made it (schema"));

    assert_int_equal(store_open_schema(&store, fixture->state_dir, STORE_WRITE, &second, &how, NULL, NULL),
                     STATUS_OK);
    assert_int_equal(how, STORE_MIGRATED);
    assert_int_equal(fixture_count(store), 200);
    VideoRow row;
    assert_int_equal(store_video_find(store, "face_7.mp4", &row, NULL), STATUS_OK);
    assert_string_equal(row.note, "migrated");
    video_row_free(&row);
    store_close(&store);
    assert_int_equal(store_open_schema(&store, fixture->state_dir, STORE_WRITE, &second, &how, NULL, NULL),
                     STATUS_OK);
    assert_int_equal(how, STORE_FOUND);
    store_close(&store);
    assert_int_equal(store_open(&store, fixture->state_dir, STORE_WRITE, NULL, NULL, NULL), STATUS_FAILED);

    /* A step that fails changes nothing. */
    assert_int_equal(store_open_schema(&store, fixture->state_dir, STORE_WRITE, &broken, NULL, NULL, NULL),
                     STATUS_FAILED);
    assert_int_equal(store_open_schema(&store, fixture->state_dir, STORE_READ, &second, &how, NULL, NULL),
                     STATUS_OK);
    assert_int_equal(store_video_find(store, "face_7.mp4", &row, NULL), STATUS_OK);
    assert_string_equal(row.note, "migrated");
    video_row_free(&row);
    store_close(&store);
    /* A new store goes through all steps. */
    assert_int_equal(unlink(fixture->db), 0);
    assert_int_equal(store_open_schema(&store, fixture->state_dir, STORE_WRITE, &second, &how, NULL, NULL),
                     STATUS_OK);
    assert_int_equal(how, STORE_MADE);
    store_close(&store);
}

/* What every release before this one left behind. */
static void stores_of_all_schemas_come_up_to_date(void **state)
{
    const Fixture *fixture = *state;
    for (int version = 1; version <= STORE_SCHEMA; version++) {
        const StoreSchema old = {store_schema.steps, version};
        Store *store = NULL;
        StoreOpened how;
        assert_int_equal(store_open_schema(&store, fixture->state_dir, STORE_WRITE, &old, NULL, NULL, NULL),
                         STATUS_OK);
        store_close(&store);
        assert_int_equal(store_open(&store, fixture->state_dir, STORE_WRITE, &how, NULL, NULL), STATUS_OK);
        assert_int_equal(how, version < STORE_SCHEMA ? STORE_MIGRATED : STORE_FOUND);
        const MediaLook look = {.width = 1, .codec = "h264"};
        assert_int_equal(store_input_save(store, "in/a.mp4", 1, 2, &look, NULL), STATUS_OK);
        store_close(&store);
        assert_int_equal(unlink(fixture->db), 0);
    }
}

/* ---- readers ---- */

static void no_store_is_no_error(void **state)
{
    const Fixture *fixture = *state;
    Store *store = NULL;
    assert_int_equal(store_open(&store, fixture->state_dir, STORE_READ, NULL, NULL, NULL), STATUS_AGAIN);
    assert_null(store);
    assert_false(file_exists(fixture->state_dir));
    assert_int_equal(folder_make(fixture->state_dir, NULL), STATUS_OK);
    assert_int_equal(store_open(&store, fixture->state_dir, STORE_READ, NULL, NULL, NULL), STATUS_AGAIN);
    write_bytes(fixture->db, "", 0);
    assert_int_equal(store_open(&store, fixture->state_dir, STORE_READ, NULL, NULL, NULL), STATUS_AGAIN);
    assert_int_equal(file_size(fixture->db), 0);
    /* Made, but with nothing in it yet. */
    run_sql(fixture, "PRAGMA journal_mode = WAL");
    assert_int_equal(store_open(&store, fixture->state_dir, STORE_READ, NULL, NULL, NULL), STATUS_AGAIN);
    store = fixture_open(fixture, STORE_WRITE, STORE_MADE);
    store_close(&store);
    store_close(&store);
}

static void reader_sees_what_is_committed_while_it_is_written(void **state)
{
    const Fixture *fixture = *state;
    Store *writer = fixture_open(fixture, STORE_WRITE, STORE_MADE);
    Store *reader = fixture_open(fixture, STORE_READ, STORE_FOUND);
    assert_int_equal(fixture_count(reader), 0);
    (void)fixture_video(writer, "a.mp4", VIDEO_QUEUED, 1);
    assert_int_equal(fixture_count(reader), 1);
    store_begin(reader); /* from here on it sees one state */
    assert_int_equal(fixture_count(reader), 1);
    store_begin(writer);
    (void)fixture_video(writer, "b.mp4", VIDEO_QUEUED, 2);
    assert_int_equal(store_commit(writer, true, NULL), STATUS_OK);
    assert_int_equal(fixture_count(reader), 1);
    assert_int_equal(store_commit(reader, false, NULL), STATUS_OK);
    assert_int_equal(fixture_count(reader), 2);
    Error err = {0};
    VideoRow row = {.output = (char[]){"c.mp4"}, .input = (char[]){"c"}, .state = VIDEO_QUEUED};
    assert_int_equal(store_video_save(reader, &row, &err), STATUS_FAILED);
    store_close(&reader);
    store_close(&writer);
}

static void reader_leaves_nothing_behind(void **state)
{
    const Fixture *fixture = *state;
    for (int killed = 0; killed < 2; killed++) {
        (void)unlink(fixture->db);
        make_store(fixture, killed != 0);
        Store *reader = fixture_open(fixture, STORE_READ, STORE_FOUND);
        assert_int_equal(fixture_count(reader), 200);
        Error err = {0};
        assert_int_equal(sqlite3_exec(reader->db, "DELETE FROM videos", NULL, NULL, NULL), SQLITE_READONLY);
        assert_int_equal(store_ask(reader, REQUEST_PAUSE, NULL, &err), STATUS_OK);
        store_close(&reader);
        char *log = side_of(fixture, "-wal");
        char *index = side_of(fixture, "-shm");
        assert_false(file_exists(log));
        assert_false(file_exists(index));
        memory_free(log);
        memory_free(index);
    }
}

/* As somebody who may only look: the rows seen, 255 on failure. */
static int count_as_a_stranger(const Fixture *fixture, bool ask)
{
    const pid_t child = fork();
    if (child == 0) {
        Store *store = NULL;
        Error err = {0};
        int count = 0;
        if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0) {
            _exit(254);
        }
        if (store_open(&store, fixture->state_dir, STORE_READ, NULL, NULL, &err) != STATUS_OK ||
            store_each_video(store, fixture_count_video, &count, &err) != STATUS_OK) {
            (void)fprintf(stderr, "# %s: %s\n", err.what, err.why);
            _exit(255);
        }
        if (ask && (store_ask(store, REQUEST_PAUSE, NULL, &err) != STATUS_FAILED ||
                    err.class_ != ERROR_ENVIRONMENT)) {
            _exit(253);
        }
        store_close(&store);
        _exit(count);
    }
    int status = 0;
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void set_writable(const Fixture *fixture, bool writable)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    assert_int_equal(chmod(fixture->output_dir, writable ? 0700 : 0755), 0);
    assert_int_equal(chmod(fixture->state_dir, writable ? 0700 : 0555), 0);
    for (size_t i = 0; i < 3; i++) {
        char *path = side_of(fixture, suffixes[i]);
        (void)chmod(path, writable ? 0600 : 0444);
        memory_free(path);
    }
}

static void reader_needs_no_right_to_write(void **state)
{
    const Fixture *fixture = *state;
    make_store(fixture, false); /* in order: no log */
    set_writable(fixture, false);
    assert_int_equal(count_as_a_stranger(fixture, true), 200);
    set_writable(fixture, true);

    (void)unlink(fixture->db);
    make_store(fixture, true); /* killed: all in the log */
    set_writable(fixture, false);
    assert_int_equal(count_as_a_stranger(fixture, true), 200);
    set_writable(fixture, true);
    char *index = side_of(fixture, "-shm");
    assert_int_equal(unlink(index), 0); /* copied, or after a power cut */
    memory_free(index);
    set_writable(fixture, false);
    assert_int_equal(count_as_a_stranger(fixture, true), 200);
    set_writable(fixture, true);

    Store *writer = fixture_open(fixture, STORE_WRITE, STORE_FOUND);
    (void)fixture_video(writer, "one_more.mp4", VIDEO_QUEUED, 1);
    set_writable(fixture, false);
    assert_int_equal(count_as_a_stranger(fixture, true), 201);
    set_writable(fixture, true);
    store_close(&writer);
}

static void odd_folder_names_do_not_matter(void **state)
{
    const Fixture *fixture = *state;
    Fixture odd = *fixture;
    (void)snprintf(odd.state_dir, sizeof odd.state_dir, "%s/a?b#c%%20 d", fixture->output_dir);
    (void)snprintf(odd.db, sizeof odd.db, "%s/batch.db", odd.state_dir);
    make_store(&odd, true);
    char *index = side_of(&odd, "-shm");
    assert_int_equal(unlink(index), 0);
    memory_free(index);
    set_writable(&odd, false);
    assert_int_equal(chmod(fixture->output_dir, 0755), 0);
    assert_int_equal(count_as_a_stranger(&odd, false), 200);
    set_writable(&odd, true);
}

/* ---- rebuilding ---- */

static void make_file(const Fixture *fixture, const char *name, size_t size)
{
    char *path = text_format("%s/%s", fixture->output_dir, name);
    char *bytes = memory_alloc(1, size);
    write_bytes(path, bytes, size);
    memory_free(bytes);
    memory_free(path);
}

static void lost_store_is_rebuilt_from_what_stands_on_disk(void **state)
{
    const Fixture *fixture = *state;
    char *folders[3];
    static const char *const names[] = {"face_1.mp4", "face_2.mp4", "face_3.mkv"};
    for (int i = 0; i < 3; i++) {
        folders[i] = text_format("%s/work/%s", fixture->state_dir, names[i]);
        assert_int_equal(folder_make(folders[i], NULL), STATUS_OK);
    }
    Recipe recipe = {.json = (char[]){"{\"input\":{},\"options\":{}}"}};
    hash_bytes(recipe.json, strlen(recipe.json), recipe.key);
    assert_int_equal(recipe_note_write(&recipe, folders[0], NULL), STATUS_OK);
    make_file(fixture, ".runbatch/work/face_1.mp4/chunk-000000.rbc", 1000);
    make_file(fixture, ".runbatch/work/face_2.mp4/chunk-000000.rbc", 500);
    make_file(fixture, ".runbatch/work/stray", 5);
    make_file(fixture, ".face_1.mp4.runbatch-part", 5);
    make_file(fixture, "face_3.mkv", 5);
    make_file(fixture, "face_4.mp4", 5);
    make_file(fixture, "face_5.mp4", 5);
    make_file(fixture, "notes.txt", 5);
    char *link = text_format("%s/work/link.mp4", fixture->state_dir);
    assert_int_equal(symlink("/", link), 0);
    memory_free(link);

    Store *store = fixture_open(fixture, STORE_WRITE, STORE_MADE);
    (void)fixture_video(store, "face_3.mkv", VIDEO_FAILED, 3); /* known already: left as it is */
    (void)fixture_video(store, "face_4.mp4", VIDEO_DONE, 4);
    int videos = -1;
    Error err = {0};
    assert_int_equal(store_rebuild(store, fixture->state_dir, &videos, &err), STATUS_OK);
    assert_int_equal(videos, 2);
    VideoRow row;
    assert_int_equal(store_video_find(store, "face_1.mp4", &row, NULL), STATUS_OK);
    assert_int_equal(row.state, VIDEO_STOPPED);
    assert_string_equal(row.work, "face_1.mp4");
    assert_string_equal(row.recipe, recipe.json);
    assert_string_equal(row.key, recipe.key);
    assert_true(row.changed_s > 1e9);
    video_row_free(&row);
    assert_int_equal(store_video_find(store, "face_2.mp4", &row, NULL), STATUS_OK);
    assert_null(row.recipe);
    assert_string_equal(row.key, "");
    video_row_free(&row);
    assert_int_equal(store_video_find(store, "face_3.mkv", &row, NULL), STATUS_OK);
    assert_int_equal(row.state, VIDEO_FAILED);
    video_row_free(&row);
    /* Again: nothing is new. */
    assert_int_equal(store_rebuild(store, fixture->state_dir, &videos, &err), STATUS_OK);
    assert_int_equal(videos, 0);
    store_close(&store);
    for (int i = 0; i < 3; i++) {
        memory_free(folders[i]);
    }
}

static void nothing_on_disk_rebuilds_nothing(void **state)
{
    const Fixture *fixture = *state;
    Store *store = fixture_open(fixture, STORE_WRITE, STORE_MADE);
    int videos = 5;
    assert_int_equal(store_rebuild(store, fixture->state_dir, &videos, NULL), STATUS_OK);
    assert_int_equal(videos, 0);
    store_close(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(what_is_no_database_is_set_aside),
        FIXTURE_TEST(short_file_is_set_aside),
        FIXTURE_TEST(garbage_in_the_middle_is_found),
        FIXTURE_TEST(emptied_file_beside_its_log_is_set_aside),
        FIXTURE_TEST(log_with_a_broken_head_is_set_aside),
        FIXTURE_TEST(log_broken_behind_its_head_gives_an_older_state),
        FIXTURE_TEST(other_tables_than_ours_are_set_aside),
        FIXTURE_TEST(flipped_bytes_never_do_more_than_that),
        FIXTURE_TEST(something_else_of_its_name_is_refused),
        FIXTURE_TEST(rows_that_cannot_be_are_passed_over),
        FIXTURE_TEST(other_rows_that_cannot_be_are_passed_over),
        FIXTURE_TEST(newer_store_is_refused_and_left_as_it_is),
        FIXTURE_TEST(older_store_is_migrated_with_its_rows),
        FIXTURE_TEST(stores_of_all_schemas_come_up_to_date),
        FIXTURE_TEST(no_store_is_no_error),
        FIXTURE_TEST(reader_sees_what_is_committed_while_it_is_written),
        FIXTURE_TEST(reader_leaves_nothing_behind),
        FIXTURE_TEST(reader_needs_no_right_to_write),
        FIXTURE_TEST(odd_folder_names_do_not_matter),
        FIXTURE_TEST(lost_store_is_rebuilt_from_what_stands_on_disk),
        FIXTURE_TEST(nothing_on_disk_rebuilds_nothing),
    };
    return cmocka_run_group_tests_name("store_files", tests, NULL, NULL);
}
