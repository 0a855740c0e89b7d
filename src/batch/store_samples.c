#include "base/alloc.h"
#include "batch/store_internal.h"

/* Thinning is done here and not in SQL, whose sorting would stay in the supervisor's heap. */
enum {
    HALF = STORE_SAMPLES_MOST / 2,
    MACHINE_TIMES = 16, /* its series is as long as the run, a video's only as the video */
    RECENT = 64,
};

/* The samples of a video in a run, or of the machine. */
typedef struct Series {
    int64_t run;
    int64_t video;
    int64_t count;
    double first_s;
    double last_s;
    int64_t span; /* that the last sample was in, */
    int64_t best; /* and the highest in it; 0 none yet */
    int64_t best_bytes;
} Series;

typedef struct Thinning {
    Series *series;
    size_t count;
    size_t recent[RECENT]; /* where a video was found, by its number */
    size_t seen;           /* samples */
    int64_t spans;         /* of which the highest sample stays */
    int64_t *drop;
    size_t drop_count;
} Thinning;

static Series *find_series(Thinning *thinning, const SampleRow *sample)
{
    size_t *recent = &thinning->recent[sample->video % RECENT];
    for (size_t looked = 0; looked <= thinning->count; looked++) {
        const size_t at = looked == 0 ? *recent : thinning->count - looked;
        if (at < thinning->count && thinning->series[at].video == sample->video &&
            thinning->series[at].run == sample->run) {
            *recent = at;
            return &thinning->series[at];
        }
    }
    thinning->series = memory_resize(thinning->series, thinning->count + 1, sizeof *thinning->series);
    *recent = thinning->count++;
    thinning->series[*recent] =
        (Series){.run = sample->run, .video = sample->video, .first_s = sample->wall_s};
    return &thinning->series[*recent];
}

static bool see_sample(void *context, const SampleRow *sample)
{
    Series *series = find_series(context, sample);
    series->count++;
    series->last_s = sample->wall_s;
    ((Thinning *)context)->seen++;
    return true;
}

static int64_t spans_of(const Thinning *thinning, const Series *series)
{
    return series->video == 0 ? MACHINE_TIMES * thinning->spans : thinning->spans;
}

static int64_t count_left(const Thinning *thinning)
{
    int64_t left = 0;
    for (size_t i = 0; i < thinning->count; i++) {
        const Series *series = &thinning->series[i];
        const int64_t most = spans_of(thinning, series) + 1;
        left += series->count < most ? series->count : most;
    }
    return left;
}

static bool weigh_sample(void *context, const SampleRow *sample)
{
    Thinning *thinning = context;
    Series *series = find_series(thinning, sample);
    const int64_t spans = spans_of(thinning, series);
    const double length_s = series->last_s - series->first_s;
    const double part = length_s > 0 ? (sample->wall_s - series->first_s) / length_s : 0;
    const int64_t span = part > 0 && part < 1 ? (int64_t)(part * (double)spans) : part > 0 ? spans : 0;
    if (series->count <= spans + 1) {
        return true;
    }
    const bool same = series->best != 0 && span == series->span;
    const bool better = !same || sample->rss_bytes > series->best_bytes;
    if (same) {
        thinning->drop[thinning->drop_count++] = better ? series->best : sample->id;
    }
    if (better) {
        series->span = span;
        series->best = sample->id;
        series->best_bytes = sample->rss_bytes;
    }
    return true;
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

/* Of each of so many equal spans of a series' time the highest sample stays: it is as fine at its beginning
 * as at its end. As many spans as half of the room holds. */
static Status thin(Store *store, Error *err)
{
    static const char one[] = "DELETE FROM samples WHERE id = ?";
    /* Where there are more series than samples may stay. */
    static const char oldest[] =
        "DELETE FROM samples WHERE id IN (SELECT id FROM samples ORDER BY id LIMIT ?)";
    Thinning thinning = {.spans = HALF};
    Status status = store_each_sample(store, 0, see_sample, &thinning, err);
    while (thinning.spans > 0 && count_left(&thinning) > HALF) {
        thinning.spans /= 2;
    }
    if (status == STATUS_OK && thinning.spans > 0) {
        thinning.drop = memory_alloc(thinning.seen + 1, sizeof *thinning.drop);
        status = store_each_sample(store, 0, weigh_sample, &thinning, err);
    }
    for (size_t i = 0; i < thinning.drop_count && status == STATUS_OK; i++) {
        status = drop(store, one, thinning.drop[i], err);
    }
    if (status == STATUS_OK && store->samples > HALF) {
        status = drop(store, oldest, store->samples - HALF, err);
    }
    memory_free(thinning.drop);
    memory_free(thinning.series);
    return status;
}

static Status count(Store *store, Error *err)
{
    static const char sql[] = "SELECT count(*) FROM samples";
    Query query = query_new(store, sql);
    if (query_row(&query)) {
        store->samples = query_get_integer(&query, 0, STORE_INTEGER_MOST);
    }
    return query_end(&query, store_cannot_save, err);
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
        status = count(store, err);
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
