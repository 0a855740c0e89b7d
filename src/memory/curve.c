#include "memory/curve.h"

/* Twice as long as the supervisor takes from one sample to the next, so that none is without one by chance.
 */
#define FIRST_STEP_S 0.5

static int64_t more_of(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void double_step(MemoryCurve *curve)
{
    const int count = (curve->count + 1) / 2;
    for (int i = 0; i < count; i++) {
        const int64_t second = 2 * i + 1 < curve->count ? curve->points[2 * i + 1] : -1;
        curve->points[i] = more_of(curve->points[2 * i], second);
    }
    curve->count = count;
    curve->step_s *= 2;
}

static void begin(MemoryCurve *curve, double wall_s, int64_t bytes)
{
    curve->began_s = wall_s;
    curve->step_s = FIRST_STEP_S;
    curve->lowest_bytes = bytes;
    curve->peak_bytes = bytes;
}

void curve_add(MemoryCurve *curve, double wall_s, int64_t bytes, int64_t limit_bytes)
{
    if (curve->count == 0) {
        begin(curve, wall_s, bytes);
    }
    const double after_s = wall_s > curve->began_s ? wall_s - curve->began_s : 0;
    while (after_s / curve->step_s >= CURVE_POINTS_MOST) {
        double_step(curve);
    }
    const int at = (int)(after_s / curve->step_s);
    while (curve->count <= at) {
        curve->points[curve->count++] = -1;
    }
    curve->points[at] = more_of(curve->points[at], bytes);
    if (bytes < curve->lowest_bytes) {
        curve->lowest_bytes = bytes;
        curve->lowest_s = after_s;
    }
    if (bytes > curve->peak_bytes) {
        curve->peak_bytes = bytes;
        curve->peak_s = after_s;
    }
    curve->limit_bytes = limit_bytes > 0 ? limit_bytes : curve->limit_bytes;
}

void curve_shrink(const MemoryCurve *curve, int64_t *values, int count)
{
    for (int i = 0; i < count; i++) {
        values[i] = -1;
        for (int point = i * curve->count / count; point < (i + 1) * curve->count / count; point++) {
            values[i] = more_of(values[i], curve->points[point]);
        }
    }
}
