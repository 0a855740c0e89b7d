#include "batch/pace.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

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
    Store *store;
    json_t *wanted; /* options, as a recipe has them */
    PaceTry *tries;
    size_t count;
    double frame_pixels; /* of the video at hand */
} Learning;

/* What makes it slower or faster, and is part of a recipe. One that it does not know had its default: it was
 * made before there was another value. */
static bool is_like(const json_t *options, const json_t *wanted)
{
    static const char *const keys[] = {"frame-processor", "output-video-encoder", "output-video-preset"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const json_t *value = json_object_get(options, keys[i]);
        if (value != NULL && !json_equal(value, json_object_get(wanted, keys[i]))) {
            return false;
        }
    }
    return json_is_object(options);
}

static bool add_try(void *context, const AttemptRow *attempt)
{
    enum { BLOCK = 64 };
    Learning *learning = context;
    const double pixels = (double)attempt->frames * learning->frame_pixels;
    if (attempt->ended_s > attempt->began_s && pixels > 0) {
        if (learning->count % BLOCK == 0) {
            learning->tries =
                memory_resize(learning->tries, learning->count + BLOCK, sizeof *learning->tries);
        }
        learning->tries[learning->count++] = (PaceTry){attempt->began_s, attempt->ended_s, pixels};
    }
    return true;
}

static bool add_video(void *context, const VideoRow *row)
{
    Learning *learning = context;
    MediaLook look;
    if (row->recipe == NULL ||
        store_input_find(learning->store, row->input, -1, 0, &look, NULL) != STATUS_OK) {
        return true;
    }
    json_t *recipe = json_loads(row->recipe, JSON_REJECT_DUPLICATES, NULL);
    if (is_like(json_object_get(recipe, "options"), learning->wanted)) {
        learning->frame_pixels = (double)look.width * look.height;
        (void)store_each_attempt(learning->store, row->id, add_try, learning, NULL);
    }
    json_decref(recipe);
    return true;
}

Status pace_learn(Store *store, const Settings *settings, int cores, Pace *pace, Error *err)
{
    Learning learning = {.store = store, .wanted = settings_to_json(settings)};
    const Status status = store != NULL ? store_each_video(store, add_video, &learning, err) : STATUS_OK;
    *pace = pace_of(learning.tries, learning.count);
    if (pace->tries == 0) {
        *pace = pace_guess(settings, cores);
    }
    memory_free(learning.tries);
    json_decref(learning.wanted);
    return status;
}
