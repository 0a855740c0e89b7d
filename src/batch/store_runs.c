#include "base/alloc.h"
#include "base/clock.h"
#include "batch/store_internal.h"

/* ---- runs ---- */

static Status drop_requests(Store *store, Error *err)
{
    static const char sql[] = "DELETE FROM requests";
    Query query = query_new(store, sql);
    return query_run(&query, store_cannot_save, err);
}

Status store_run_begin(Store *store, const RunRow *run, int64_t *id, Error *err)
{
    static const char sql[] =
        "INSERT INTO runs (began_s, ended_s, process, host, version, state, note, planned, options)"
        " VALUES (?, 0, ?, ?, ?, ?, ?, ?, ?)";
    *id = 0;
    Status status = store_write_begin(store, err);
    if (status != STATUS_OK) {
        return status;
    }
    Query query = query_new(store, sql);
    query_bind_real(&query, run->began_s);
    query_bind_integer(&query, run->process);
    query_bind_text(&query, run->host);
    query_bind_text(&query, run->version);
    query_bind_text(&query, run->state);
    query_bind_text(&query, run->note);
    query_bind_integer(&query, run->planned);
    query_bind_text(&query, run->options);
    status = query_run(&query, store_cannot_save, err);
    const int64_t inserted = sqlite3_last_insert_rowid(store->db);
    if (status == STATUS_OK) {
        status = drop_requests(store, err);
    }
    status = store_write_end(store, status, true, err);
    if (status == STATUS_OK) {
        *id = inserted;
    }
    return status;
}

Status store_run_state(Store *store, int64_t run, const char *state, const char *note, Error *err)
{
    static const char sql[] = "UPDATE runs SET state = ?, note = ? WHERE id = ?";
    Status status = store_write_begin(store, err);
    if (status != STATUS_OK) {
        return status;
    }
    Query query = query_new(store, sql);
    query_bind_text(&query, state);
    query_bind_text(&query, note);
    query_bind_integer(&query, run);
    return store_write_end(store, query_run(&query, store_cannot_save, err), true, err);
}

Status store_run_end(Store *store, int64_t run, Error *err)
{
    static const char sql[] = "UPDATE runs SET state = 'over', note = '', ended_s = ? WHERE id = ?";
    Status status = store_write_begin(store, err);
    if (status != STATUS_OK) {
        return status;
    }
    Query query = query_new(store, sql);
    query_bind_real(&query, clock_wall_s());
    query_bind_integer(&query, run);
    return store_write_end(store, query_run(&query, store_cannot_save, err), true, err);
}

static bool get_run(Query *query, RunRow *run)
{
    *run = (RunRow){.id = query_get_integer(query, 1, INT64_MAX)};
    run->began_s = query_get_real(query);
    run->ended_s = query_get_real(query);
    run->process = query_get_integer(query, 0, INT32_MAX);
    query_get_text(query, run->host, sizeof run->host);
    query_get_text(query, run->version, sizeof run->version);
    query_get_text(query, run->state, sizeof run->state);
    query_get_text(query, run->note, sizeof run->note);
    run->planned = query_get_int(query, 0, INT32_MAX);
    run->options = query_get_owned(query, STORE_JSON_MOST, true, true);
    if (query->bad) {
        query->store->skipped++;
        memory_free(run->options);
        *run = (RunRow){0};
        return false;
    }
    return true;
}

#define RUN_COLUMNS "id, began_s, ended_s, process, host, version, state, note, planned, options"

Status store_last_run(Store *store, RunRow *run, Error *err)
{
    static const char sql[] = "SELECT " RUN_COLUMNS " FROM runs ORDER BY id DESC";
    *run = (RunRow){0};
    Query query = query_new(store, sql);
    bool found = false;
    while (!found && query_row(&query)) {
        found = get_run(&query, run);
    }
    if (query_end(&query, store_cannot_read, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    return found ? STATUS_OK : STATUS_AGAIN;
}

Status store_each_run(Store *store, StoreRunVisitor visit, void *context, Error *err)
{
    static const char sql[] = "SELECT " RUN_COLUMNS " FROM runs ORDER BY id";
    Query query = query_new(store, sql);
    for (bool more = true; more && query_row(&query);) {
        RunRow run;
        more = !get_run(&query, &run) || visit(context, &run);
        memory_free(run.options);
    }
    return query_end(&query, store_cannot_read, err);
}

/* ---- events ---- */

static Status drop_old_events(Store *store, int64_t newest, Error *err)
{
    static const char sql[] = "DELETE FROM events WHERE id <= ?";
    Query query = query_new(store, sql);
    query_bind_integer(&query, newest - STORE_EVENTS_MOST);
    return query_run(&query, store_cannot_save, err);
}

Status store_event(Store *store, int64_t run, int64_t video, double wall_s, const char *kind,
                   const char *text, Error *err)
{
    static const char sql[] = "INSERT INTO events (run, video, wall_s, kind, text) VALUES (?, ?, ?, ?, ?)";
    Status status = store_write_begin(store, err);
    if (status != STATUS_OK) {
        return status;
    }
    Query query = query_new(store, sql);
    query_bind_reference(&query, run);
    query_bind_reference(&query, video);
    query_bind_real(&query, wall_s);
    query_bind_text(&query, kind);
    query_bind_text(&query, text);
    status = query_run(&query, store_cannot_save, err);
    if (status == STATUS_OK) {
        status = drop_old_events(store, sqlite3_last_insert_rowid(store->db), err);
    }
    return store_write_end(store, status, false, err);
}

Status store_each_event(Store *store, int64_t after, StoreEventVisitor visit, void *context, Error *err)
{
    static const char sql[] =
        "SELECT id, run, video, wall_s, kind, text FROM events WHERE id > ? ORDER BY id";
    Query query = query_new(store, sql);
    query_bind_integer(&query, after);
    for (bool more = true; more && query_row(&query);) {
        EventRow row = {.id = query_get_integer(&query, 1, INT64_MAX)};
        row.run = query_get_reference(&query);
        row.video = query_get_reference(&query);
        row.wall_s = query_get_real(&query);
        query_get_text(&query, row.kind, sizeof row.kind);
        row.text = query_get_owned(&query, STORE_JSON_MOST, false, false);
        store->skipped += query.bad;
        more = query.bad || visit(context, &row);
        memory_free(row.text);
    }
    return query_end(&query, store_cannot_read, err);
}
