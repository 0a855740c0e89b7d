#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "batch/store_internal.h"

static const char *const state_names[VIDEO_STATE_COUNT] = {
    [VIDEO_NONE] = "",
    [VIDEO_QUEUED] = "queued",
    [VIDEO_RUNNING] = "running",
    [VIDEO_WAITING] = "waiting",
    [VIDEO_PAUSED] = "paused",
    [VIDEO_STOPPED] = "stopped",
    [VIDEO_DONE] = "done",
    [VIDEO_FAILED] = "failed",
    [VIDEO_SET_ASIDE] = "set_aside",
    [VIDEO_CANCELLED] = "cancelled",
    [VIDEO_REFUSED] = "refused",
};

const char *video_state_name(VideoState state)
{
    return state > VIDEO_NONE && state < VIDEO_STATE_COUNT ? state_names[state] : "";
}

VideoState video_state_from_name(const char *name)
{
    for (int i = VIDEO_NONE + 1; i < VIDEO_STATE_COUNT; i++) {
        if (strcmp(name, state_names[i]) == 0) {
            return (VideoState)i;
        }
    }
    return VIDEO_NONE;
}

bool store_is_name(const char *name)
{
    enum { NAME_MOST = 255 };
    const size_t length = strlen(name);
    if (length == 0 || length > NAME_MOST || name[0] == '.') {
        return false;
    }
    for (const unsigned char *c = (const unsigned char *)name; *c != '\0'; c++) {
        if (*c < 0x20 || *c == 0x7F || *c == '/') {
            return false;
        }
    }
    return true;
}

void video_row_free(VideoRow *row)
{
    memory_free(row->output);
    memory_free(row->input);
    memory_free(row->work);
    memory_free(row->recipe);
    *row = (VideoRow){0};
}

/* ---- videos ---- */

#define VIDEO_COLUMNS                                                                                        \
    "SELECT id, output, input, work, recipe, key, state, position, input_bytes, frames_total, duration_s,"   \
    " worker, changed_s, output_bytes, output_mtime_ns, result, error, note, coalesce(frames_done, 0),"      \
    " coalesce(fps, 0), coalesce(rss_bytes, 0), coalesce(peak_rss_bytes, 0)"                                 \
    " FROM videos LEFT JOIN progress ON video = id"

static void get_result(Query *query, VideoResult *result)
{
    char *text = query_get_owned(query, STORE_JSON_MOST, true, true);
    if (text == NULL) {
        return;
    }
    json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    if (!video_result_from_json(object, result)) {
        query->bad = true;
    }
    json_decref(object);
    memory_free(text);
}

/* False: the row cannot be; `row` owns nothing then. */
static bool get_video(Query *query, VideoRow *row)
{
    char state[32];
    *row = (VideoRow){.id = query_get_integer(query, 1, INT64_MAX)};
    row->output = query_get_name(query, false);
    row->input = query_get_owned(query, STORE_PATH_MOST, false, true);
    row->work = query_get_name(query, true);
    row->recipe = query_get_owned(query, STORE_JSON_MOST, true, true);
    query_get_digest(query, row->key, true);
    query_get_text(query, state, sizeof state);
    row->state = video_state_from_name(state);
    row->position = query_get_int(query, 0, INT32_MAX);
    row->input_bytes = query_get_integer(query, -1, STORE_INTEGER_MOST);
    row->frames_total = query_get_integer(query, 0, STORE_INTEGER_MOST);
    row->duration_s = query_get_real(query);
    row->worker = query_get_integer(query, 0, INT32_MAX);
    row->changed_s = query_get_real(query);
    row->output_bytes = query_get_integer(query, 0, STORE_INTEGER_MOST);
    row->output_mtime_ns = query_get_integer(query, INT64_MIN, INT64_MAX);
    get_result(query, &row->result);
    query_get_error(query, &row->error);
    query_get_text(query, row->note, sizeof row->note);
    row->frames_done = query_get_integer(query, 0, STORE_INTEGER_MOST);
    row->fps = query_get_real(query);
    row->rss_bytes = query_get_integer(query, 0, STORE_INTEGER_MOST);
    row->peak_rss_bytes = query_get_integer(query, 0, STORE_INTEGER_MOST);
    if (query->bad || row->state == VIDEO_NONE) {
        query->store->skipped++;
        video_row_free(row);
        return false;
    }
    return true;
}

