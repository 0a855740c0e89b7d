/* Judges a face swap: how near the faces of a video are to a source face, by the default identity model.
 *
 * usage: face_cosine [--every N] [--models DIR] [--jitter] [-j THREADS] SOURCE_IMAGE VIDEO [ORIGINAL_VIDEO]
 *
 * Prints one JSON object. "cosine" is over every Nth frame (default 10) with a face. With the original video
 * the faces' places come from it, frame by frame, and "unswapped" counts frames whose largest face is still
 * the original's: it hardly differs, or differs a little and has the same identity. "isolated" are those of
 * them between two swapped ones. --jitter adds how much the face's five points shake: their second difference
 * over three frames, as a share of the face's side.
 */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "base/alloc.h"
#include "base/text.h"
#include "face_measure.h"
#include "media/still.h"

enum { BATCH = 16, THREADS_MAX = 16, LISTED_MAX = 50 };

typedef struct Options {
    const char *models_dir;
    const char *source;
    const char *video;
    const char *original;
    int every;
    int threads;
    bool jitter;
} Options;

typedef struct Measures {
    Measure *items;
    size_t count;
    size_t capacity;
} Measures;

/* Frames of one batch; thread t takes t, t + threads, … */
typedef struct Batch {
    MeasureConfig config;
    int threads;
    int count;
    int64_t first;
    AVFrame *frames[BATCH];
    AVFrame *originals[BATCH];
    bool with_original;
    Measure *results;
} Batch;

typedef struct Worker {
    Batch *batch;
    int number;
    Status status;
    Error error;
    pthread_t thread;
} Worker;

static void *work(void *argument)
{
    Worker *worker = argument;
    Batch *batch = worker->batch;
    for (int i = worker->number; i < batch->count && worker->status == STATUS_OK; i += batch->threads) {
        worker->status = measure_frame(&batch->config, batch->first + i, batch->frames[i],
                                       batch->with_original ? batch->originals[i] : NULL, &batch->results[i],
                                       &worker->error);
    }
    return NULL;
}

static Status run_batch(Batch *batch, Measures *measures, Error *err)
{
    if (measures->count + (size_t)batch->count > measures->capacity) {
        measures->capacity = measures->capacity * 2 + BATCH;
        measures->items = memory_resize(measures->items, measures->capacity, sizeof *measures->items);
    }
    batch->results = measures->items + measures->count;
    Worker workers[THREADS_MAX] = {0};
    Status status = STATUS_OK;
    int started = 0;
    for (; started < batch->threads; started++) {
        workers[started] = (Worker){.batch = batch, .number = started};
        if (pthread_create(&workers[started].thread, NULL, work, &workers[started]) != 0) {
            status = error_set(err, ERROR_ENVIRONMENT, "cannot start a thread", NULL, "none left");
            break;
        }
    }
    for (int i = 0; i < started; i++) {
        (void)pthread_join(workers[i].thread, NULL);
        if (workers[i].status != STATUS_OK && status == STATUS_OK) {
            status = STATUS_FAILED;
            *err = workers[i].error;
        }
    }
    measures->count += (size_t)batch->count;
    batch->first += batch->count;
    return status;
}

static const char more_frames[] = "the result has another number of frames than the original";

/* The next frame of both videos. STATUS_EOF when the first ends; `differ` counts frames at different times.
 */
