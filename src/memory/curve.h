/* Memory over time in a bounded number of points, however long it took and however many samples there are.
 *
 * Each point is the most in one span of time; the spans are doubled whenever they would become too many.
 * Pure: called by whoever reads samples. Worst-case memory: the struct, 1 KB.
 */
#ifndef RUNBATCH_MEMORY_CURVE_H
#define RUNBATCH_MEMORY_CURVE_H

#include <stdint.h>

enum { CURVE_POINTS_MOST = 120 };

/* Zero-initialise. Times are seconds since the first sample, which was at `began_s`. */
typedef struct MemoryCurve {
    double began_s;                    /* wall time */
    double step_s;                     /* the span of a point */
    int count;                         /* of points; 0: no sample yet */
    int64_t points[CURVE_POINTS_MOST]; /* the most in each span, in bytes; -1 where there was no sample */
    int64_t lowest_bytes;
    double lowest_s;
    int64_t peak_bytes;
    double peak_s;
    int64_t limit_bytes; /* of the last sample with one; 0 none */
} MemoryCurve;

/* Samples come in order; one from before the first (the clock was set back) counts as if it had come with it.
 * `wall_s` is finite, `bytes` at least 0. */
void curve_add(MemoryCurve *curve, double wall_s, int64_t bytes, int64_t limit_bytes);

/* Fills `values` with the most in each of `count` equal parts of the curve's time, 1 <= count <=
 * curve->count; -1 where there was no sample. */
void curve_shrink(const MemoryCurve *curve, int64_t *values, int count);

#endif