Status store_video_find(Store *store, const char *output, VideoRow *row, Error *err)
{
    static const char sql[] = VIDEO_COLUMNS " WHERE output = ?";
    *row = (VideoRow){0};
    Query query = query_new(store, sql);
    query_bind_text(&query, output);
    const bool found = query_row(&query) && get_video(&query, row);
    if (query_end(&query, store_cannot_read, err) != STATUS_OK) {
        video_row_free(row);
        return STATUS_FAILED;
    }
    return found ? STATUS_OK : STATUS_AGAIN;
}

Status store_each_video(Store *store, StoreVideoVisitor visit, void *context, Error *err)
{
    static const char sql[] = VIDEO_COLUMNS " ORDER BY position, id";
    Query query = query_new(store, sql);
    for (bool more = true; more && query_row(&query);) {
        VideoRow row;
        if (get_video(&query, &row)) {
            more = visit(context, &row);
            video_row_free(&row);
        }
    }
    return query_end(&query, store_cannot_read, err);
}

static Status save_columns(Store *store, const VideoRow *row, Error *err)
{
    static const char sql[] =
        "INSERT INTO videos (output, input, work, recipe, key, state, position, input_bytes, frames_total,"
        " duration_s, worker, changed_s, output_bytes, output_mtime_ns, result, error, note)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (output) DO UPDATE SET input = excluded.input, work = excluded.work,"
        " recipe = excluded.recipe, key = excluded.key, state = excluded.state, position = excluded.position,"
        " input_bytes = excluded.input_bytes, frames_total = excluded.frames_total,"
        " duration_s = excluded.duration_s, worker = excluded.worker, changed_s = excluded.changed_s,"
        " output_bytes = excluded.output_bytes, output_mtime_ns = excluded.output_mtime_ns,"
        " result = excluded.result, error = excluded.error, note = excluded.note";
    json_t *object = row->state == VIDEO_DONE ? video_result_to_json(&row->result) : NULL;
    char *result = object != NULL ? memory_check(json_dumps(object, JSON_COMPACT)) : NULL;
    char *error = store_error_text(&row->error);
    Query query = query_new(store, sql);
    query_bind_text(&query, row->output);
    query_bind_text(&query, row->input);
    query_bind_text(&query, row->work);
    query_bind_text(&query, row->recipe);
    query_bind_text(&query, row->key);
    query_bind_text(&query, video_state_name(row->state));
    query_bind_integer(&query, row->position);
    query_bind_integer(&query, row->input_bytes);
    query_bind_integer(&query, row->frames_total);
    query_bind_real(&query, row->duration_s);
    query_bind_integer(&query, row->worker);
    query_bind_real(&query, row->changed_s);
    query_bind_integer(&query, row->output_bytes);
    query_bind_integer(&query, row->output_mtime_ns);
    query_bind_text(&query, result);
    query_bind_text(&query, error);
    query_bind_text(&query, row->note);
    const Status status = query_run(&query, store_cannot_save, err);
    memory_free(error);
    memory_free(result);
    json_decref(object);
    return status;
}

static Status find_id(Store *store, const char *output, int64_t *id, Error *err)
{
    static const char sql[] = "SELECT id FROM videos WHERE output = ?";
    Query query = query_new(store, sql);
    query_bind_text(&query, output);
    if (query_row(&query)) {
        *id = query_get_integer(&query, 1, INT64_MAX);
    }
    return query_end(&query, store_cannot_save, err);
}

static Status save_progress(Store *store, int64_t video, const VideoRow *row, Error *err)
{
    static const char sql[] =
        "INSERT INTO progress (video, frames_done, fps, rss_bytes, peak_rss_bytes) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (video) DO UPDATE SET frames_done = excluded.frames_done, fps = excluded.fps,"
        " rss_bytes = excluded.rss_bytes, peak_rss_bytes = excluded.peak_rss_bytes";
    Query query = query_new(store, sql);
    query_bind_integer(&query, video);
    query_bind_integer(&query, row->frames_done);
    query_bind_real(&query, row->fps);
    query_bind_integer(&query, row->rss_bytes);
    query_bind_integer(&query, row->peak_rss_bytes);
    return query_run(&query, store_cannot_save, err);
}

Status store_video_save(Store *store, VideoRow *row, Error *err)
{
    if (!store_is_name(row->output)) {
        return error_set(err, ERROR_INTERNAL, store_cannot_save, row->output, "no output can have this name");
    }
    Status status = store_write_begin(store, err);
    if (status != STATUS_OK) {
        return status;
    }
    int64_t id = 0;
    status = save_columns(store, row, err);
    if (status == STATUS_OK) {
        status = find_id(store, row->output, &id, err);
    }
    if (status == STATUS_OK) {
        status = save_progress(store, id, row, err);
    }
    status = store_write_end(store, status, true, err);
    if (status == STATUS_OK) {
        row->id = id;
    }
    return status;
}

