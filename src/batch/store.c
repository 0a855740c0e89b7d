#include "batch/store.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/text.h"
#include "batch/store_internal.h"

static const char cannot_open[] = "cannot open the batch's store";

/* ---- errors ---- */

static ErrorClass class_of(int code)
{
    switch (code & 0xFF) {
    case SQLITE_FULL:
        return ERROR_SPACE;
    case SQLITE_NOMEM:
        return ERROR_MEMORY;
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
    case SQLITE_ERROR:
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
        return ERROR_INTERNAL;
    default:
        return ERROR_ENVIRONMENT;
    }
}

static Status tell(sqlite3 *db, const char *path, const char *what, int code, Error *err)
{
    const char *why = db != NULL && (sqlite3_errcode(db) & 0xFF) == (code & 0xFF) ? sqlite3_errmsg(db)
                                                                                  : sqlite3_errstr(code);
    const int number = db != NULL ? sqlite3_system_errno(db) : 0;
    switch (code & 0xFF) {
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        if (number != 0) {
            return error_set_errno(err, ERROR_ENVIRONMENT, what, path, number);
        }
        break;
    case SQLITE_FULL:
        (void)error_set(err, ERROR_SPACE, what, path,
                        "no space is left on its volume, or a limit is reached");
        error_advise(err, "make space");
        return STATUS_FAILED;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return error_set(err, ERROR_ENVIRONMENT, what, path, "another program holds it");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        (void)error_set(err, ERROR_ENVIRONMENT, what, path, "it is damaged");
        error_advise(err, "run runbatch in this folder: it sets the damaged file aside and makes a new one");
        return STATUS_FAILED;
    default:
        break;
    }
    return error_set(err, class_of(code), what, path, why);
}

Status store_failed(Store *store, const char *what, int code, Error *err)
{
    Error own = {0};
    (void)tell(store->db, store->path, what, code, &own);
    if (store->begun && !error_is_set(&store->trouble)) {
        store->trouble = own;
    }
    if (err != NULL && !error_is_set(err)) {
        *err = own;
    }
    return STATUS_FAILED;
}

/* ---- transactions ---- */

static int run_sql(Store *store, const char *sql)
{
    Query query = query_new(store, sql);
    (void)query_row(&query);
    const int code = query.code;
    (void)sqlite3_reset(query.statement);
    if (query.owned) {
        (void)sqlite3_finalize(query.statement);
    }
    return code;
}

/* One who holds the store for minutes must not hold up a batch at every write. */
static int begin(Store *store)
{
    static const char write[] = "BEGIN IMMEDIATE";
    static const char read[] = "BEGIN";
    const int code = run_sql(store, store->mode == STORE_WRITE ? write : read);
    const bool held = (code & 0xFF) == SQLITE_BUSY;
    if (held != store->held) {
        store->held = held;
        (void)sqlite3_busy_timeout(store->db, held ? STORE_BUSY_AGAIN_MS : STORE_BUSY_MS);
    }
    return code;
}

/* Some errors end a transaction by themselves. */
static void roll_back(Store *store)
{
    static const char sql[] = "ROLLBACK";
    if (sqlite3_get_autocommit(store->db) == 0) {
        (void)run_sql(store, sql);
    }
    store->samples = -1;
    store->inputs = -1;
}

/* A commit with synchronous = NORMAL leaves the log to the kernel. This is what FULL would do in addition. */
static int sync_log(Store *store)
{
    sqlite3_file *log = NULL;
    int code = sqlite3_file_control(store->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, (void *)&log);
    if (code == SQLITE_OK && log != NULL && log->pMethods != NULL) {
        code = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
    }
    return code;
}

static Status commit(Store *store, bool sync, Error *err)
{
    static const char sql[] = "COMMIT";
    int code = run_sql(store, sql);
    if (code == SQLITE_OK && sync && store->logged) {
        code = sync_log(store);
    }
    if (code != SQLITE_OK) {
        const Status status = store_failed(store, store_cannot_save, code, err);
        roll_back(store);
        return status;
    }
    return STATUS_OK;
}

