/* A store that anybody may have written. The first byte chooses:
 *   f  the rest is the file
 *   l  three bytes of length, so much of the file, and the rest is its log
 *   r  the rest is values (a byte of kind, then the value) that fill rows of a good file
 * What is read keeps what the headers promise; damage is told, set aside, and a new store takes its place. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/text.h"
#include "batch/recipe.h"
#include "batch/store_internal.h"
#include "fuzz.h"

static char folder[64];

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* ---- what was read ---- */

static void check_text(const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        require(*c >= 0x20 && *c != 0x7F);
    }
}

static void check_error(const Error *error)
{
    require(error->class_ >= ERROR_NONE && error->class_ < ERROR_CLASS_COUNT);
    check_text(error->what);
    check_text(error->file);
    check_text(error->why);
    check_text(error->todo);
}

static bool check_attempt(void *context, const AttemptRow *row)
{
    (void)context;
    require(row->number > 0 && row->began_s >= 0 && isfinite(row->ended_s) && row->chunks >= 0);
    check_text(row->ended);
    check_text(row->decision);
    check_error(&row->error);
    return true;
}

static bool check_chunk(void *context, const ChunkReport *chunk)
{
    (void)context;
    require(chunk->index >= 0 && chunk->frames >= 0 && chunk->bytes >= 0 && hash_is_digest(chunk->checksum));
    return true;
}

static bool check_video(void *context, const VideoRow *row)
{
    Store *store = context;
    char difference[256];
    require(row->id > 0 && store_is_name(row->output) && row->input != NULL);
    require(row->work == NULL || store_is_name(row->work));
    require(row->key[0] == '\0' || hash_is_digest(row->key));
    require(row->state > VIDEO_NONE && row->state < VIDEO_STATE_COUNT);
    require(row->input_bytes >= -1 && row->frames_done >= 0 && row->fps >= 0 && isfinite(row->duration_s));
    require(row->result.frames >= 0 && isfinite(row->result.elapsed_s));
    check_text(row->note);
    check_error(&row->error);
    (void)recipe_difference(row->recipe, row->recipe, difference, sizeof difference);
    check_text(difference);
    (void)store_each_attempt(store, row->id, check_attempt, NULL, NULL);
    (void)store_each_chunk(store, row->id, check_chunk, NULL, NULL);
    return true;
}

static bool check_sample(void *context, const SampleRow *row)
{
    (void)context;
    require(row->rss_bytes >= 0 && isfinite(row->wall_s));
    return true;
}

static bool check_event(void *context, const EventRow *row)
{
    (void)context;
    check_text(row->kind);
    check_text(row->text);
    return true;
}

static void read_all(Store *store)
{
    RunRow run;
    (void)store_each_video(store, check_video, store, NULL);
    (void)store_each_sample(store, 0, check_sample, NULL, NULL);
    (void)store_each_event(store, 0, check_event, NULL, NULL);
    if (store_last_run(store, &run, NULL) == STATUS_OK) {
        check_text(run.state);
        check_text(run.note);
    }
    memory_free(run.options);
}

static void take_requests(Store *store)
{
    enum { MOST = 10 };
    for (int i = 0; i < MOST; i++) {
        Request request;
        const Status status = store_take_request(store, &request, NULL);
        require(status != STATUS_OK || request.kind != REQUEST_NONE);
        require(request.output == NULL || store_is_name(request.output));
        memory_free(request.output);
    }
}

/* ---- the file ---- */

static char *path_of(const char *suffix)
{
    return text_format("%s/batch.db%s", folder, suffix);
}

static void put(const char *suffix, const uint8_t *data, size_t size)
{
    char *path = path_of(suffix);
    FILE *file = fopen(path, "wb");
    require(file != NULL && fwrite(data, 1, size, file) == size && fclose(file) == 0);
    memory_free(path);
}

static void clear(const char *aside)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        char *path = path_of(suffixes[i]);
        char *moved = text_format("%s/%s%s", folder, aside, suffixes[i]);
        (void)unlink(path);
        if (aside[0] != '\0') {
            (void)unlink(moved);
        }
        memory_free(moved);
        memory_free(path);
    }
}