Status store_video_progress(Store *store, const VideoRow *row, Error *err)
{
    Status status = store_write_begin(store, err);
    if (status == STATUS_OK) {
        status = save_progress(store, row->id, row, err);
        status = store_write_end(store, status, false, err);
    }
    return status;
}

/* ---- attempts ---- */

static Status next_number(Store *store, int64_t video, int *number, Error *err)
{
    static const char sql[] = "SELECT coalesce(max(number), 0) + 1 FROM attempts WHERE video = ?";
    Query query = query_new(store, sql);
    query_bind_integer(&query, video);
    if (query_row(&query)) {
        *number = query_get_int(&query, 1, INT32_MAX);
    }
    return query_end(&query, store_cannot_save, err);
}

/* All columns. Changes nothing (`saved` false) where another attempt has the number. */
static Status put_attempt(Store *store, const AttemptRow *attempt, bool *saved, Error *err)
{
    static const char sql[] =
        "INSERT INTO attempts (video, run, number, began_s, ended_s, ended, error, decision, frames, chunks,"
        " chunks_reused, threads, peak_rss_bytes, estimate_bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
        "?, ?, ?)"
        " ON CONFLICT (video, number) DO UPDATE SET run = excluded.run, ended_s = excluded.ended_s,"
        " ended = excluded.ended, error = excluded.error, decision = excluded.decision,"
        " frames = excluded.frames, chunks = excluded.chunks, chunks_reused = excluded.chunks_reused,"
        " threads = excluded.threads, peak_rss_bytes = excluded.peak_rss_bytes,"
        " estimate_bytes = excluded.estimate_bytes"
        " WHERE began_s = excluded.began_s";
    char *error = store_error_text(&attempt->error);
    Query query = query_new(store, sql);
    query_bind_integer(&query, attempt->video);
    query_bind_reference(&query, attempt->run);
    query_bind_integer(&query, attempt->number);
    query_bind_real(&query, attempt->began_s);
    query_bind_real(&query, attempt->ended_s);
    query_bind_text(&query, attempt->ended);
    query_bind_text(&query, error);
    query_bind_text(&query, attempt->decision);
    query_bind_integer(&query, attempt->frames);
    query_bind_integer(&query, attempt->chunks);
    query_bind_integer(&query, attempt->chunks_reused);
    query_bind_integer(&query, attempt->threads);
    query_bind_integer(&query, attempt->peak_rss_bytes);
    query_bind_integer(&query, attempt->estimate_bytes);
    const Status status = query_run(&query, store_cannot_save, err);
    *saved = status == STATUS_OK && sqlite3_changes(store->db) > 0;
    memory_free(error);
    return status;
}

static Status find_attempt(Store *store, AttemptRow *attempt, Error *err)
{
    static const char sql[] = "SELECT id FROM attempts WHERE video = ? AND number = ?";
    Query query = query_new(store, sql);
    query_bind_integer(&query, attempt->video);
    query_bind_integer(&query, attempt->number);
    if (query_row(&query)) {
        attempt->id = query_get_integer(&query, 1, INT64_MAX);
    }
    return query_end(&query, store_cannot_save, err);
}

Status store_attempt_save(Store *store, AttemptRow *attempt, Error *err)
{
    Status status = store_write_begin(store, err);
    if (status != STATUS_OK) {
        return status;
    }
    AttemptRow row = *attempt;
    bool saved = false;
    if (row.number > 0) {
        status = put_attempt(store, &row, &saved, err);
    }
    if (status == STATUS_OK && !saved) {
        status = next_number(store, row.video, &row.number, err);
        if (status == STATUS_OK) {
            status = put_attempt(store, &row, &saved, err);
        }
    }
    if (status == STATUS_OK) {
        status = find_attempt(store, &row, err);
    }
    status = store_write_end(store, status, true, err);
    if (status == STATUS_OK) {
        attempt->id = row.id;
        attempt->number = row.number;
    }
    return status;
}

Status store_attempt_begin(Store *store, AttemptRow *attempt, Error *err)
{
    attempt->id = 0;
    attempt->number = 0;
    return store_attempt_save(store, attempt, err);
}

