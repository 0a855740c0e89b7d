/* Frames per second over the last few seconds, from readings of a growing count. Pure; one thread. */
#ifndef RUNBATCH_WORKER_RATE_H
#define RUNBATCH_WORKER_RATE_H

#include <stdint.h>

enum { RATE_SAMPLES = 20, RATE_STEP_MS = 250 };

/* Zero-initialise. */
typedef struct RateWindow {
    int64_t at_ms[RATE_SAMPLES];
    int64_t frames[RATE_SAMPLES];
    int count;
    int newest;
} RateWindow;

/* Takes a reading; ones closer than RATE_STEP_MS to the last replace nothing and are left out. */
void rate_add(RateWindow *window, int64_t now_ms, int64_t frames);

/* From the oldest reading to now; 0 before there are two different times. */
double rate_per_second(const RateWindow *window, int64_t now_ms, int64_t frames);

#endif
