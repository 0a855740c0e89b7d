#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/text.h"
#include "batch/store_internal.h"
#include "report/json_text.h"

const char store_cannot_save[] = "cannot save the batch's state";
const char store_cannot_read[] = "cannot read the batch's state";

/* ---- statements ---- */

static Statement *find_kept(Store *store, const char *sql)
{
    for (size_t i = 0; i < STORE_STATEMENTS_MOST; i++) {
        Statement *statement = &store->statements[i];
        if (statement->sql == sql || statement->sql == NULL) {
            return statement;
        }
    }
    return NULL;
}

Query query_new(Store *store, const char *sql)
{
    Query query = {.store = store};
    Statement *kept = find_kept(store, sql);
    if (kept != NULL && kept->prepared != NULL && !sqlite3_stmt_busy(kept->prepared)) {
        query.statement = kept->prepared;
        return query;
    }
    query.code = sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &query.statement, NULL);
    query.owned = true;
    if (query.code == SQLITE_OK && kept != NULL && kept->prepared == NULL) {
        *kept = (Statement){sql, query.statement};
        query.owned = false;
    }
    return query;
}

static void bound(Query *query, int code)
{
    if (query->code == SQLITE_OK) {
        query->code = code;
    }
}

void query_bind_integer(Query *query, int64_t value)
{
    bound(query, sqlite3_bind_int64(query->statement, ++query->index, value));
}

void query_bind_real(Query *query, double value)
{
    bound(query, sqlite3_bind_double(query->statement, ++query->index, value));
}

void query_bind_text(Query *query, const char *text)
{
    bound(query, sqlite3_bind_text(query->statement, ++query->index, text, -1, SQLITE_STATIC));
}

void query_bind_reference(Query *query, int64_t id)
{
    query->index++;
    bound(query, id != 0 ? sqlite3_bind_int64(query->statement, query->index, id)
                         : sqlite3_bind_null(query->statement, query->index));
}

bool query_row(Query *query)
{
    if (query->code != SQLITE_OK) {
        return false;
    }
    const int code = sqlite3_step(query->statement);
    query->index = 0;
    query->bad = false;
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        query->code = code;
    }
    return code == SQLITE_ROW;
}

Status query_end(Query *query, const char *what, Error *err)
{
    /* Before the statement is let go of: that can change the connection's last error. */
    const Status status =
        query->code != SQLITE_OK ? store_failed(query->store, what, query->code, err) : STATUS_OK;
    if (query->owned) {
        (void)sqlite3_finalize(query->statement);
    } else {
        (void)sqlite3_reset(query->statement);
        (void)sqlite3_clear_bindings(query->statement);
    }
    *query = (Query){0};
    return status;
}

Status query_run(Query *query, const char *what, Error *err)
{
    (void)query_row(query);
    return query_end(query, what, err);
}

/* ---- columns ---- */

int64_t query_get_integer(Query *query, int64_t least, int64_t most)
{
    const int column = query->index++;
    const int64_t value = sqlite3_column_int64(query->statement, column);
    if (sqlite3_column_type(query->statement, column) != SQLITE_INTEGER || value < least || value > most) {
        query->bad = true;
        return least > 0 ? least : 0;
    }
    return value;
}

int query_get_int(Query *query, int least, int most)
{
    return (int)query_get_integer(query, least, most);
}

bool query_get_bool(Query *query)
{
    return query_get_integer(query, 0, 1) != 0;
}

int64_t query_get_reference(Query *query)
{
    if (sqlite3_column_type(query->statement, query->index) == SQLITE_NULL) {
        query->index++;
        return 0;
    }
    return query_get_integer(query, 1, INT64_MAX);
}

double query_get_real(Query *query)
{
    const int column = query->index++;
    const int type = sqlite3_column_type(query->statement, column);
    const double value = sqlite3_column_double(query->statement, column);
    if ((type != SQLITE_FLOAT && type != SQLITE_INTEGER) || !isfinite(value) || value < 0) {
        query->bad = true;
        return 0;
    }
    return value;
}

/* The column's text, NULL when it is none or has a zero byte in it. */
static const char *get_raw(Query *query, size_t *length)
{
    const int column = query->index++;
    if (sqlite3_column_type(query->statement, column) != SQLITE_TEXT) {
        return NULL;
    }
    const char *text = (const char *)sqlite3_column_text(query->statement, column);
    *length = (size_t)sqlite3_column_bytes(query->statement, column);
    return text != NULL && strlen(text) == *length ? text : NULL;
}

void query_get_text(Query *query, char *target, size_t size)
{
    size_t length = 0;
    const char *text = get_raw(query, &length);
    query->bad = query->bad || text == NULL;
    text_copy(target, size, text != NULL ? text : "");
    text_strip_control(target);
}

char *query_get_owned(Query *query, size_t most, bool optional, bool exact)
{
    if (optional && sqlite3_column_type(query->statement, query->index) == SQLITE_NULL) {
        query->index++;
        return NULL;
    }
    size_t length = 0;
    const char *text = get_raw(query, &length);
    if (text == NULL || length > most) {
        query->bad = true;
        return NULL;
    }
    char *copy = text_duplicate(text);
    if (!exact) {
        text_strip_control(copy);
    }
    return copy;
}

char *query_get_name(Query *query, bool optional)
{
    enum { NAME_MOST = 255 };
    char *name = query_get_owned(query, NAME_MOST, optional, true);
    if (name != NULL && !store_is_name(name)) {
        query->bad = true;
        memory_free(name);
        return NULL;
    }
    return name;
}

void query_get_digest(Query *query, char digest[33], bool optional)
{
    size_t length = 0;
    const char *text = get_raw(query, &length);
    const bool good = text != NULL && (hash_is_digest(text) || (optional && length == 0));
    query->bad = query->bad || !good;
    text_copy(digest, HASH_SIZE, good ? text : "");
}

void query_get_error(Query *query, Error *error)
{
    *error = (Error){0};
    char *text = query_get_owned(query, STORE_JSON_MOST, true, true);
    if (text == NULL) {
        return;
    }
    json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    if (!json_to_error(object, error)) {
        *error = (Error){0};
        query->bad = true;
    }
    json_decref(object);
    memory_free(text);
}

char *store_error_text(const Error *error)
{
    if (!error_is_set(error)) {
        return NULL;
    }
    json_t *object = json_error(error);
    char *text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    return memory_check(text);
}
