/* Shared by the store's files: the connection, statements whose parameters and columns are taken one after
 * another, writes as transactions, the schema. Not for other files of batch/.
 */
#ifndef RUNBATCH_BATCH_STORE_INTERNAL_H
#define RUNBATCH_BATCH_STORE_INTERNAL_H

#include <sqlite3.h>

#include "batch/store.h"

#define STORE_NAME "batch.db"

enum {
    STORE_STATEMENTS_MOST = 40,
    STORE_PATH_MOST = 8192,      /* bytes of a path in a row */
    STORE_JSON_MOST = 64 * 1024, /* bytes of JSON in a row */
    STORE_BUSY_MS = 5000,        /* how long another connection's write is waited for; */
    STORE_BUSY_AGAIN_MS = 50,    /* once that was in vain */
};

/* Integers that a double holds exactly; no count or size of ours comes near. */
#define STORE_INTEGER_MOST (INT64_C(1) << 53)

typedef struct Statement {
    const char *sql; /* static: it is what the statement is found by */
    sqlite3_stmt *prepared;
} Statement;

struct Store {
    sqlite3 *db;
    StoreMode mode;
    char *path;
    bool logged;    /* writes go to a write-ahead log; otherwise to a rollback journal */
    bool begun;     /* by store_begin */
    bool held;      /* another program would not let go of it when it was last to be written */
    bool must_sync; /* something in this transaction has to be on the disk when it ends */
    Error trouble;  /* the first failure in it */
    Statement statements[STORE_STATEMENTS_MOST];
    int64_t skipped;      /* rows that could not be */
    int64_t samples;      /* rows in that table; -1 not counted yet */
    int64_t inputs;       /* likewise, at most */
    int64_t data_version; /* of the last look for requests; -1: look in any case */
};

/* ---- store.c ---- */

/* Limits for a file that anybody may have written, and what belongs to a connection. An SQLite result. */
int store_configure(sqlite3 *db);
/* Lets go of the statements and closes; copes with a connection that did not come about. */
void store_disconnect(Store *store);
/* Turns SQLite's last error on this connection into an Error, notes it as the transaction's trouble, and
 * returns STATUS_FAILED. */
Status store_failed(Store *store, const char *what, int code, Error *err);
/* A transaction of its own, or a part of the one that store_begin began. */
Status store_write_begin(Store *store, Error *err);
/* Commits unless `status` is a failure; with `sync` it is on the disk then. Returns what came of it. */
Status store_write_end(Store *store, Status status, bool sync, Error *err);

/* ---- store_schema.c ---- */

/* steps[n] brings schema n to n + 1. */
typedef struct StoreSchema {
    const char *const *steps;
    int count;
} StoreSchema;

extern const StoreSchema store_schema;

/* What stands in the file. */
typedef enum StoreHealth {
    STORE_HEALTHY = 1,
    STORE_EMPTY,   /* nothing yet */
    STORE_OLDER,   /* a schema that steps lead on from */
    STORE_NEWER,   /* a schema of the future */
    STORE_DAMAGED, /* no database, not ours, or broken */
    STORE_BUSY,    /* could not be found out: busy, no memory, no permission, a read error; see the code */
} StoreHealth;

/* `code`: SQLite's result where it is STORE_BUSY; `version`: the file's. */
StoreHealth store_examine(sqlite3 *db, const StoreSchema *schema, int *version, int *code);
/* From `version` to the newest, all or nothing. An SQLite result. */
int store_migrate(sqlite3 *db, const StoreSchema *schema, int version);
/* store_open with another schema: for tests of migration. */
Status store_open_schema(Store **store, const char *state_dir, StoreMode mode, const StoreSchema *schema,
                         StoreOpened *how, char aside[STORE_ASIDE_SIZE], Error *err);

/* ---- store_rescue.c ---- */

/* Damage that SQLite would not tell, or would mend by dropping something: an emptied file beside a log, a log
 * whose beginning is broken. */
bool store_is_torn(const char *path);
/* Renames the store and its side files. */
Status store_set_aside(const char *path, char aside[STORE_ASIDE_SIZE], Error *err);

/* ---- store_query.c ---- */

/* A statement in use: parameters are bound in order, then rows are stepped through and their columns taken in
 * order. The first trouble is kept and the rest becomes harmless. */
typedef struct Query {
    Store *store;
    sqlite3_stmt *statement;
    int code;   /* SQLite's */
    int index;  /* of the last parameter bound, or the next column */
    bool bad;   /* this row has a value that cannot be */
    bool owned; /* not kept for the next time */
} Query;

/* `sql` must be static. */
Query query_new(Store *store, const char *sql);
void query_bind_integer(Query *query, int64_t value);
void query_bind_real(Query *query, double value);
/* NULL for NULL. The text must stay until query_end. */
void query_bind_text(Query *query, const char *text);
/* NULL for 0: a reference to a row that may not be there. */
void query_bind_reference(Query *query, int64_t id);

/* Steps to the next row; false at the end and on trouble. */
bool query_row(Query *query);
/* For statements without rows: runs it and ends. */
Status query_run(Query *query, const char *what, Error *err);
/* Lets go of the statement. */
Status query_end(Query *query, const char *what, Error *err);

/* Both ends included. */
int64_t query_get_integer(Query *query, int64_t least, int64_t most);
int query_get_int(Query *query, int least, int most);
bool query_get_bool(Query *query);
/* At least 0, finite. */
double query_get_real(Query *query);
/* A column that may be NULL gives 0. */
int64_t query_get_reference(Query *query);
/* For people: cut to fit, control characters replaced. */
void query_get_text(Query *query, char *target, size_t size);
/* The same, owned, at most `most` bytes; NULL (bad unless `optional`) for NULL. With `exact` every byte is
 * kept: what a file is found by. */
char *query_get_owned(Query *query, size_t most, bool optional, bool exact);
/* A name of an output: of one file in a folder, without control characters. */
char *query_get_name(Query *query, bool optional);
/* 32 hexadecimal digits, or empty where that is allowed. */
void query_get_digest(Query *query, char digest[33], bool optional);
/* An Error as JSON; NULL: none. */
void query_get_error(Query *query, Error *error);
/* To be bound: JSON in new memory, NULL for none. */
char *store_error_text(const Error *error);

extern const char store_cannot_save[];
extern const char store_cannot_read[];

#endif