static Status next_pair(Reader *video, Reader *original, Batch *batch, int64_t *differ, Error *err)
{
    AVFrame *frame = batch->frames[batch->count];
    AVFrame *other = batch->originals[batch->count];
    av_frame_unref(frame);
    av_frame_unref(other);
    Status status = reader_next(video, frame, err);
    if (status != STATUS_OK || original == NULL) {
        return status;
    }
    status = reader_next(original, other, err);
    if (status == STATUS_EOF) {
        return error_set(err, ERROR_INPUT, "cannot compare the videos", NULL, more_frames);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (frame->width != other->width || frame->height != other->height) {
        return error_set(err, ERROR_INPUT, "cannot compare the videos", NULL, "their sizes differ");
    }
    const double time = (double)frame->pts * av_q2d(reader_info(video)->time_base);
    const double other_time = (double)other->pts * av_q2d(reader_info(original)->time_base);
    *differ += fabs(time - other_time) > 0.002;
    return STATUS_OK;
}

static Status measure_all(Batch *batch, Reader *video, Reader *original, Measures *measures, int64_t *differ,
                          Error *err)
{
    Status status = STATUS_OK;
    while (status == STATUS_OK) {
        batch->count = 0;
        while (batch->count < BATCH && status == STATUS_OK) {
            status = next_pair(video, original, batch, differ, err);
            batch->count += status == STATUS_OK;
        }
        if (status != STATUS_FAILED && run_batch(batch, measures, err) != STATUS_OK) {
            status = STATUS_FAILED;
        }
    }
    return status == STATUS_EOF ? STATUS_OK : status;
}

static int by_value(const void *a, const void *b)
{
    const float first = *(const float *)a;
    const float second = *(const float *)b;
    return (first > second) - (first < second);
}

static double rounded(float value)
{
    return round((double)value * 1e4) / 1e4;
}

/* {"median", "p5", "p95", "mean", "count"} of the values, which are sorted. */
static json_t *summary(float *values, size_t count)
{
    json_t *object = json_object();
    (void)json_object_set_new(object, "count", json_integer((json_int_t)count));
    if (count > 0) {
        qsort(values, count, sizeof *values, by_value);
        double sum = 0;
        for (size_t i = 0; i < count; i++) {
            sum += (double)values[i];
        }
        const size_t last = count - 1;
        (void)json_object_set_new(object, "median", json_real(rounded(values[count / 2])));
        (void)json_object_set_new(object, "p5", json_real(rounded(values[last * 5 / 100])));
        (void)json_object_set_new(object, "p95", json_real(rounded(values[last * 95 / 100])));
        (void)json_object_set_new(object, "mean", json_real(rounded((float)(sum / (double)count))));
    }
    return object;
}

typedef bool (*Pick)(const Measure *measure, float *value);

static bool pick_cosine(const Measure *measure, float *value)
{
    *value = measure->cosine;
    return measure->has_cosine;
}

static bool pick_before(const Measure *measure, float *value)
{
    *value = measure->before;
    return measure->has_cosine;
}

static bool pick_kept(const Measure *measure, float *value)
{
    *value = measure->kept;
    return measure->has_cosine;
}

static bool pick_face_change(const Measure *measure, float *value)
{
    *value = measure->face_change;
    return measure->has_face;
}

static bool pick_ground_change(const Measure *measure, float *value)
{
    *value = measure->ground_change;
    return measure->has_face;
}

static json_t *summary_of(const Measures *measures, Pick pick)
{
    float *values = memory_alloc(measures->count, sizeof *values);
    size_t count = 0;
    for (size_t i = 0; i < measures->count; i++) {
        count += pick(&measures->items[i], &values[count]);
    }
    json_t *object = summary(values, count);
    memory_free(values);
    return object;
}

static bool is_swapped(const Measure *measure)
{
    return measure->has_face && !measure->unswapped;
}

static void add_unswapped(json_t *report, const Measures *measures)
{
    json_t *frames = json_array();
    json_int_t unswapped = 0;
    json_int_t isolated = 0;
    for (size_t i = 0; i < measures->count; i++) {
        const Measure *here = &measures->items[i];
        if (!here->unswapped) {
            continue;
        }
        const bool inside = i > 0 && i + 1 < measures->count;
        isolated += inside && is_swapped(&here[-1]) && is_swapped(&here[1]);
        if (unswapped++ < LISTED_MAX) {
            (void)json_array_append_new(frames, json_integer((json_int_t)i));
        }
    }
    (void)json_object_set_new(report, "unswapped", json_integer(unswapped));
    (void)json_object_set_new(report, "isolated", json_integer(isolated));
    (void)json_object_set_new(report, "unswapped_frames", frames);
}

static float shake(const Point a[5], const Point b[5], const Point c[5], float side)
{
    float sum = 0;
    for (int k = 0; k < 5; k++) {
        sum += hypotf(a[k].x - 2 * b[k].x + c[k].x, a[k].y - 2 * b[k].y + c[k].y);
    }
    return sum / 5 / side;
}

static void add_jitter(json_t *report, const Measures *measures, bool with_original)
{
    float *after = memory_alloc(measures->count, sizeof *after);
    float *before = memory_alloc(measures->count, sizeof *before);
    size_t count = 0;
    for (size_t i = 2; i < measures->count; i++) {
        const Measure *m = &measures->items[i];
        if (m->has_mesh && m[-1].has_mesh && m[-2].has_mesh) {
            after[count] = shake(m[-2].five, m[-1].five, m->five, m->side);
            before[count++] = shake(m[-2].before_five, m[-1].before_five, m->before_five, m->side);
        }
    }
    (void)json_object_set_new(report, "jitter", summary(after, count));
    if (with_original) {
        (void)json_object_set_new(report, "jitter_before", summary(before, count));
    }
    memory_free(after);
    memory_free(before);
}

static json_int_t count_sampled_with_face(const Measures *measures, int every)
{
    json_int_t count = 0;
    for (size_t i = 0; i < measures->count; i += (size_t)every) {
        count += measures->items[i].has_face;
    }
    return count;
}

static json_t *make_report(const Options *options, const Measures *measures, int64_t differ)
{
    json_t *report = json_object();
    const json_int_t frames = (json_int_t)measures->count;
    (void)json_object_set_new(report, "source", json_string(options->source));
    (void)json_object_set_new(report, "video", json_string(options->video));
    (void)json_object_set_new(report, "frames", json_integer(frames));
    (void)json_object_set_new(report, "sampled",
                              json_integer((frames + options->every - 1) / options->every));
    (void)json_object_set_new(report, "sampled_with_face",
                              json_integer(count_sampled_with_face(measures, options->every)));
    (void)json_object_set_new(report, "cosine", summary_of(measures, pick_cosine));
    json_t *each = json_array();
    for (size_t i = 0; i < measures->count; i++) {
        if (measures->items[i].has_cosine) {
            (void)json_array_append_new(
                each, json_pack("[I, f]", (json_int_t)i, rounded(measures->items[i].cosine)));
        }
    }
    if (options->original != NULL) {
        (void)json_object_set_new(report, "original", json_string(options->original));
        (void)json_object_set_new(report, "times_differ", json_integer((json_int_t)differ));
        (void)json_object_set_new(report, "cosine_before", summary_of(measures, pick_before));
        (void)json_object_set_new(report, "cosine_to_original", summary_of(measures, pick_kept));
        (void)json_object_set_new(report, "face_change", summary_of(measures, pick_face_change));
        (void)json_object_set_new(report, "ground_change", summary_of(measures, pick_ground_change));
        add_unswapped(report, measures);
    }
    if (options->jitter) {
        add_jitter(report, measures, options->original != NULL);
    }
    (void)json_object_set_new(report, "cosines", each);
    return report;
}

static Status find_source(const FaceModels *models, const char *path, float embedding[EMBEDDING_SIZE],
                          Error *err)
{
    AVFrame *still = av_frame_alloc();
    Orientation orientation = {0};
    static StillFace face;
    int count = 0;
    Status status = still_read(path, still, &orientation, err);
    if (status == STATUS_OK) {
        status = face_find_in_still(models, still, orientation, &face, 1, &count, err);
    }
    if (status == STATUS_OK && count == 0) {
        status = error_set(err, ERROR_INPUT, "cannot use the source picture", path, "it shows no face");
    }
    if (status == STATUS_OK) {
        memcpy(embedding, face.embedding, sizeof face.embedding);
    }
    av_frame_free(&still);
    return status;
}

static Status judge(const Options *options, Batch *batch, FaceModels **models, Reader **video,
                    Reader **original, Error *err)
{
    const FaceModelsConfig models_config = {
        .models_dir = options->models_dir, .threads = 1, .with_embedder = true};
    if (face_models_open(models, &models_config, err) != STATUS_OK ||
        find_source(*models, options->source, batch->config.source, err) != STATUS_OK ||
        reader_open(video, &(ReaderConfig){.path = options->video}, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    if (options->original != NULL &&
        reader_open(original, &(ReaderConfig){.path = options->original}, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    batch->config.models = *models;
    batch->config.orientation = reader_info(*video)->orientation;
    batch->config.sample_aspect_ratio = reader_info(*video)->sample_aspect_ratio;
    Measures measures = {0};
    int64_t differ = 0;
    Status status = measure_all(batch, *video, *original, &measures, &differ, err);
    if (status == STATUS_OK && *original != NULL) {
        status = reader_next(*original, batch->originals[0], err) == STATUS_EOF
                     ? STATUS_OK
                     : error_set(err, ERROR_INPUT, "cannot compare the videos", options->video, more_frames);
    }
    if (status == STATUS_OK) {
        json_t *report = make_report(options, &measures, differ);
        (void)json_dumpf(report, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
        (void)fputc('\n', stdout);
        json_decref(report);
    }
    memory_free(measures.items);
    return status;
}

static bool parse(int argc, char **argv, Options *options)
{
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    *options = (Options){.every = 10, .threads = cores > 4 ? 4 : (int)cores};
    const char **names[] = {&options->source, &options->video, &options->original};
    size_t given = 0;
    for (int i = 1; i < argc; i++) {
        const bool more = i + 1 < argc;
        if (strcmp(argv[i], "--jitter") == 0) {
            options->jitter = true;
        } else if (strcmp(argv[i], "--every") == 0 && more) {
            options->every = atoi(argv[++i]);
        } else if (strcmp(argv[i], "--models") == 0 && more) {
            options->models_dir = argv[++i];
        } else if (strcmp(argv[i], "-j") == 0 && more) {
            options->threads = atoi(argv[++i]);
        } else if (argv[i][0] != '-' && given < 3) {
            *names[given++] = argv[i];
        } else {
            return false;
        }
    }
    return given >= 2 && options->every > 0 && options->threads > 0 && options->threads <= THREADS_MAX;
}

int main(int argc, char **argv)
{
    Options options;
    if (!parse(argc, argv, &options)) {
        (void)fprintf(stderr,
                      "usage: face_cosine [--every N] [--models DIR] [--jitter] [-j THREADS] SOURCE_IMAGE "
                      "VIDEO [ORIGINAL_VIDEO]\n");
        return 2;
    }
    Batch batch = {.config = {.every = options.every, .jitter = options.jitter},
                   .threads = options.threads,
                   .with_original = options.original != NULL};
    for (int i = 0; i < BATCH; i++) {
        batch.frames[i] = av_frame_alloc();
        batch.originals[i] = av_frame_alloc();
    }
    FaceModels *models = NULL;
    Reader *video = NULL;
    Reader *original = NULL;
    Error err = {0};
    const Status status = judge(&options, &batch, &models, &video, &original, &err);
    if (status != STATUS_OK) {
        char line[1600];
        (void)fprintf(stderr, "face_cosine: %s\n", error_text(&err, line, sizeof line));
    }
    for (int i = 0; i < BATCH; i++) {
        av_frame_free(&batch.frames[i]);
        av_frame_free(&batch.originals[i]);
    }
    reader_free(&video);
    reader_free(&original);
    face_models_free(&models);
    return status == STATUS_OK ? 0 : 1;
}
