/* The one-euro filter: a low-pass whose cut-off rises with speed, so that what stands still is calm and what
 * moves does not lag.
 *
 * Source: Casiez, Roussel, Vogel, "1 euro filter: a simple speed-based low-pass filter for noisy input in
 * interactive systems", CHI 2012. Here for points: all components of one filter share the cut-off that
 * belongs to the length of their common speed, so that diagonal motion is treated like any other. Added to
 * it: the lag that is left in steady motion is known (speed times the low-pass's delay) and can be made up
 * for. Time comes in seconds with each sample, so variable frame rates are right. Plain data: copy it, zero
 * it to reset it.
 */
#ifndef RUNBATCH_FACE_ONE_EURO_H
#define RUNBATCH_FACE_ONE_EURO_H

#include <stdbool.h>

enum { ONE_EURO_MAX_SIZE = 2 };

typedef struct OneEuroParams {
    float min_cutoff_hz;        /* at rest: lower is calmer */
    float beta;                 /* Hz per (unit / s): higher lags less in motion */
    float derivative_cutoff_hz; /* of the speeds' own low-pass */
    float lead_speed;           /* units / s at which half of the lag is made up for; 0: none ever is */
} OneEuroParams;

typedef struct OneEuro {
    float value[ONE_EURO_MAX_SIZE]; /* the result */
    /* private */
    float level[ONE_EURO_MAX_SIZE];  /* the low-pass, without lead */
    float pull[ONE_EURO_MAX_SIZE];   /* distance of the samples to it per second, low-passed */
    float sample[ONE_EURO_MAX_SIZE]; /* the last one */
    float speed[ONE_EURO_MAX_SIZE];  /* of the samples, low-passed */
    bool started;
} OneEuro;

/* Takes the sample `value` (1..ONE_EURO_MAX_SIZE components), `dt_s` after the one before, and leaves the
 * filtered one in filter->value. The first sample is taken as it is. A dt_s that is not positive changes
 * nothing. */
void one_euro_step(OneEuro *filter, const OneEuroParams *params, const float *value, int size, float dt_s);

/* The share of a new sample that a first-order low-pass takes in. */
float low_pass_share(float cutoff_hz, float dt_s);

#endif
