/* What workers really took of memory, by kind of video: what estimates are corrected by.
 *
 * A kind is a codec and a class of size (memory_size_class); processors, encoder and preset are the batch's.
 * Plain data of 8 KiB, zero-initialised; nothing grows: of a kind the last tries are kept, and kinds for
 * which there is no room are not corrected. Pure but for past_memory_learn. One thread.
 */
#ifndef RUNBATCH_BATCH_PAST_MEMORY_H
#define RUNBATCH_BATCH_PAST_MEMORY_H

#include <stdint.h>

#include "base/error.h"
#include "batch/store.h"
#include "media/look.h"
#include "memory/estimate.h"
#include "options/settings.h"

enum { PAST_MEMORY_KINDS = 24 };

typedef struct PastKind {
    char codec[32];
    int size_class;
    int count; /* of the tries below, in the order of time */
    struct {
        double ended_s;
        MemoryPast past;
    } tries[MEMORY_PAST_MOST];
} PastKind;

typedef struct PastMemory {
    PastKind kinds[PAST_MEMORY_KINDS];
    int count;
} PastMemory;

/* Its number, from 1; 0: no room for another kind. */
int past_memory_kind(PastMemory *past, const char *codec, int width, int height);

/* A try, which has ended; in any order. Nothing is learned of one that did not make the whole video, where a
 * figure is not known (0), or of kind 0. */
void past_memory_add(PastMemory *past, int kind, const AttemptRow *attempt);

/* By what to multiply an estimate of that kind; 1 while there are too few tries, and for kind 0. */
double past_memory_factor(const PastMemory *past, int kind);

/* Adds the finished tries of the store that are like what is to be done. `store` may be NULL. */
Status past_memory_learn(PastMemory *past, Store *store, const Settings *settings, Error *err);

#endif