void store_begin(Store *store)
{
    store->must_sync = false;
    error_clear(&store->trouble);
    const int code = begin(store);
    store->begun = true;
    if (code != SQLITE_OK) {
        (void)store_failed(store, store->mode == STORE_WRITE ? store_cannot_save : store_cannot_read, code,
                           NULL);
    }
}

Status store_commit(Store *store, bool sync, Error *err)
{
    store->begun = false;
    if (error_is_set(&store->trouble)) {
        if (err != NULL && !error_is_set(err)) {
            *err = store->trouble;
        }
        roll_back(store);
        return STATUS_FAILED;
    }
    return commit(store, sync || store->must_sync, err);
}

Status store_write_begin(Store *store, Error *err)
{
    if (store->begun) {
        if (error_is_set(&store->trouble) && err != NULL && !error_is_set(err)) {
            *err = store->trouble;
        }
        return error_is_set(&store->trouble) ? STATUS_FAILED : STATUS_OK;
    }
    const int code = begin(store);
    return code == SQLITE_OK ? STATUS_OK : store_failed(store, store_cannot_save, code, err);
}

Status store_write_end(Store *store, Status status, bool sync, Error *err)
{
    if (store->begun) {
        store->must_sync = store->must_sync || sync;
        return status;
    }
    if (status == STATUS_FAILED) {
        roll_back(store);
        return status;
    }
    return commit(store, sync, err) == STATUS_OK ? status : STATUS_FAILED;
}

/* ---- opening ---- */

int store_configure(sqlite3 *db)
{
    enum { VALUE_MOST = 1 << 20, SQL_MOST = 1 << 16 };
    (void)sqlite3_extended_result_codes(db, 1);
    (void)sqlite3_busy_timeout(db, STORE_BUSY_MS);
    (void)sqlite3_limit(db, SQLITE_LIMIT_LENGTH, VALUE_MOST);
    (void)sqlite3_limit(db, SQLITE_LIMIT_SQL_LENGTH, SQL_MOST);
    (void)sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
    (void)sqlite3_limit(db, SQLITE_LIMIT_WORKER_THREADS, 0);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, (int *)NULL);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_FKEY, 1, (int *)NULL);
    /* Until it is known to be ours and whole, closing it must not change it. */
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)NULL);
    return sqlite3_exec(db,
                        "PRAGMA cache_size = -512; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY;"
                        "PRAGMA cell_size_check = ON; PRAGMA synchronous = NORMAL",
                        NULL, NULL, NULL);
}

/* The log is what lets others read while we write. Some network file systems cannot have it: there a rollback
 * journal does, synced at each commit. */
static int start_log(Store *store)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(store->db, "PRAGMA journal_mode = WAL", -1, &statement, NULL);
    if (code == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW) {
        const char *mode = (const char *)sqlite3_column_text(statement, 0);
        store->logged = mode != NULL && strcmp(mode, "wal") == 0;
    }
    code = sqlite3_finalize(statement);
    if (code != SQLITE_OK) {
        return code;
    }
    return sqlite3_exec(store->db,
                        store->logged ? "PRAGMA journal_size_limit = 4194304" : "PRAGMA synchronous = FULL",
                        NULL, NULL, NULL);
}

/* `first`: SQL that comes before anything is read; may be NULL. */
static int connect(Store *store, const char *address, int flags, const char *first)
{
    int code = sqlite3_open_v2(address, &store->db, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK && first != NULL) {
        code = sqlite3_exec(store->db, first, NULL, NULL, NULL);
    }
    if (code == SQLITE_OK) {
        code = store_configure(store->db);
    }
    return code;
}

void store_disconnect(Store *store)
{
    for (size_t i = 0; i < STORE_STATEMENTS_MOST; i++) {
        (void)sqlite3_finalize(store->statements[i].prepared);
        store->statements[i] = (Statement){0};
    }
    (void)sqlite3_close(store->db);
    store->db = NULL;
}

