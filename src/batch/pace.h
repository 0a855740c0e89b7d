/* How fast videos are made: by what earlier runs in this folder took with the same processors and encoder,
 * and before there is any, by a stated guess.
 *
 * What counts is pixels of finished frames: a frame of four times the size takes some four times as long. The
 * tries of a store overlap where several ran at once; so the speed of one and the speed of all are told
 * apart. Pure but for pace_learn, which reads the store. One thread. Memory: 24 bytes a try.
 */
#ifndef RUNBATCH_BATCH_PACE_H
#define RUNBATCH_BATCH_PACE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "batch/store.h"
#include "options/settings.h"

/* A try at a video: from, to (wall time), and what it made. */
typedef struct PaceTry {
    double began_s;
    double ended_s;
    double pixels; /* frames x width x height */
} PaceTry;

typedef struct Pace {
    double pixels_a_second; /* of one video */
    double at_once;         /* how many such there were at the same time, in the mean; at least 1 */
    int tries;              /* that it was learned of; 0: guessed */
} Pace;

/* From tries in any order, which it sorts. Those that cannot be are passed over. */
Pace pace_of(PaceTry *tries, size_t count);

/* The first guess for one video on a machine of so many cores. */
Pace pace_guess(const Settings *settings, int cores);

/* From the store, or the guess where nothing in it fits. `store` may be NULL. */
Status pace_learn(Store *store, const Settings *settings, int cores, Pace *pace, Error *err);

/* How long one video takes; 0 where its pixels are not known. */
double pace_seconds(const Pace *pace, double pixels);

/* How long videos take that need so many seconds (each as by itself) when `jobs` run at once, the longest of
 * them `longest_s`. More at once than was measured make a machine no faster, which may be too careful. */
double pace_batch_seconds(const Pace *pace, double sum_s, double longest_s, int jobs);

#endif