static void try_file(void)
{
    Store *store = NULL;
    Error err = {0};
    const Status status = store_open(&store, folder, STORE_READ, NULL, NULL, &err);
    require((status == STATUS_FAILED) == error_is_set(&err) && (status == STATUS_OK) == (store != NULL));
    if (status == STATUS_OK) {
        read_all(store);
    }
    store_close(&store);
    StoreOpened how;
    char aside[STORE_ASIDE_SIZE];
    error_clear(&err);
    if (store_open(&store, folder, STORE_WRITE, &how, aside, &err) == STATUS_OK) {
        require((how == STORE_RESCUED) == (aside[0] != '\0'));
        require(how != STORE_RESCUED || status != STATUS_OK);
        read_all(store);
        take_requests(store);
        VideoRow row = {.output = (char[]){"a.mp4"}, .input = (char[]){"a"}, .state = VIDEO_QUEUED};
        (void)store_video_save(store, &row, NULL);
    } else {
        require(error_is_set(&err));
    }
    store_close(&store);
    clear(aside);
}

/* ---- rows ---- */

typedef struct Values {
    const uint8_t *data;
    size_t size;
} Values;

static const uint8_t *take(Values *values, size_t count)
{
    static const uint8_t zeros[256] = {0};
    if (count > values->size) {
        values->size = 0;
        return zeros;
    }
    const uint8_t *taken = values->data;
    values->data += count;
    values->size -= count;
    return taken;
}

static void bind(sqlite3_stmt *statement, int index, Values *values)
{
    int64_t integer = 0;
    double real = 0;
    int length = 0;
    switch (*take(values, 1) % 6) {
    case 0:
        (void)sqlite3_bind_null(statement, index);
        break;
    case 1:
        (void)sqlite3_bind_int(statement, index, *take(values, 1));
        break;
    case 2:
        memcpy(&integer, take(values, sizeof integer), sizeof integer);
        (void)sqlite3_bind_int64(statement, index, integer);
        break;
    case 3:
        memcpy(&real, take(values, sizeof real), sizeof real);
        (void)sqlite3_bind_double(statement, index, real);
        break;
    case 4:
        length = *take(values, 1);
        (void)sqlite3_bind_text(statement, index, (const char *)take(values, (size_t)length), length,
                                SQLITE_TRANSIENT);
        break;
    default:
        length = *take(values, 1);
        (void)sqlite3_bind_blob(statement, index, take(values, (size_t)length), length, SQLITE_TRANSIENT);
        break;
    }
}

static void insert_row(Store *store, Values *values)
{
    static const struct {
        const char *table;
        int columns;
    } tables[] = {{"videos", 18}, {"progress", 5}, {"attempts", 15}, {"chunks", 9}, {"runs", 10},
                  {"samples", 6}, {"events", 6},   {"requests", 5},  {"inputs", 5}};
    const size_t chosen = *take(values, 1) % (sizeof tables / sizeof tables[0]);
    Text sql = {0};
    text_appendf(&sql, "INSERT OR REPLACE INTO %s VALUES (?", tables[chosen].table);
    for (int i = 1; i < tables[chosen].columns; i++) {
        text_append(&sql, ", ?");
    }
    text_append(&sql, ")");
    sqlite3_stmt *statement = NULL;
    require(sqlite3_prepare_v2(store->db, sql.data, -1, &statement, NULL) == SQLITE_OK);
    for (int i = 1; i <= tables[chosen].columns; i++) {
        bind(statement, i, values);
    }
    (void)sqlite3_step(statement); /* what a table refuses is not there */
    (void)sqlite3_finalize(statement);
    text_free(&sql);
}

static void try_rows(Values values)
{
    Store *store = NULL;
    require(store_open(&store, folder, STORE_WRITE, NULL, NULL, NULL) == STATUS_OK);
    (void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_ENABLE_FKEY, 0, (int *)NULL);
    store_begin(store);
    while (values.size > 0) {
        insert_row(store, &values);
    }
    read_all(store);
    take_requests(store);
    (void)store_commit(store, false, NULL);
    store_close(&store);
    clear("");
}

static void remove_folder(void)
{
    (void)rmdir(folder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (folder[0] == '\0') {
        text_copy(folder, sizeof folder,
                  access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm/runbatch-fuzz-XXXXXX"
                                                       : "/tmp/runbatch-fuzz-XXXXXX");
        require(mkdtemp(folder) != NULL && atexit(remove_folder) == 0);
    }
    if (size > 0 && data[0] == 'r') {
        try_rows((Values){data + 1, size - 1});
    } else if (size > 4 && data[0] == 'l') {
        const size_t length = (size_t)data[1] << 16U | (size_t)data[2] << 8U | data[3];
        const size_t file = length < size - 4 ? length : size - 4;
        put("", data + 4, file);
        put("-wal", data + 4 + file, size - 4 - file);
        try_file();
    } else if (size > 0) {
        put("", data + 1, size - 1);
        try_file();
    }
    return 0;
}