static Status refuse_newer(const Store *store, const StoreSchema *schema, int version, Error *err)
{
    (void)error_setf(err, ERROR_ENVIRONMENT, cannot_open, store->path,
                     "a newer runbatch made it (schema %d, this one knows up to %d)", version, schema->count);
    error_advise(err, "use that version in this folder, or choose another with --output-dir");
    return STATUS_FAILED;
}

/* Brings what was found up to date. */
static Status prepare(Store *store, const StoreSchema *schema, StoreHealth health, int version, Error *err)
{
    (void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, (int *)NULL);
    int code = start_log(store);
    if (code == SQLITE_OK && health != STORE_HEALTHY) {
        code = store_migrate(store->db, schema, version);
    }
    return code == SQLITE_OK ? STATUS_OK : tell(store->db, store->path, cannot_open, code, err);
}

/* STATUS_AGAIN: it is damaged. */
static Status open_once(Store *store, const StoreSchema *schema, StoreOpened *how, Error *err)
{
    if (store_is_torn(store->path)) {
        return STATUS_AGAIN;
    }
    int code = connect(store, store->path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
    int version = 0;
    StoreHealth health = STORE_BUSY;
    if (code == SQLITE_OK) {
        health = store_examine(store->db, schema, &version, &code);
    } else if ((code & 0xFF) == SQLITE_NOTADB || (code & 0xFF) == SQLITE_CORRUPT) {
        health = STORE_DAMAGED;
    }
    switch (health) {
    case STORE_DAMAGED:
        return STATUS_AGAIN;
    case STORE_NEWER:
        return refuse_newer(store, schema, version, err);
    case STORE_BUSY:
        return tell(store->db, store->path, cannot_open, code, err);
    case STORE_OLDER:
        *how = STORE_MIGRATED;
        break;
    case STORE_EMPTY:
        *how = STORE_MADE;
        break;
    default:
        *how = STORE_FOUND;
        break;
    }
    return prepare(store, schema, health, version, err);
}

static Status open_for_writing(Store *store, const StoreSchema *schema, StoreOpened *how,
                               char aside[STORE_ASIDE_SIZE], Error *err)
{
    Status status = open_once(store, schema, how, err);
    if (status != STATUS_AGAIN) {
        return status;
    }
    store_disconnect(store);
    if (store_set_aside(store->path, aside, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    status = open_once(store, schema, how, err);
    *how = STORE_RESCUED;
    return status == STATUS_AGAIN
               ? error_set(err, ERROR_ENVIRONMENT, cannot_open, store->path,
                           "a new one is damaged at once: the volume does not keep what is written")
               : status;
}

/* ---- reading ---- */

static char *address_of(const char *path, const char *parameters)
{
    Text address = {0};
    text_append(&address, "file:");
    for (const unsigned char *c = (const unsigned char *)path; *c != '\0'; c++) {
        if (*c == '?' || *c == '#' || *c == '%') {
            text_appendf(&address, "%%%02x", *c);
        } else {
            text_append_bytes(&address, (const char *)c, 1);
        }
    }
    text_appendf(&address, "?%s", parameters);
    return address.data;
}

/* Where nothing can be written not even the index of the log can be made, which readers and the writer share.
 * Nobody writes there either, then: the file is read as it stands, with the log if one was left. */
static int connect_without_writing(Store *store)
{
    char *log = text_format("%s-wal", store->path);
    const bool logged = file_size(log) > 0;
    char *address = address_of(store->path, logged ? "mode=ro&vfs=unix-none" : "mode=ro&immutable=1");
    /* Exclusive: the index is kept in memory of our own. */
    const int code = connect(store, address, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI,
                             logged ? "PRAGMA locking_mode = EXCLUSIVE" : NULL);
    memory_free(address);
    memory_free(log);
    return code;
}

static bool is_for_want_of_writing(StoreHealth health, int code)
{
    return health == STORE_BUSY && ((code & 0xFF) == SQLITE_CANTOPEN || (code & 0xFF) == SQLITE_READONLY ||
                                    (code & 0xFF) == SQLITE_PERM);
}

static Status open_for_reading(Store *store, const StoreSchema *schema, StoreOpened *how, Error *err)
{
    if (store_is_torn(store->path)) {
        return tell(NULL, store->path, cannot_open, SQLITE_CORRUPT, err);
    }
    if (file_size(store->path) <= 0) {
        return STATUS_AGAIN;
    }
    int version = 0;
    StoreHealth health = STORE_BUSY;
    /* With the right to write where there is one: so that the last to close puts away the log and its index.
     */
    int code = connect(store, store->path, SQLITE_OPEN_READWRITE, "PRAGMA query_only = ON");
    if (code == SQLITE_OK) {
        health = store_examine(store->db, schema, &version, &code);
    }
    if (is_for_want_of_writing(health, code)) {
        store_disconnect(store);
        code = connect_without_writing(store);
        health = code == SQLITE_OK ? store_examine(store->db, schema, &version, &code) : STORE_BUSY;
    }
    *how = STORE_FOUND;
    switch (health) {
    case STORE_HEALTHY:
        (void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, (int *)NULL);
        return STATUS_OK;
    case STORE_EMPTY:
        return STATUS_AGAIN;
    case STORE_NEWER:
        return refuse_newer(store, schema, version, err);
    case STORE_OLDER:
        (void)error_setf(err, ERROR_ENVIRONMENT, cannot_open, store->path,
                         "an older runbatch made it (schema %d, this one wants %d)", version, schema->count);
        error_advise(err, "run runbatch in this folder: it brings the store up to date");
        return STATUS_FAILED;
    case STORE_DAMAGED:
        return tell(store->db, store->path, cannot_open, SQLITE_CORRUPT, err);
    default:
        return tell(store->db, store->path, cannot_open, code, err);
    }
}

static Status check_kind(const char *path, Error *err)
{
    struct stat status;
    if (lstat(path, &status) != 0) {
        return errno == ENOENT || errno == ENOTDIR
                   ? STATUS_OK
                   : error_set_errno(err, ERROR_ENVIRONMENT, cannot_open, path, errno);
    }
    if (S_ISREG(status.st_mode)) {
        return STATUS_OK;
    }
    (void)error_set(err, ERROR_ENVIRONMENT, cannot_open, path, "something else has its name");
    error_advise(err, "move it away, or choose another folder with --output-dir");
    return STATUS_FAILED;
}

Status store_open_schema(Store **store, const char *state_dir, StoreMode mode, const StoreSchema *schema,
                         StoreOpened *how, char aside[STORE_ASIDE_SIZE], Error *err)
{
    StoreOpened found = STORE_FOUND;
    char name[STORE_ASIDE_SIZE] = "";
    Store *opened = memory_alloc(1, sizeof *opened);
    opened->mode = mode;
    opened->path = path_join(state_dir, STORE_NAME);
    opened->samples = -1;
    opened->inputs = -1;
    opened->data_version = -1;
    Status status = check_kind(opened->path, err);
    if (status == STATUS_OK && mode == STORE_WRITE) {
        status = folder_make(state_dir, err);
    }
    if (status == STATUS_OK) {
        status = mode == STORE_WRITE ? open_for_writing(opened, schema, &found, name, err)
                                     : open_for_reading(opened, schema, &found, err);
    }
    if (status != STATUS_OK) {
        store_close(&opened);
    }
    *store = opened;
    if (how != NULL) {
        *how = found;
    }
    if (aside != NULL) {
        text_copy(aside, STORE_ASIDE_SIZE, name);
    }
    return status;
}

Status store_open(Store **store, const char *state_dir, StoreMode mode, StoreOpened *how,
                  char aside[STORE_ASIDE_SIZE], Error *err)
{
    return store_open_schema(store, state_dir, mode, &store_schema, how, aside, err);
}

void store_close(Store **store)
{
    if (*store == NULL) {
        return;
    }
    store_disconnect(*store);
    memory_free((*store)->path);
    memory_free(*store);
    *store = NULL;
}

int64_t store_rows_skipped(const Store *store)
{
    return store->skipped;
}
