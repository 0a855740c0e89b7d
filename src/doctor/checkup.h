/* What was found out about a machine and a folder: a list of checks, each with how it went and what to do.
 *
 * Plain data: gathered by doctor/, shown by ui/doctor_page.h. Texts are in the user's language, or come from
 * files and other processes; whoever shows them makes them harmless. One thread. Memory: the texts.
 */
#ifndef RUNBATCH_DOCTOR_CHECKUP_H
#define RUNBATCH_DOCTOR_CHECKUP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

typedef enum CheckLevel {
    CHECK_OK = 0,
    CHECK_WARNING, /* a batch runs, but not as well as it could, or something should be tidied up */
    CHECK_ERROR,   /* a batch would not begin, or its videos would fail */
    CHECK_LEVEL_COUNT,
} CheckLevel;

typedef enum CheckGroup {
    CHECK_MEMORY = 0,
    CHECK_LIMITS,
    CHECK_PROCESSES,
    CHECK_GPU,
    CHECK_MODELS,
    CHECK_RUNTIME,
    CHECK_CODECS,
    CHECK_SANDBOX,
    CHECK_SPACE,
    CHECK_FOLDERS,
    CHECK_LEFTOVERS,
    CHECK_SYSTEM,
    CHECK_GROUP_COUNT,
} CheckGroup;

/* "ok", …; "memory", …: stable, used in JSON. */
const char *check_level_name(CheckLevel level);
const char *check_group_name(CheckGroup group);

typedef struct Check {
    CheckGroup group;
    char name[32]; /* stable: "machine_memory" */
    CheckLevel level;
    char *text;
    char *advice;    /* NULL: nothing to do */
    json_t *figures; /* an object: what stands in the text, for programs (docs/json.md) */
} Check;

/* Zero-initialise; free with checkup_free. */
typedef struct Checkup {
    Check *items;
    size_t count;
} Checkup;

void checkup_free(Checkup *checkup);

/* Takes `figures`, which may be NULL for none. Valid until the next one is added. */
Check *checkup_add(Checkup *checkup, CheckGroup group, const char *name, CheckLevel level, json_t *figures,
                   const char *format, ...) __attribute__((format(printf, 6, 7)));

/* What to do; an empty text is none. */
void check_advise(Check *check, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A check that is an error, with its advice. */
Check *checkup_add_failure(Checkup *checkup, CheckGroup group, const char *name, CheckLevel level,
                           json_t *figures, const Error *err);

/* How many there are of a level. */
size_t checkup_count(const Checkup *checkup, CheckLevel level);

/* A new object; and back, from another process: false, and nothing added, where it is none. */
json_t *check_to_json(const Check *check);
bool checkup_add_json(Checkup *checkup, const json_t *object);

#endif
