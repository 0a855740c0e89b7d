#include <stdio.h>
#include <string.h>

#include "batch/store_internal.h"

/* Never changed once released: what is to be different is a further step. Text is bytes as they came; wall
 * times are seconds since the epoch; JSON where a whole is only ever read as a whole. */
static const char *const steps[] = {
    "CREATE TABLE runs (id INTEGER PRIMARY KEY, began_s REAL NOT NULL, ended_s REAL NOT NULL,"
    " process INTEGER NOT NULL, host TEXT NOT NULL, version TEXT NOT NULL, state TEXT NOT NULL,"
    " note TEXT NOT NULL, planned INTEGER NOT NULL, options TEXT);"
    "CREATE TABLE videos (id INTEGER PRIMARY KEY, output TEXT NOT NULL UNIQUE, input TEXT NOT NULL, work "
    "TEXT,"
    " recipe TEXT, key TEXT NOT NULL, state TEXT NOT NULL, position INTEGER NOT NULL,"
    " input_bytes INTEGER NOT NULL, frames_total INTEGER NOT NULL, duration_s REAL NOT NULL,"
    " worker INTEGER NOT NULL, changed_s REAL NOT NULL, output_bytes INTEGER NOT NULL,"
    " output_mtime_ns INTEGER NOT NULL, result TEXT, error TEXT, note TEXT NOT NULL);"
    "CREATE INDEX videos_position ON videos (position);"
    /* Apart from the videos, so that what changes every second is one small page. */
    "CREATE TABLE progress (video INTEGER PRIMARY KEY REFERENCES videos ON DELETE CASCADE,"
    " frames_done INTEGER NOT NULL, fps REAL NOT NULL, rss_bytes INTEGER NOT NULL,"
    " peak_rss_bytes INTEGER NOT NULL);"
    "CREATE TABLE attempts (id INTEGER PRIMARY KEY,"
    " video INTEGER NOT NULL REFERENCES videos ON DELETE CASCADE,"
    " run INTEGER REFERENCES runs ON DELETE SET NULL, number INTEGER NOT NULL, began_s REAL NOT NULL,"
    " ended_s REAL NOT NULL, ended TEXT NOT NULL, error TEXT, decision TEXT NOT NULL, frames INTEGER NOT "
    "NULL,"
    " chunks INTEGER NOT NULL, chunks_reused INTEGER NOT NULL, threads INTEGER NOT NULL,"
    " peak_rss_bytes INTEGER NOT NULL, UNIQUE (video, number));"
    "CREATE TABLE chunks (video INTEGER NOT NULL REFERENCES videos ON DELETE CASCADE, number INTEGER NOT "
    "NULL,"
    " reused INTEGER NOT NULL, last INTEGER NOT NULL, first_frame INTEGER NOT NULL, frames INTEGER NOT NULL,"
    " packets INTEGER NOT NULL, bytes INTEGER NOT NULL, checksum TEXT NOT NULL, PRIMARY KEY (video, number))"
    " WITHOUT ROWID;"
    "CREATE TABLE samples (id INTEGER PRIMARY KEY, run INTEGER, video INTEGER, wall_s REAL NOT NULL,"
    " rss_bytes INTEGER NOT NULL, limit_bytes INTEGER NOT NULL);"
    "CREATE TABLE events (id INTEGER PRIMARY KEY, run INTEGER, video INTEGER, wall_s REAL NOT NULL,"
    " kind TEXT NOT NULL, text TEXT NOT NULL);"
    "CREATE TABLE requests (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, output TEXT, asked_s REAL NOT NULL,"
    " taken_s REAL)",
    /* By path: what a file is, for as long as its size and time are the same. */
    "CREATE TABLE inputs (path TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,"
    " looked_s REAL NOT NULL, look TEXT NOT NULL) WITHOUT ROWID",
    "ALTER TABLE attempts ADD COLUMN estimate_bytes INTEGER NOT NULL DEFAULT 0",
};

_Static_assert(sizeof steps / sizeof steps[0] == STORE_SCHEMA, "STORE_SCHEMA is the number of steps");

const StoreSchema store_schema = {steps, STORE_SCHEMA};

