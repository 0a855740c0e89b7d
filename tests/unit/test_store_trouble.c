/* What a store withstands while it is written: a full disk, read and write errors, a power cut, a kill. */
#include <setjmp.h>
#include <signal.h>
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
#include "base/clock.h"
#include "base/text.h"
#include "batch/store_internal.h"
#include "faulty_vfs.h"
#include "store_fixture.h"

static const ChunkReport some_chunk = {.frames = 250, .checksum = "0123456789abcdef0123456789abcdef"};

static Status save_count(Store *store, int count, Error *err)
{
    VideoRow row = {.output = text_duplicate("count.mp4"),
                    .input = text_duplicate("x"),
                    .recipe = text_format("%0*d", 3000, count), /* over several pages */
                    .state = VIDEO_RUNNING,
                    .position = count};
    const Status status = store_video_save(store, &row, err);
    video_row_free(&row);
    return status;
}

/* -1: there is no row. */
static int read_count(Store *store)
{
    VideoRow row;
    const Status status = store_video_find(store, "count.mp4", &row, NULL);
    assert_int_not_equal(status, STATUS_FAILED);
    const int count = status == STATUS_OK ? row.position : -1;
    video_row_free(&row);
    return count;
}

/* ---- syncing ---- */

static int syncs_of(Store *store, void (*write)(Store *))
{
    const int before = faulty_vfs.syncs;
    write(store);
    return faulty_vfs.syncs - before;
}

static void write_state(Store *store)
{
    assert_int_equal(save_count(store, 1, NULL), STATUS_OK);
}

static void write_chunk(Store *store)
{
    assert_int_equal(store_chunk_save(store, 1, &some_chunk, NULL), STATUS_OK);
}

static void write_progress(Store *store)
{
    const VideoRow row = {.id = 1, .frames_done = 5};
    assert_int_equal(store_video_progress(store, &row, NULL), STATUS_OK);
    assert_int_equal(store_sample(store, 1, 1, 1, 1, 1, NULL), STATUS_OK);
    assert_int_equal(store_event(store, 1, 1, 1, "x", "y", NULL), STATUS_OK);
}

static void write_several(Store *store)
{
    store_begin(store);
    for (int i = 0; i < 10; i++) {
        write_state(store);
        write_progress(store);
        write_chunk(store);
    }
    assert_int_equal(store_commit(store, false, NULL), STATUS_OK); /* the state asks for it */
}

static void write_several_small(Store *store)
{
    store_begin(store);
    write_progress(store);
    write_progress(store);
    assert_int_equal(store_commit(store, false, NULL), STATUS_OK);
}

static void write_several_to_be_synced(Store *store)
{
    store_begin(store);
    write_progress(store);
    assert_int_equal(store_commit(store, true, NULL), STATUS_OK);
}

static void state_is_synced_once_and_progress_never(void **state)
{
    const Fixture *fixture = *state;
    faulty_vfs_install();
    Store *store = fixture_open(fixture, STORE_WRITE, STORE_MADE);
    write_state(store);
    assert_int_equal(syncs_of(store, write_state), 1);
    assert_int_equal(syncs_of(store, write_chunk), 1);
    assert_int_equal(syncs_of(store, write_progress), 0);
    assert_int_equal(syncs_of(store, write_several), 1);
    assert_int_equal(syncs_of(store, write_several_small), 0);
    assert_int_equal(syncs_of(store, write_several_to_be_synced), 1);
    store_close(&store);
    faulty_vfs_remove();
}

static void without_shared_memory_a_journal_does(void **state)
{
    const Fixture *fixture = *state;
    faulty_vfs_install();
    faulty_vfs.no_shared_map = true;
    Store *store = fixture_open(fixture, STORE_WRITE, STORE_MADE);
    assert_false(store->logged);
    write_state(store);
    assert_true(syncs_of(store, write_state) >= 2);
    write_several(store);
    assert_int_equal(read_count(store), 1);
    Store *reader = fixture_open(fixture, STORE_READ, STORE_FOUND);
    assert_int_equal(read_count(reader), 1);
    store_close(&reader);
    store_close(&store);
    store = fixture_open(fixture, STORE_WRITE, STORE_FOUND);
    assert_int_equal(read_count(store), 1);
    store_close(&store);
    faulty_vfs_remove();
}

/* ---- faults ---- */

