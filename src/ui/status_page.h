/* `runbatch status` for people: how the run stands, and a table of the videos. Pure, but for the language and
 * the time zone.
 */
#ifndef RUNBATCH_UI_STATUS_PAGE_H
#define RUNBATCH_UI_STATUS_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "batch/snapshot.h"

typedef struct PageFrame {
    size_t columns; /* SIZE_MAX: as wide as it is */
    size_t rows;    /* likewise */
    bool colour;
} PageFrame;

/* Appends the page, at most frame->rows lines: of the videos that are chosen (one bool for each), those that
 * are not finished first, and how many did not fit. */
void status_page(const Snapshot *snapshot, const bool *chosen, const PageFrame *frame, Text *page);

/* "running", …, in the user's language. */
const char *video_state_word(VideoState state);

/* Whether what a page tells of the two differs in more than figures that grow all the time: a state, a
 * reason, a chunk. */
bool status_differs(const Snapshot *before, const Snapshot *after);

/* Appends a line made harmless, wrapped at blanks; all but the first have `indent` blanks in front. */
void page_append_wrapped(Text *page, const char *line, const PageFrame *frame, size_t indent);

/* "2026-11-24 02:09", local time; `size` >= 20. Returns `buffer`. */
const char *page_time(double wall_s, char *buffer, size_t size);

#endif