int store_migrate(sqlite3 *db, const StoreSchema *schema, int version)
{
    int code = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (code != SQLITE_OK) {
        return code;
    }
    for (int i = version; code == SQLITE_OK && i < schema->count; i++) {
        code = sqlite3_exec(db, schema->steps[i], NULL, NULL, NULL);
    }
    if (code == SQLITE_OK) {
        char pragma[48];
        (void)snprintf(pragma, sizeof pragma, "PRAGMA user_version = %d", schema->count);
        code = sqlite3_exec(db, pragma, NULL, NULL, NULL);
    }
    if (code == SQLITE_OK) {
        code = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    }
    if (code != SQLITE_OK) {
        (void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    }
    return code;
}

/* The first column of the first row: an integer, or whether it is the text "ok". */
static int ask(sqlite3 *db, const char *sql, int *value)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    *value = 0;
    if (code == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(statement, 0);
        *value = text != NULL && strcmp(text, "ok") == 0 ? 1 : sqlite3_column_int(statement, 0);
    }
    const int ended = sqlite3_finalize(statement);
    return code != SQLITE_OK ? code : ended;
}

/* Steps both and compares; false at a difference or trouble, `more` whether there was a row. */
static bool same_row(sqlite3_stmt *a, sqlite3_stmt *b, bool *more)
{
    const int step_a = sqlite3_step(a);
    const int step_b = sqlite3_step(b);
    *more = step_a == SQLITE_ROW && step_b == SQLITE_ROW;
    if (!*more) {
        return step_a == SQLITE_DONE && step_b == SQLITE_DONE;
    }
    for (int column = 0; column < sqlite3_column_count(a); column++) {
        const char *text_a = (const char *)sqlite3_column_text(a, column);
        const char *text_b = (const char *)sqlite3_column_text(b, column);
        if (text_a == NULL || text_b == NULL || strcmp(text_a, text_b) != 0) {
            return false;
        }
    }
    return true;
}

/* Whether the file has the tables that the steps make, to the letter: nothing that runs on its own (triggers,
 * views, computed columns) and nothing missing. An SQLite result; `same` is the answer. */
static int compare_schema(sqlite3 *db, const StoreSchema *schema, int version, bool *same)
{
    static const char sql[] = "SELECT type, name, tbl_name, sql FROM sqlite_master"
                              " WHERE name NOT LIKE 'sqlite^_%' ESCAPE '^' ORDER BY name, type";
    const StoreSchema until = {schema->steps, version};
    sqlite3 *model = NULL;
    sqlite3_stmt *expected = NULL;
    sqlite3_stmt *found = NULL;
    int code = sqlite3_open_v2(":memory:", &model, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK) {
        code = store_migrate(model, &until, 0);
    }
    if (code == SQLITE_OK) {
        code = sqlite3_prepare_v2(model, sql, -1, &expected, NULL);
    }
    if (code == SQLITE_OK) {
        code = sqlite3_prepare_v2(db, sql, -1, &found, NULL);
    }
    *same = code == SQLITE_OK;
    for (bool more = true; *same && more;) {
        *same = same_row(found, expected, &more);
    }
    (void)sqlite3_finalize(expected);
    const int ended = sqlite3_finalize(found);
    (void)sqlite3_close(model);
    return code != SQLITE_OK ? code : ended;
}

static StoreHealth health_of_code(int code)
{
    switch (code & 0xFF) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_TOOBIG:
    case SQLITE_ERROR: /* a schema that does not parse */
        return STORE_DAMAGED;
    default:
        return STORE_BUSY;
    }
}

StoreHealth store_examine(sqlite3 *db, const StoreSchema *schema, int *version, int *code)
{
    int whole = 0;
    int tables = 0;
    *code = ask(db, "PRAGMA quick_check(1)", &whole);
    if (*code == SQLITE_OK) {
        *code = whole != 0 ? ask(db, "PRAGMA user_version", version) : SQLITE_CORRUPT;
    }
    if (*code == SQLITE_OK) {
        *code = ask(db, "SELECT count(*) FROM sqlite_master", &tables);
    }
    if (*code != SQLITE_OK) {
        return health_of_code(*code);
    }
    if (*version > schema->count) {
        return STORE_NEWER;
    }
    if (*version == 0 && tables == 0) {
        return STORE_EMPTY;
    }
    bool same = false;
    *code = *version > 0 ? compare_schema(db, schema, *version, &same) : SQLITE_OK;
    if (*code != SQLITE_OK) {
        return health_of_code(*code);
    }
    if (!same) {
        *code = SQLITE_CORRUPT;
        return STORE_DAMAGED;
    }
    return *version == schema->count ? STORE_HEALTHY : STORE_OLDER;
}