/* The fault holds for all that writes; then it is gone, and all is as before and can be saved. */
static void check_fault(const Fixture *fixture, int write_code, int sync_code, ErrorClass expected)
{
    Store *store = NULL;
    StoreOpened how;
    assert_int_equal(store_open(&store, fixture->state_dir, STORE_WRITE, &how, NULL, NULL), STATUS_OK);
    write_several(store);
    assert_int_equal(save_count(store, 7, NULL), STATUS_OK);

    faulty_vfs.write_code = write_code;
    faulty_vfs.sync_code = sync_code;
    Error err = {0};
    assert_int_equal(save_count(store, 8, &err), STATUS_FAILED);
    assert_int_equal(err.class_, expected);
    assert_string_equal(err.file, fixture->db);
    assert_string_not_equal(err.why, "");
    assert_int_equal(store_chunk_save(store, 1, &some_chunk, NULL), STATUS_FAILED);
    AttemptRow attempt = {.video = 1};
    assert_int_equal(store_attempt_begin(store, &attempt, NULL), STATUS_FAILED);
    assert_int_equal(attempt.id, 0);
    const RunRow run = {.state = "running"};
    int64_t id = 99;
    assert_int_equal(store_run_begin(store, &run, &id, NULL), STATUS_FAILED);
    assert_int_equal(id, 0);
    assert_int_equal(store_ask(store, REQUEST_PAUSE, NULL, NULL), STATUS_FAILED);
    if (write_code != 0) {
        assert_int_equal(store_sample(store, 1, 1, 1, 1, 1, NULL), STATUS_FAILED);
        assert_int_equal(store_event(store, 1, 1, 1, "x", "y", NULL), STATUS_FAILED);
        assert_int_equal(read_count(store), 7);
    }
    store_begin(store);
    (void)save_count(store, 9, NULL);
    assert_int_equal(store_commit(store, true, NULL), STATUS_FAILED);

    faulty_vfs.write_code = 0;
    faulty_vfs.sync_code = 0;
    write_several(store);
    assert_int_equal(store_attempt_save(store, &attempt, NULL), STATUS_OK);
    assert_int_equal(save_count(store, 10, NULL), STATUS_OK);
    store_close(&store);
    store = fixture_open(fixture, STORE_WRITE, STORE_FOUND);
    assert_int_equal(read_count(store), 10);
    store_close(&store);
}

static void full_disk_is_survived(void **state)
{
    faulty_vfs_install();
    check_fault(*state, SQLITE_FULL, 0, ERROR_SPACE);
    faulty_vfs_remove();
}

static void write_errors_are_survived(void **state)
{
    faulty_vfs_install();
    check_fault(*state, SQLITE_IOERR_WRITE, 0, ERROR_ENVIRONMENT);
    faulty_vfs_remove();
}

static void failed_syncs_are_told(void **state)
{
    faulty_vfs_install();
    check_fault(*state, 0, SQLITE_IOERR_FSYNC, ERROR_ENVIRONMENT);
    faulty_vfs_remove();
}

static void read_errors_do_not_make_it_damaged(void **state)
{
    const Fixture *fixture = *state;
    faulty_vfs_install();
    Store *store = fixture_open(fixture, STORE_WRITE, STORE_MADE);
    assert_int_equal(save_count(store, 3, NULL), STATUS_OK);
    store_close(&store);
    for (int mode = STORE_WRITE; mode <= STORE_READ; mode++) {
        faulty_vfs.read_code = SQLITE_IOERR_READ;
        Error err = {0};
        StoreOpened how;
        assert_int_equal(store_open(&store, fixture->state_dir, (StoreMode)mode, &how, NULL, &err),
                         STATUS_FAILED);
        assert_null(store);
        assert_int_equal(err.class_, ERROR_ENVIRONMENT);
        faulty_vfs.read_code = 0;
        store = fixture_open(fixture, STORE_WRITE, STORE_FOUND);
        assert_int_equal(read_count(store), 3);
        store_close(&store);
    }
    faulty_vfs_remove();
}

