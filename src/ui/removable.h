/* What `clean` would remove, as text and as JSON: listed by `clean`, and by `report` video by video. Pure,
 * but for the language.
 */
#ifndef RUNBATCH_UI_REMOVABLE_H
#define RUNBATCH_UI_REMOVABLE_H

#include <jansson.h>
#include <stddef.h>

#include "base/text.h"
#include "batch/cleaner.h"

/* How many items belong to an output (a name; NULL: to none, logs and damaged stores), and their bytes. */
size_t removable_count(const CleanList *list, const char *output, int64_t *bytes);

typedef struct RemovableFrame {
    size_t columns; /* 0: as many as it takes */
    size_t indent;  /* blanks in front */
} RemovableFrame;

/* Appends a line for each of them, "  12.3 MB  PATH (why)", or two where it would be too long. */
void removable_append(Text *page, const CleanList *list, const char *output, const RemovableFrame *frame);

/* A new list of them as objects. */
json_t *removable_to_json(const CleanList *list, const char *output);

/* A new list of all. */
json_t *removable_all_to_json(const CleanList *list);

#endif
