/* Which videos a user means: by the name of the output or input, with its folder or without, with or without
 * extension, by position, by a range of positions. Pure.
 */
#ifndef RUNBATCH_BATCH_SELECT_H
#define RUNBATCH_BATCH_SELECT_H

#include <stdbool.h>

#include "base/error.h"
#include "base/text.h"
#include "batch/snapshot.h"

/* Sets chosen[i] (snapshot->count of them, false before) for each video that one of the words means; all
 * where there are no words. ERROR_USAGE: a word that means none, with the names that come near; one that
 * means several without being a range, with all of them. */
Status select_videos(const Snapshot *snapshot, const TextList *words, bool *chosen, Error *err);

#endif