/* A fault at each single operation of a piece of work that fills the log and checkpoints. */
static void fault_at_any_moment_leaves_old_or_new(void **state)
{
    const Fixture *fixture = *state;
    static const int codes[] = {SQLITE_FULL, SQLITE_IOERR_WRITE};
    faulty_vfs_install();
    Store *store = fixture_open(fixture, STORE_WRITE, STORE_MADE);
    (void)sqlite3_wal_autocheckpoint(store->db, 8);
    int held = 0;
    assert_int_equal(save_count(store, held, NULL), STATUS_OK);
    bool faulted = true;
    for (int moment = 0; faulted && moment < 300; moment++) {
        const int before = held;
        faulty_vfs.changes = 0;
        faulty_vfs.writes_to_fault = moment;
        faulty_vfs.write_code = codes[moment % 2];
        faulty_vfs.sync_code = SQLITE_IOERR_FSYNC;
        faulted = false;
        for (int i = 1; i <= 3; i++) {
            faulted = save_count(store, before + i, NULL) != STATUS_OK || faulted;
            held = read_count(store);
            assert_in_range(held, before, before + i);
        }
        faulty_vfs.write_code = 0;
        faulty_vfs.sync_code = 0;
        assert_int_equal(read_count(store), held);
        if (moment % 7 == 0) {
            store_close(&store);
            store = fixture_open(fixture, STORE_WRITE, STORE_FOUND);
            (void)sqlite3_wal_autocheckpoint(store->db, 8);
            assert_int_equal(read_count(store), held);
        }
    }
    assert_false(faulted); /* the last round had none left */
    store_close(&store);
    faulty_vfs_remove();
}

/* ---- power cuts ---- */

enum { CUTS = 150 };

typedef struct Cuts {
    const Fixture *fixture;
    uint32_t seed;
    int every;
    int synced; /* what was promised by the time */
    int begun;
    int count;
    int lowest[CUTS];
    int highest[CUTS];
} Cuts;

static char *cut_folder(const Fixture *fixture, int cut)
{
    return text_format("%s/cut-%d", fixture->output_dir, cut);
}

static void cut_power(void *context)
{
    Cuts *cuts = context;
    cuts->seed = cuts->seed * 1664525U + 1013904223U;
    if (cuts->count == CUTS || (cuts->seed >> 16U) % (uint32_t)cuts->every != 0) {
        return;
    }
    char *folder = cut_folder(cuts->fixture, cuts->count);
    assert_int_equal(mkdir(folder, 0700), 0);
    faulty_vfs_power_cut(folder, cuts->seed);
    memory_free(folder);
    cuts->lowest[cuts->count] = cuts->synced;
    cuts->highest[cuts->count] = cuts->begun;
    cuts->count++;
}

static void power_cut_keeps_what_was_promised(void **state)
{
    const Fixture *fixture = *state;
    Cuts cuts = {.fixture = fixture, .seed = 20261124, .every = 6, .synced = -1, .begun = -1};
    faulty_vfs_install();
    faulty_vfs.records = true;
    faulty_vfs.hook = cut_power;
    faulty_vfs.context = &cuts;
    Store *store = fixture_open(fixture, STORE_WRITE, STORE_MADE);
    (void)sqlite3_wal_autocheckpoint(store->db, 20);
    for (int i = 0; cuts.count < CUTS; i++) {
        cuts.begun = i;
        assert_int_equal(save_count(store, i, NULL), STATUS_OK);
        cuts.synced = i;
        for (int j = 0; j < 3; j++) {
            write_progress(store);
        }
    }
    faulty_vfs.hook = NULL;
    store_close(&store);
    faulty_vfs_remove();

    int with_row = 0;
    for (int i = 0; i < cuts.count; i++) {
        char *folder = cut_folder(fixture, i);
        StoreOpened how;
        assert_int_equal(store_open(&store, folder, STORE_WRITE, &how, NULL, NULL), STATUS_OK);
        /* Neither damaged nor, once something was promised, empty. */
        assert_true(how == STORE_FOUND || (how == STORE_MADE && cuts.lowest[i] < 0));
        const int count = read_count(store);
        assert_true(count >= cuts.lowest[i] && count <= cuts.highest[i]);
        with_row += count >= 0;
        assert_int_equal(save_count(store, 1000, NULL), STATUS_OK);
        store_close(&store);
        memory_free(folder);
    }
    assert_true(with_row > CUTS / 2);
}

/* ---- kills ---- */

static void write_until_killed(const Fixture *fixture, int told)
{
    Store *store = NULL;
    if (store_open(&store, fixture->state_dir, STORE_WRITE, NULL, NULL, NULL) != STATUS_OK) {
        _exit(1);
    }
    (void)sqlite3_wal_autocheckpoint(store->db, 20);
    for (int i = read_count(store) + 1;; i++) {
        write_progress(store);
        if (save_count(store, i, NULL) != STATUS_OK || write(told, &i, sizeof i) != sizeof i) {
            _exit(1);
        }
    }
}

