/* `runbatch status` for people: how the run stands, and a table of the videos. Pure, but for the language and
 * the time zone.
 */
#ifndef RUNBATCH_UI_STATUS_PAGE_H
#define RUNBATCH_UI_STATUS_PAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"
#include "batch/snapshot.h"
#include "ui/page.h"

/* How the run stands: a few lines, with the videos by their states and the share that is done. */
void status_head(const Snapshot *snapshot, const PageFrame *frame, Text *page);

/* Appends the page, at most frame->rows lines: of the videos that are chosen (one bool for each), those that
 * are not finished first, and how many did not fit. */
void status_page(const Snapshot *snapshot, const bool *chosen, const PageFrame *frame, Text *page);

/* "running", …, in the user's language. */
const char *video_state_word(VideoState state);

/* Whether what a page tells of the two differs in more than figures that grow all the time: a state, a
 * reason, a chunk. */
bool status_differs(const Snapshot *before, const Snapshot *after);

/* Why a video is in its state, in the user's language; NULL where there is nothing to say. Returns `buffer`,
 * of 1600 bytes. */
const char *video_state_reason(const VideoView *video, char *buffer, size_t size);

#endif
