#include "batch/store_internal.h"

/* The highest sample of each of so many equal spans of a series' time stays when samples are thinned; the
 * machine's series is as long as the run, a video's only as the video. */
#define SPANS "CASE WHEN video IS NULL THEN 16 * ?1 ELSE ?1 END"

/* How many samples stay with so many spans. */
static Status count_left(Store *store, int64_t spans, int64_t *count, Error *err)
{
    static const char sql[] =
        "SELECT coalesce(sum(min(count, spans + 1)), 0) FROM"
        " (SELECT count(*) AS count, " SPANS " AS spans FROM samples GROUP BY run, video)";
    Query query = query_new(store, sql);
    query_bind_integer(&query, spans);
    if (query_row(&query)) {
        *count = query_get_integer(&query, 0, STORE_INTEGER_MOST);
    }
    return query_end(&query, store_cannot_save, err);
}

static Status drop(Store *store, const char *sql, int64_t parameter, Error *err)
{
    Query query = query_new(store, sql);
    query_bind_integer(&query, parameter);
    const Status status = query_run(&query, store_cannot_save, err);
    if (status == STATUS_OK) {
        store->samples -= sqlite3_changes(store->db);
    }
    return status;
}

/* As fine as it can be with half of the room left, and as fine at a series' beginning as at its end. */
static Status thin(Store *store, Error *err)
{
    static const char lower[] =
        "DELETE FROM samples WHERE id IN (SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY run,"
        " video, CAST((wall_s - first) * spans / (last - first) AS INTEGER)"
        " ORDER BY rss_bytes DESC, id) AS place"
        " FROM (SELECT id, run, video, wall_s, rss_bytes, " SPANS " AS spans, count(*) OVER series AS count,"
        " min(wall_s) OVER series AS first, max(wall_s) OVER series AS last"
        " FROM samples WINDOW series AS (PARTITION BY run, video)) WHERE count > spans + 1) WHERE place > 1)";
    /* Where there are more series than samples may stay. */
    static const char oldest[] =
        "DELETE FROM samples WHERE id IN (SELECT id FROM samples ORDER BY id LIMIT ?)";
    enum { HALF = STORE_SAMPLES_MOST / 2 };
    for (int64_t spans = HALF, left = 0; spans > 0; spans /= 2) {
        const Status status = count_left(store, spans, &left, err);
        if (status != STATUS_OK || left <= HALF) {
            return status == STATUS_OK ? drop(store, lower, spans, err) : status;
        }
    }
    return drop(store, oldest, store->samples - HALF, err);
}

Status store_sample(Store *store, int64_t run, int64_t video, double wall_s, int64_t rss_bytes,
                    int64_t limit_bytes, Error *err)
{
    static const char sql[] =
        "INSERT INTO samples (run, video, wall_s, rss_bytes, limit_bytes) VALUES (?, ?, ?, ?, ?)";
    Status status = store_write_begin(store, err);
    if (status != STATUS_OK) {
        return status;
    }
    if (store->samples < 0) {
        status = count_left(store, STORE_SAMPLES_MOST, &store->samples, err);
    }
    if (status == STATUS_OK && store->samples >= STORE_SAMPLES_MOST) {
        status = thin(store, err);
    }
    if (status == STATUS_OK) {
        Query query = query_new(store, sql);
        query_bind_reference(&query, run);
        query_bind_reference(&query, video);
        query_bind_real(&query, wall_s);
        query_bind_integer(&query, rss_bytes);
        query_bind_integer(&query, limit_bytes);
        status = query_run(&query, store_cannot_save, err);
        store->samples += status == STATUS_OK;
    }
    return store_write_end(store, status, false, err);
}

Status store_each_sample(Store *store, int64_t run, StoreSampleVisitor visit, void *context, Error *err)
{
    static const char sql[] = "SELECT id, run, video, wall_s, rss_bytes, limit_bytes FROM samples"
                              " WHERE ?1 IS NULL OR run = ?1 ORDER BY id";
    Query query = query_new(store, sql);
    query_bind_reference(&query, run);
    for (bool more = true; more && query_row(&query);) {
        SampleRow row = {.id = query_get_integer(&query, 1, INT64_MAX)};
        row.run = query_get_reference(&query);
        row.video = query_get_reference(&query);
        row.wall_s = query_get_real(&query);
        row.rss_bytes = query_get_integer(&query, 0, STORE_INTEGER_MOST);
        row.limit_bytes = query_get_integer(&query, 0, STORE_INTEGER_MOST);
        store->skipped += query.bad;
        more = query.bad || visit(context, &row);
    }
    return query_end(&query, store_cannot_read, err);
}
