/* Which positions of the sorted list are meant: "5", "1-30", "31-", "1-3,7,20-". Pure.
 *
 * Positions count from 1. Several arguments are joined. A part that reaches over the end is cut there with a
 * note; one that lies wholly behind it is an error, as are 0 and an end before its start.
 */
#ifndef RUNBATCH_BATCH_RANGE_H
#define RUNBATCH_BATCH_RANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

typedef struct Range {
    int64_t first; /* >= 1 */
    int64_t last;  /* >= first; INT64_MAX: to the end */
} Range;

/* Zero-initialise; free with range_set_free. An empty set means all. */
typedef struct RangeSet {
    Range *items;
    size_t count;
} RangeSet;

/* Adds the parts of one argument. ERROR_USAGE; the set may then hold the parts before the wrong one. */
Status range_parse(RangeSet *set, const char *text, Error *err);
void range_set_free(RangeSet *set);

/* Checks every part against the number of videos; a part that was cut adds a line to `notes`. */
Status range_check(const RangeSet *set, size_t found, TextList *notes, Error *err);

bool range_contains(const RangeSet *set, int64_t position);

#endif