static bool get_attempt(Query *query, AttemptRow *row)
{
    *row = (AttemptRow){.id = query_get_integer(query, 1, INT64_MAX)};
    row->video = query_get_integer(query, 1, INT64_MAX);
    row->run = query_get_reference(query);
    row->number = query_get_int(query, 1, INT32_MAX);
    row->began_s = query_get_real(query);
    row->ended_s = query_get_real(query);
    query_get_text(query, row->ended, sizeof row->ended);
    query_get_error(query, &row->error);
    query_get_text(query, row->decision, sizeof row->decision);
    row->frames = query_get_integer(query, 0, STORE_INTEGER_MOST);
    row->chunks = query_get_int(query, 0, INT32_MAX);
    row->chunks_reused = query_get_int(query, 0, INT32_MAX);
    row->threads = query_get_int(query, 0, INT32_MAX);
    row->peak_rss_bytes = query_get_integer(query, 0, STORE_INTEGER_MOST);
    row->estimate_bytes = query_get_integer(query, 0, STORE_INTEGER_MOST);
    query->store->skipped += query->bad;
    return !query->bad;
}

Status store_each_attempt(Store *store, int64_t video, StoreAttemptVisitor visit, void *context, Error *err)
{
    static const char sql[] =
        "SELECT id, video, run, number, began_s, ended_s, ended, error, decision, frames, chunks,"
        " chunks_reused, threads, peak_rss_bytes, estimate_bytes FROM attempts WHERE video = ? ORDER BY "
        "number";
    Query query = query_new(store, sql);
    query_bind_integer(&query, video);
    for (bool more = true; more && query_row(&query);) {
        AttemptRow row;
        more = !get_attempt(&query, &row) || visit(context, &row);
    }
    return query_end(&query, store_cannot_read, err);
}

/* ---- chunks ---- */

Status store_chunk_save(Store *store, int64_t video, const ChunkReport *chunk, Error *err)
{
    static const char sql[] =
        "INSERT OR REPLACE INTO chunks (video, number, reused, last, first_frame, frames,"
        " packets, bytes, checksum) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
    Status status = store_write_begin(store, err);
    if (status != STATUS_OK) {
        return status;
    }
    Query query = query_new(store, sql);
    query_bind_integer(&query, video);
    query_bind_integer(&query, chunk->index);
    query_bind_integer(&query, chunk->reused);
    query_bind_integer(&query, chunk->last);
    query_bind_integer(&query, chunk->first_frame);
    query_bind_integer(&query, chunk->frames);
    query_bind_integer(&query, chunk->packets);
    query_bind_integer(&query, chunk->bytes);
    query_bind_text(&query, chunk->checksum);
    return store_write_end(store, query_run(&query, store_cannot_save, err), true, err);
}

Status store_chunks_forget(Store *store, int64_t video, Error *err)
{
    static const char sql[] = "DELETE FROM chunks WHERE video = ?";
    Status status = store_write_begin(store, err);
    if (status != STATUS_OK) {
        return status;
    }
    Query query = query_new(store, sql);
    query_bind_integer(&query, video);
    return store_write_end(store, query_run(&query, store_cannot_save, err), true, err);
}

static bool get_chunk(Query *query, ChunkReport *chunk)
{
    *chunk = (ChunkReport){.index = query_get_int(query, 0, INT32_MAX)};
    chunk->reused = query_get_bool(query);
    chunk->last = query_get_bool(query);
    chunk->first_frame = query_get_integer(query, 0, STORE_INTEGER_MOST);
    chunk->frames = query_get_integer(query, 0, STORE_INTEGER_MOST);
    chunk->packets = query_get_integer(query, 0, STORE_INTEGER_MOST);
    chunk->bytes = query_get_integer(query, 0, STORE_INTEGER_MOST);
    query_get_digest(query, chunk->checksum, false);
    query->store->skipped += query->bad;
    return !query->bad;
}

Status store_each_chunk(Store *store, int64_t video, StoreChunkVisitor visit, void *context, Error *err)
{
    static const char sql[] = "SELECT number, reused, last, first_frame, frames, packets, bytes, checksum"
                              " FROM chunks WHERE video = ? ORDER BY number";
    Query query = query_new(store, sql);
    query_bind_integer(&query, video);
    for (bool more = true; more && query_row(&query);) {
        ChunkReport chunk;
        more = !get_chunk(&query, &chunk) || visit(context, &chunk);
    }
    return query_end(&query, store_cannot_read, err);
}
