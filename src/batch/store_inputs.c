#include "base/alloc.h"
#include "base/clock.h"
#include "base/files.h"
#include "batch/store_internal.h"

static Status forget_oldest(Store *store, Error *err)
{
    static const char sql[] =
        "DELETE FROM inputs WHERE path IN (SELECT path FROM inputs ORDER BY looked_s DESC"
        " LIMIT -1 OFFSET ?)";
    if (store->inputs <= STORE_INPUTS_MOST) {
        return STATUS_OK;
    }
    /* A tenth more than must be: not again for a while. */
    store->inputs = STORE_INPUTS_MOST - STORE_INPUTS_MOST / 10;
    Query query = query_new(store, sql);
    query_bind_integer(&query, store->inputs);
    return query_run(&query, store_cannot_save, err);
}

static Status count(Store *store, Error *err)
{
    static const char sql[] = "SELECT count(*) FROM inputs";
    if (store->inputs >= 0) {
        return STATUS_OK;
    }
    Query query = query_new(store, sql);
    if (query_row(&query)) {
        store->inputs = query_get_integer(&query, 0, STORE_INTEGER_MOST);
    }
    return query_end(&query, store_cannot_save, err);
}

static Status save(Store *store, const char *path, int64_t size, int64_t mtime_ns, const char *look,
                   Error *err)
{
    static const char sql[] =
        "INSERT INTO inputs (path, size, mtime_ns, looked_s, look) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (path) DO UPDATE SET size = excluded.size, mtime_ns = excluded.mtime_ns,"
        " looked_s = excluded.looked_s, look = excluded.look";
    Query query = query_new(store, sql);
    query_bind_text(&query, path);
    query_bind_integer(&query, size);
    query_bind_integer(&query, mtime_ns);
    query_bind_real(&query, clock_wall_s());
    query_bind_text(&query, look);
    return query_run(&query, store_cannot_save, err);
}

Status store_input_save(Store *store, const char *path, int64_t size, int64_t mtime_ns, const MediaLook *look,
                        Error *err)
{
    Status status = store_write_begin(store, err);
    if (status != STATUS_OK) {
        return status;
    }
    json_t *object = message_look_to_json(look);
    char *text = memory_check(json_dumps(object, JSON_COMPACT));
    char *absolute = path_absolute(path);
    status = count(store, err);
    if (status == STATUS_OK) {
        status = save(store, absolute, size, mtime_ns, text, err);
    }
    if (status == STATUS_OK) {
        store->inputs++; /* or it was there already: the count is only too high, until it is made anew */
        status = forget_oldest(store, err);
    }
    memory_free(absolute);
    memory_free(text);
    json_decref(object);
    return store_write_end(store, status, false, err);
}

static bool get_look(Query *query, MediaLook *look)
{
    char *text = query_get_owned(query, STORE_JSON_MOST, false, true);
    json_t *object = text != NULL ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    const bool good = json_is_object(object) && message_look_from_json(object, look) && !query->bad;
    json_decref(object);
    memory_free(text);
    return good;
}

Status store_input_find(Store *store, const char *path, int64_t size, int64_t mtime_ns, MediaLook *look,
                        Error *err)
{
    static const char sql[] = "SELECT size, mtime_ns, look FROM inputs WHERE path = ?";
    *look = (MediaLook){0};
    char *absolute = path_absolute(path);
    Query query = query_new(store, sql);
    query_bind_text(&query, absolute);
    bool found = false;
    if (query_row(&query)) {
        const int64_t has_size = query_get_integer(&query, 0, STORE_INTEGER_MOST);
        const int64_t has_mtime = query_get_integer(&query, INT64_MIN, INT64_MAX);
        const bool good = get_look(&query, look);
        store->skipped += !good;
        found = good && (size < 0 || (size == has_size && mtime_ns == has_mtime));
    }
    const Status status = query_end(&query, store_cannot_read, err);
    memory_free(absolute);
    if (status != STATUS_OK || !found) {
        *look = (MediaLook){0};
    }
    return status == STATUS_OK && !found ? STATUS_AGAIN : status;
}
