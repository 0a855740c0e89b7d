#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "batch/store_internal.h"

static const char *const kind_names[] = {
    [REQUEST_PAUSE] = "pause",
    [REQUEST_CONTINUE] = "continue",
    [REQUEST_CANCEL] = "cancel",
};
enum { KIND_COUNT = sizeof kind_names / sizeof kind_names[0] };

static RequestKind kind_from_name(const char *name)
{
    for (int i = REQUEST_PAUSE; i < KIND_COUNT; i++) {
        if (strcmp(name, kind_names[i]) == 0) {
            return (RequestKind)i;
        }
    }
    return REQUEST_NONE;
}

/* ---- taken by the supervisor ---- */

/* Changes when another connection committed something. */
static Status ask_data_version(Store *store, int64_t *version, Error *err)
{
    static const char sql[] = "PRAGMA data_version";
    Query query = query_new(store, sql);
    if (query_row(&query)) {
        *version = query_get_integer(&query, 0, INT64_MAX);
    }
    return query_end(&query, store_cannot_read, err);
}

/* The oldest one that can be; `id` also of one that cannot. STATUS_AGAIN: none. */
static Status find_request(Store *store, int64_t *id, Request *request, Error *err)
{
    static const char sql[] =
        "SELECT id, kind, output FROM requests WHERE taken_s IS NULL ORDER BY id LIMIT 1";
    Query query = query_new(store, sql);
    const bool found = query_row(&query);
    if (found) {
        char kind[32];
        *id = sqlite3_column_int64(query.statement, query.index++);
        query_get_text(&query, kind, sizeof kind);
        request->id = *id;
        request->kind = kind_from_name(kind);
        request->output = query_get_name(&query, true);
        if (query.bad || request->kind == REQUEST_NONE) {
            store->skipped++;
            memory_free(request->output);
            *request = (Request){0};
        }
    }
    const Status status = query_end(&query, store_cannot_read, err);
    return status == STATUS_OK && !found ? STATUS_AGAIN : status;
}

/* And deletes those that were taken long ago. */
static Status mark_taken(Store *store, int64_t id, Error *err)
{
    enum { KEPT = 1000 };
    static const char mark[] = "UPDATE requests SET taken_s = ? WHERE id = ?";
    static const char drop[] = "DELETE FROM requests WHERE taken_s IS NOT NULL AND id <= ?";
    Query query = query_new(store, mark);
    query_bind_real(&query, clock_wall_s());
    query_bind_integer(&query, id);
    if (query_run(&query, store_cannot_save, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    query = query_new(store, drop);
    query_bind_integer(&query, id > INT64_MIN + KEPT ? id - KEPT : INT64_MIN);
    return query_run(&query, store_cannot_save, err);
}

static Status take(Store *store, Request *request, Error *err)
{
    Status status = store_write_begin(store, err);
    if (status != STATUS_OK) {
        return status;
    }
    do {
        int64_t id = 0;
        status = find_request(store, &id, request, err);
        if (status == STATUS_OK) {
            status = mark_taken(store, id, err);
        }
    } while (status == STATUS_OK && request->kind == REQUEST_NONE);
    return store_write_end(store, status, false, err);
}

Status store_take_request(Store *store, Request *request, Error *err)
{
    *request = (Request){0};
    int64_t version = 0;
    if (ask_data_version(store, &version, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    if (version == store->data_version) {
        return STATUS_AGAIN;
    }
    const Status status = take(store, request, err);
    if (status == STATUS_AGAIN) {
        store->data_version = version;
    } else if (status == STATUS_FAILED) {
        memory_free(request->output);
        *request = (Request){0};
    }
    return status;
}

/* ---- asked by others ---- */

static Status insert_request(Store *store, RequestKind kind, const char *output, Error *err)
{
    static const char sql[] = "INSERT INTO requests (kind, output, asked_s) VALUES (?, ?, ?)";
    Status status = store_write_begin(store, err);
    if (status != STATUS_OK) {
        return status;
    }
    Query query = query_new(store, sql);
    query_bind_text(&query, kind_names[kind]);
    query_bind_text(&query, output);
    query_bind_real(&query, clock_wall_s());
    return store_write_end(store, query_run(&query, store_cannot_save, err), true, err);
}

Status store_ask(Store *store, RequestKind kind, const char *output, Error *err)
{
    if (store->mode == STORE_WRITE) {
        store->data_version = -1; /* of its own writes a connection is not told */
        return insert_request(store, kind, output, err);
    }
    Store asking = {.mode = STORE_WRITE, .path = store->path, .logged = true};
    int code = sqlite3_open_v2(store->path, &asking.db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK) {
        code = store_configure(asking.db);
    }
    const Status status = code == SQLITE_OK ? insert_request(&asking, kind, output, err)
                                            : store_failed(&asking, store_cannot_save, code, err);
    store_disconnect(&asking);
    return status;
}
