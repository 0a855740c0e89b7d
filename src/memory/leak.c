#include "memory/leak.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { PAIRS = LEAK_READINGS * (LEAK_READINGS - 1) / 2, LEAST = 3, ENOUGH = 8, LAST_PART_LEAST = 4 };

#define MIB (1024.0 * 1024.0)

/* Eight times what the containers' index grows by. */
static const double least_slope = 1024.0;
/* Less is what allocators and caches do. */
static const double least_growth = 32 * MIB;
/* Where there are too few readings for the test: this much, and this share of what was there. */
static const double large_growth = 96 * MIB;
static const double large_share = 0.1;
static const double even_share = 0.9;
static const double settled_share = 0.75;
/* A growth that is less than so many times the scatter may be chance. */
static const double scatters = 3.0;
/* One-sided 1 % and 0.05 % points of the normal distribution. */
static const double suspicious_z = 2.326;
static const double certain_z = 3.290;

/* ---- readings ---- */

static void drop_every_other(LeakGuard *guard)
{
    int kept = 0;
    for (int i = 0; i < guard->count; i += 2) {
        guard->reading[kept++] = guard->reading[i];
    }
    guard->count = kept;
    guard->stride *= 2;
    guard->passed = 0;
}

void leak_add(LeakGuard *guard, int64_t frames, int64_t bytes, int load)
{
    if (guard->stride == 0 || load != guard->load) {
        const int64_t before = guard->stride == 0 ? 0 : guard->frames;
        *guard = (LeakGuard){.load = load, .skip = LEAK_WARM_UP, .stride = 1, .frames = before};
    }
    if (frames <= guard->frames || bytes < 0) {
        return;
    }
    guard->frames = frames;
    if (guard->skip > 0) {
        guard->skip--;
        return;
    }
    guard->passed++;
    if (guard->count > 0 && guard->passed < guard->stride) {
        return;
    }
    guard->passed = 0;
    if (guard->count == LEAK_READINGS) {
        drop_every_other(guard);
    }
    guard->reading[guard->count].frames = frames;
    guard->reading[guard->count].bytes = bytes;
    guard->count++;
}

/* ---- statistics ---- */

static int by_value(const void *a, const void *b)
{
    const double left = *(const double *)a;
    const double right = *(const double *)b;
    return (left > right) - (left < right);
}

static double slope_between(const LeakGuard *guard, int i, int j)
{
    return (double)(guard->reading[j].bytes - guard->reading[i].bytes) /
           (double)(guard->reading[j].frames - guard->reading[i].frames);
}

/* Theil-Sen over the readings from `first` on; two at least. */
static double median_slope(const LeakGuard *guard, int first)
{
    double slopes[PAIRS];
    size_t count = 0;
    for (int i = first; i < guard->count; i++) {
        for (int j = i + 1; j < guard->count; j++) {
            slopes[count++] = slope_between(guard, i, j);
        }
    }
    qsort(slopes, count, sizeof slopes[0], by_value);
    return count % 2 == 1 ? slopes[count / 2] : (slopes[count / 2 - 1] + slopes[count / 2]) / 2.0;
}

/* Mann-Kendall: how far from chance it is that readings rise; standard normal without a trend. */
static double trend(const LeakGuard *guard)
{
    const double n = guard->count;
    double sum = 0;
    for (int i = 0; i < guard->count; i++) {
        for (int j = i + 1; j < guard->count; j++) {
            const int64_t rise = guard->reading[j].bytes - guard->reading[i].bytes;
            sum += (double)((rise > 0) - (rise < 0));
        }
    }
    const double deviation = sqrt(n * (n - 1.0) * (2.0 * n + 5.0) / 18.0);
    return sum > 0 ? (sum - 1.0) / deviation : 0;
}

/* Between neighbours it rises by half to twice the slope, and at the end no slower than at the beginning:
 * what warms up slows down. */
static bool rises_evenly(const LeakGuard *guard, double slope)
{
    const int last = guard->count - 1;
    for (int i = 0; i < last; i++) {
        const double step = slope_between(guard, i, i + 1);
        if (step < slope / 2.0 || step > 2.0 * slope) {
            return false;
        }
    }
    return slope_between(guard, last - 1, last) >= even_share * slope_between(guard, 0, 1);
}

/* How far readings lie from the line of that slope: nine of ten no further. */
static double scatter(const LeakGuard *guard, double slope)
{
    double rest[LEAK_READINGS];
    const size_t count = (size_t)guard->count;
    for (size_t i = 0; i < count; i++) {
        rest[i] = (double)guard->reading[i].bytes - slope * (double)guard->reading[i].frames;
    }
    qsort(rest, count, sizeof rest[0], by_value);
    const double middle = rest[count / 2];
    for (size_t i = 0; i < count; i++) {
        rest[i] = fabs(rest[i] - middle);
    }
    qsort(rest, count, sizeof rest[0], by_value);
    return rest[count * 9 / 10];
}

/* In its last third it rises nearly as fast as in all: it has not settled. */
static bool still_rises(const LeakGuard *guard, double slope)
{
    const int third = guard->count / 3 > LAST_PART_LEAST ? guard->count / 3 : LAST_PART_LEAST;
    const int first = guard->count > third ? guard->count - third : 0;
    return median_slope(guard, first) >= settled_share * slope;
}

/* ---- verdict ---- */

LeakFinding leak_judge(const LeakGuard *guard)
{
    LeakFinding finding = {.readings = guard->count};
    if (guard->count < 2) {
        return finding;
    }
    finding.frames = guard->reading[guard->count - 1].frames - guard->reading[0].frames;
    finding.bytes_per_frame = median_slope(guard, 0);
    const double growth = finding.bytes_per_frame * (double)finding.frames;
    finding.grown_bytes = (int64_t)growth;
    if (guard->count < LEAST || finding.bytes_per_frame < least_slope || growth < least_growth ||
        !still_rises(guard, finding.bytes_per_frame)) {
        return finding;
    }
    if (guard->count < ENOUGH) {
        const bool large = growth >= large_growth && growth >= large_share * (double)guard->reading[0].bytes;
        finding.verdict = large && rises_evenly(guard, finding.bytes_per_frame) ? LEAK_FOUND : LEAK_NONE;
        return finding;
    }
    const double z = trend(guard);
    if (z >= suspicious_z && growth >= scatters * scatter(guard, finding.bytes_per_frame)) {
        finding.verdict = z >= certain_z ? LEAK_FOUND : LEAK_SUSPECTED;
    }
    return finding;
}