static void copy_file(const char *from, const char *to)
{
    char *data = NULL;
    int64_t size = 0;
    if (file_read(from, 1 << 26, &data, &size, NULL) == STATUS_OK) {
        FILE *file = fopen(to, "wb");
        assert_non_null(file);
        assert_int_equal(fwrite(data, 1, (size_t)size, file), size);
        assert_int_equal(fclose(file), 0);
    }
    memory_free(data);
}

static void copy_store(const Fixture *fixture, const char *folder)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    assert_int_equal(mkdir(folder, 0700), 0);
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        char *from = text_format("%s%s", fixture->db, suffixes[i]);
        char *to = text_format("%s/batch.db%s", folder, suffixes[i]);
        copy_file(from, to);
        memory_free(from);
        memory_free(to);
    }
}

/* The last number that came, `last` where none did. */
static int drain(int fd, int last)
{
    int value = 0;
    while (read(fd, &value, sizeof value) == sizeof value) {
        last = value;
    }
    return last;
}

/* The writer is stopped at a random moment and its files are copied, then it is killed: neither loses what
 * had been told, for a reader that comes first and for the next writer. */
static void kill_and_copy_at_any_moment_keep_what_was_told(void **state)
{
    const Fixture *fixture = *state;
    enum { ROUNDS = 12 };
    Store *store = fixture_open(fixture, STORE_WRITE, STORE_MADE);
    assert_int_equal(save_count(store, 0, NULL), STATUS_OK);
    store_close(&store);
    int last = 0;
    for (int round = 0; round < ROUNDS; round++) {
        int ends[2];
        assert_int_equal(pipe2(ends, 0), 0);
        const pid_t child = fork();
        if (child == 0) {
            write_until_killed(fixture, ends[1]);
        }
        assert_true(child > 0);
        (void)close(ends[1]);
        (void)usleep((useconds_t)(30000 + round * 7919 % 20000));
        int status = 0;
        assert_int_equal(kill(child, SIGSTOP), 0);
        assert_int_equal(waitpid(child, &status, WUNTRACED), child);
        assert_true(WIFSTOPPED(status));
        char *copy = text_format("%s/copy-%d", fixture->output_dir, round);
        copy_store(fixture, copy);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        last = drain(ends[0], last);
        (void)close(ends[0]);

        Fixture copied = *fixture;
        text_copy(copied.state_dir, sizeof copied.state_dir, copy);
        const Fixture *const places[] = {fixture, &copied};
        for (int i = 0; i < 2; i++) {
            store = fixture_open(places[i], STORE_READ, STORE_FOUND);
            const int seen = read_count(store);
            assert_in_range(seen, last, last + 1);
            store_close(&store);
            store = fixture_open(places[i], STORE_WRITE, STORE_FOUND);
            assert_int_equal(read_count(store), seen);
            store_close(&store);
        }
        memory_free(copy);
    }
    assert_true(last > 0);
}

/* ---- another program in it ---- */

static void one_who_holds_it_is_waited_for_once(void **state)
{
    const Fixture *fixture = *state;
    Store *store = fixture_open(fixture, STORE_WRITE, STORE_MADE);
    sqlite3 *other = NULL;
    assert_int_equal(sqlite3_open(fixture->db, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    int64_t took_ms[2];
    for (int i = 0; i < 2; i++) {
        const int64_t began_ms = clock_now_ms();
        assert_int_equal(save_count(store, 1, NULL), STATUS_FAILED);
        took_ms[i] = clock_now_ms() - began_ms;
    }
    assert_true(took_ms[0] >= STORE_BUSY_MS - 100);
    assert_true(took_ms[1] < STORE_BUSY_MS / 2);
    assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(save_count(store, 2, NULL), STATUS_OK);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    store_close(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(state_is_synced_once_and_progress_never),
        FIXTURE_TEST(without_shared_memory_a_journal_does),
        FIXTURE_TEST(full_disk_is_survived),
        FIXTURE_TEST(write_errors_are_survived),
        FIXTURE_TEST(failed_syncs_are_told),
        FIXTURE_TEST(read_errors_do_not_make_it_damaged),
        FIXTURE_TEST(fault_at_any_moment_leaves_old_or_new),
        FIXTURE_TEST(power_cut_keeps_what_was_promised),
        FIXTURE_TEST(one_who_holds_it_is_waited_for_once),
        FIXTURE_TEST(kill_and_copy_at_any_moment_keep_what_was_told),
    };
    return cmocka_run_group_tests_name("store_trouble", tests, NULL, NULL);
}
