/* What the store's tests share: a folder of its own for each case, and a few rows. Include after cmocka.h. */
#ifndef RUNBATCH_TESTS_STORE_FIXTURE_H
#define RUNBATCH_TESTS_STORE_FIXTURE_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/text.h"
#include "batch/store.h"

typedef struct Fixture {
    char output_dir[64];
    char state_dir[80]; /* in it; not there yet */
    char db[96];        /* the store's file */
} Fixture;

#define FIXTURE_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_make, fixture_remove)

static inline int fixture_make(void **state)
{
    Fixture *fixture = memory_alloc(1, sizeof *fixture);
    /* In memory where that can be: these tests sync a great deal. */
    text_copy(fixture->output_dir, sizeof fixture->output_dir,
              access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm/runbatch-store-XXXXXX"
                                                   : "/tmp/runbatch-store-XXXXXX");
    if (mkdtemp(fixture->output_dir) == NULL) {
        return -1;
    }
    (void)snprintf(fixture->state_dir, sizeof fixture->state_dir, "%s/.runbatch", fixture->output_dir);
    (void)snprintf(fixture->db, sizeof fixture->db, "%s/batch.db", fixture->state_dir);
    *state = fixture;
    return 0;
}

static inline int fixture_unlink(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

static inline int fixture_remove(void **state)
{
    Fixture *fixture = *state;
    const int result = nftw(fixture->output_dir, fixture_unlink, 16, FTW_DEPTH | FTW_PHYS);
    memory_free(fixture);
    return result;
}

static inline Store *fixture_open(const Fixture *fixture, StoreMode mode, StoreOpened expected)
{
    Store *store = NULL;
    StoreOpened how;
    Error err = {0};
    const Status status = store_open(&store, fixture->state_dir, mode, &how, NULL, &err);
    if (status != STATUS_OK) {
        print_error("%s: %s: %s\n", err.what, err.file, err.why);
    }
    assert_int_equal(status, STATUS_OK);
    assert_int_equal(how, expected);
    return store;
}

/* The id of a new row. */
static inline int64_t fixture_video(Store *store, const char *output, VideoState video_state, int position)
{
    VideoRow row = {.output = text_duplicate(output),
                    .input = text_format("in/%s", output),
                    .state = video_state,
                    .position = position};
    assert_int_equal(store_video_save(store, &row, NULL), STATUS_OK);
    const int64_t id = row.id;
    video_row_free(&row);
    return id;
}

static inline bool fixture_count_video(void *context, const VideoRow *row)
{
    (void)row;
    ++*(int *)context;
    return true;
}

static inline int fixture_count(Store *store)
{
    int count = 0;
    assert_int_equal(store_each_video(store, fixture_count_video, &count, NULL), STATUS_OK);
    return count;
}

#endif
