#include "batch/pace.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "batch/tries.h"

/* Pixels that one core makes in a second, all stages together, default preset: measured on 1280 x 720 with
 * one face, in processor time. The NVENC encoders leave the cores to the faces, which is about what x264
 * takes. */
static const struct {
    const char *encoder;
    double pixels;
} guesses[] = {{"libx264", 24e6}, {"libx265", 10e6}, {"libvpx-vp9", 6e6}};
static const double usual_guess = 24e6;

/* ---- the arithmetic ---- */

static int compare(const void *left, const void *right)
{
    const double a = ((const PaceTry *)left)->began_s;
    const double b = ((const PaceTry *)right)->began_s;
    return (a > b) - (a < b);
}

Pace pace_of(PaceTry *tries, size_t count)
{
    Pace pace = {.at_once = 1};
    double busy_s = 0; /* sum of all */
    double wall_s = 0; /* when at least one ran */
    double until_s = -INFINITY;
    double pixels = 0;
    if (count > 0) {
        qsort(tries, count, sizeof *tries, compare);
    }
    for (size_t i = 0; i < count; i++) {
        const PaceTry *one = &tries[i];
        if (!(one->ended_s > one->began_s) || !(one->pixels > 0)) {
            continue;
        }
        busy_s += one->ended_s - one->began_s;
        wall_s += fmax(0, one->ended_s - fmax(one->began_s, until_s));
        until_s = fmax(until_s, one->ended_s);
        pixels += one->pixels;
        pace.tries++;
    }
    if (pace.tries > 0) {
        pace.pixels_a_second = pixels / busy_s;
        pace.at_once = fmax(1, busy_s / wall_s);
    }
    return pace;
}

Pace pace_guess(const Settings *settings, int cores)
{
    Pace pace = {.pixels_a_second = usual_guess, .at_once = 1};
    for (size_t i = 0; i < sizeof guesses / sizeof guesses[0]; i++) {
        if (strcmp(guesses[i].encoder, settings->output_video_encoder) == 0) {
            pace.pixels_a_second = guesses[i].pixels;
        }
    }
    pace.pixels_a_second *= cores > 0 ? cores : 1;
    return pace;
}

double pace_seconds(const Pace *pace, double pixels)
{
    return pixels > 0 ? pixels / pace->pixels_a_second : 0;
}

double pace_batch_seconds(const Pace *pace, double sum_s, double longest_s, int jobs)
{
    return fmax(longest_s, sum_s / fmax(1, fmin(jobs, pace->at_once)));
}

/* ---- from the store ---- */

typedef struct Learning {
    PaceTry *tries;
    size_t count;
} Learning;

static void add_try(void *context, const MediaLook *look, const AttemptRow *attempt)
{
    enum { BLOCK = 64 };
    Learning *learning = context;
    const double pixels = (double)attempt->frames * look->width * look->height;
    if (attempt->ended_s > attempt->began_s && pixels > 0) {
        if (learning->count % BLOCK == 0) {
            learning->tries =
                memory_resize(learning->tries, learning->count + BLOCK, sizeof *learning->tries);
        }
        learning->tries[learning->count++] = (PaceTry){attempt->began_s, attempt->ended_s, pixels};
    }
}

Status pace_learn(Store *store, const Settings *settings, int cores, Pace *pace, Error *err)
{
    Learning learning = {0};
    const Status status = tries_each(store, settings, add_try, &learning, err);
    *pace = pace_of(learning.tries, learning.count);
    if (pace->tries == 0) {
        *pace = pace_guess(settings, cores);
    }
    memory_free(learning.tries);
    return status;
}
