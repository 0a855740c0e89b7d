#include "memory/estimate.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

/* ---- what encoders keep ---- */

/* Frames that an encoder looks ahead at, B-frames in a row, reference frames. x264: x264_param_apply_preset;
 * x265: x265_param_default_preset. */
typedef struct Habit {
    const char *preset;
    int ahead;
    int b_frames;
    int references;
} Habit;

static const Habit x264_habits[] = {
    {"ultrafast", 0, 0, 1},  {"superfast", 0, 3, 1},  {"veryfast", 10, 3, 1}, {"faster", 20, 3, 2},
    {"fast", 30, 3, 2},      {"medium", 40, 3, 3},    {"slow", 50, 3, 5},     {"slower", 60, 3, 8},
    {"veryslow", 60, 8, 16}, {"placebo", 60, 16, 16}, {NULL, 40, 3, 3},
};
static const Habit x265_habits[] = {
    {"ultrafast", 5, 3, 1}, {"superfast", 10, 3, 1}, {"veryfast", 15, 4, 2}, {"faster", 15, 4, 2},
    {"fast", 15, 4, 3},     {"medium", 20, 4, 3},    {"slow", 25, 4, 4},     {"slower", 40, 8, 5},
    {"veryslow", 40, 8, 5}, {"placebo", 60, 8, 5},   {NULL, 20, 4, 3},
};
/* libvpx looks 25 frames ahead and keeps up to 12, whatever the speed. */
static const Habit vp9_habits[] = {{NULL, 25, 0, 12}};
/* The card's own memory is not the worker's. */
static const Habit nvenc_habits[] = {{NULL, 8, 0, 0}};

static const Habit *habit_of(const Habit *habits, const char *preset)
{
    while (habits->preset != NULL && (preset == NULL || strcmp(habits->preset, preset) != 0)) {
        habits++;
    }
    return habits;
}

/* ---- the constants ---- */

typedef enum Constant {
    PROGRAM,
    DECODER_HELD,
    DECODER_THREAD,
    DECODER_H264_FRAMES,
    DECODER_H264_THREAD,
    DECODER_HEVC_FRAMES,
    DECODER_HEVC_THREAD,
    DECODER_VP9_FRAMES,
    DECODER_VP9_THREAD,
    DECODER_AV1_FRAMES,
    DECODER_AV1_THREAD,
    DECODER_OTHER_FRAMES,
    DECODER_OTHER_THREAD,
    X264_FIXED,
    X264_THREAD,
    X264_THREAD_FRAMES,
    X264_AHEAD,
    X264_KEPT,
    X265_FIXED,
    X265_THREAD,
    X265_THREAD_FRAMES,
    X265_FRAMES,
    X265_AHEAD,
    VP9_FIXED,
    VP9_THREAD,
    VP9_THREAD_FRAMES,
    VP9_FRAMES,
    NVENC_FIXED,
    NVENC_AHEAD,
    MODELS_FIXED,
    MODELS_THREAD,
    MODELS_OWN,
    MODELS_OWN_LOADING,
    MODELS_OWN_THREAD,
    POOL,
    CONTAINERS_FIXED,
    CONTAINERS_FRAME,
    CONTAINERS_AUDIO,
    CONSTANT_COUNT,
} Constant;

_Static_assert(CONSTANT_COUNT <= (int)MEMORY_CONSTANTS, "more constants than MEMORY_CONSTANTS");

typedef struct Row {
    const char *name;
    MemoryPart part;
    double bytes; /* for each one of what memory_amounts counts */
} Row;

#define MB 1e6

/* bench/calibrate.py --fit */
static const Row rows[CONSTANT_COUNT] = {
    [PROGRAM] = {"program", MEMORY_PROGRAM, 54.0 * MB},
    [DECODER_HELD] = {"decoder_held", MEMORY_DECODER, 1.00},
    [DECODER_THREAD] = {"decoder_thread", MEMORY_DECODER, 1.3 * MB},
    [DECODER_H264_FRAMES] = {"decoder_h264_frames", MEMORY_DECODER, 4.00},
    [DECODER_H264_THREAD] = {"decoder_h264_thread", MEMORY_DECODER, 2.06},
    [DECODER_HEVC_FRAMES] = {"decoder_hevc_frames", MEMORY_DECODER, 3.00},
    [DECODER_HEVC_THREAD] = {"decoder_hevc_thread", MEMORY_DECODER, 0.84},
    [DECODER_VP9_FRAMES] = {"decoder_vp9_frames", MEMORY_DECODER, 1.00},
    [DECODER_VP9_THREAD] = {"decoder_vp9_thread", MEMORY_DECODER, 0.28},
    [DECODER_AV1_FRAMES] = {"decoder_av1_frames", MEMORY_DECODER, 6.00},
    [DECODER_AV1_THREAD] = {"decoder_av1_thread", MEMORY_DECODER, 1.30},
    [DECODER_OTHER_FRAMES] = {"decoder_other_frames", MEMORY_DECODER, 1.00},
    [DECODER_OTHER_THREAD] = {"decoder_other_thread", MEMORY_DECODER, 0.95},
    [X264_FIXED] = {"x264_fixed", MEMORY_ENCODER, 2.8 * MB},
    [X264_THREAD] = {"x264_thread", MEMORY_ENCODER, 5.6 * MB},
    [X264_THREAD_FRAMES] = {"x264_thread_frames", MEMORY_ENCODER, 0.68},
    [X264_AHEAD] = {"x264_ahead", MEMORY_ENCODER, 2.47},
    [X264_KEPT] = {"x264_kept", MEMORY_ENCODER, 4.12},
    [X265_FIXED] = {"x265_fixed", MEMORY_ENCODER, 20.4 * MB},
    [X265_THREAD] = {"x265_thread", MEMORY_ENCODER, 1.7 * MB},
    [X265_THREAD_FRAMES] = {"x265_thread_frames", MEMORY_ENCODER, 1.76},
    [X265_FRAMES] = {"x265_frames", MEMORY_ENCODER, 24.92},
    [X265_AHEAD] = {"x265_ahead", MEMORY_ENCODER, 3.22},
    [VP9_FIXED] = {"vp9_fixed", MEMORY_ENCODER, 3.9 * MB},
    [VP9_THREAD] = {"vp9_thread", MEMORY_ENCODER, 2.6 * MB},
    [VP9_THREAD_FRAMES] = {"vp9_thread_frames", MEMORY_ENCODER, 1.36},
    [VP9_FRAMES] = {"vp9_frames", MEMORY_ENCODER, 1.63},
    [NVENC_FIXED] = {"nvenc_fixed", MEMORY_ENCODER, 150 * MB},
    [NVENC_AHEAD] = {"nvenc_ahead", MEMORY_ENCODER, 1.0},
    [MODELS_FIXED] = {"models_fixed", MEMORY_MODELS, 39.8 * MB},
    [MODELS_THREAD] = {"models_thread", MEMORY_MODELS, 0.00},
    [MODELS_OWN] = {"models_own", MEMORY_MODELS, 1.04},
    [MODELS_OWN_LOADING] = {"models_own_loading", MEMORY_MODELS, 1.00},
    [MODELS_OWN_THREAD] = {"models_own_thread", MEMORY_MODELS, 1.06},
    [POOL] = {"pool", MEMORY_FRAMES, 1.00},
    [CONTAINERS_FIXED] = {"containers_fixed", MEMORY_CONTAINERS, 5.9 * MB},
    [CONTAINERS_FRAME] = {"containers_frame", MEMORY_CONTAINERS, 120},
    [CONTAINERS_AUDIO] = {"containers_audio", MEMORY_CONTAINERS, 1 * MB},
};

const char *memory_constant(int number, MemoryPart *part, double *bytes)
{
    if (number < 0 || number >= CONSTANT_COUNT) {
        return NULL;
    }
    *part = rows[number].part;
    *bytes = rows[number].bytes;
    return rows[number].name;
}

const char *memory_part_name(MemoryPart part)
{
    static const char *const names[MEMORY_PART_COUNT] = {
        [MEMORY_PROGRAM] = "program", [MEMORY_DECODER] = "decoder", [MEMORY_ENCODER] = "encoder",
        [MEMORY_MODELS] = "models",   [MEMORY_FRAMES] = "frames",   [MEMORY_CONTAINERS] = "containers",
        [MEMORY_RESERVE] = "reserve",
    };
    return names[part];
}

/* ---- frames ---- */

static int enlarge_of(const MemoryTask *task)
{
    return task->enlarge > 1 ? task->enlarge : 1;
}

static int64_t frame_bytes(const MemoryTask *task, int width, int height)
{
    enum { ALIGNMENT = 64, ROWS = 32, PADDING = 128, PLANES = 3, SIDE_MOST = 65536 };
    if (width <= 0 || height <= 0 || width > SIDE_MOST || height > SIDE_MOST) {
        return 0;
    }
    const int shift_x = task->chroma_width_shift;
    const int shift_y = task->chroma_height_shift;
    const int64_t unit = (int64_t)ALIGNMENT << shift_x;
    const int64_t line = (width + unit - 1) / unit * unit * (task->bit_depth > 8 ? 2 : 1);
    const int64_t lines = (height + ROWS - 1) / ROWS * ROWS;
    return line * lines + 2 * (line >> shift_x) * (lines >> shift_y) + (int64_t)PLANES * PADDING;
}

/* As it is encoded. */
static int64_t made_bytes(const MemoryTask *task)
{
    return frame_bytes(task, task->width * enlarge_of(task), task->height * enlarge_of(task));
}

int64_t memory_frame_bytes(const MemoryTask *task)
{
    return frame_bytes(task, task->width, task->height) + (enlarge_of(task) > 1 ? made_bytes(task) : 0);
}

/* With what encoders lay around a picture, in luma samples on each side. */
static double bordered(const MemoryTask *task, int border)
{
    const double enlarge = enlarge_of(task);
    const double luma = (enlarge * task->width + 2.0 * border) * (enlarge * task->height + 2.0 * border);
    const double chroma = 2 * luma / (double)(1 << (task->chroma_width_shift + task->chroma_height_shift));
    /* what goes with a picture, vectors and costs, does not grow */
    return (luma + chroma) * (task->bit_depth > 8 ? 1.75 : 1);
}

int64_t memory_frame_budget(int64_t asked_bytes, int64_t frame_bytes, int64_t threads)
{
    enum { STAGES = 3, WAITING = 3 };
    if (asked_bytes > 0) {
        return asked_bytes;
    }
    const int64_t frames = STAGES + WAITING + 2 * threads;
    return frame_bytes <= INT64_MAX / frames ? frames * frame_bytes : INT64_MAX;
}

/* ---- amounts ---- */

static bool is(const char *name, const char *other)
{
    return name != NULL && strcmp(name, other) == 0;
}

/* Pictures that a decoder keeps by itself where the stream does not tell. */
static void count_decoder(const MemoryTask *task, const WorkerShape *shape, double frame, double *amounts)
{
    static const struct {
        const char *codec;
        int references;
        bool threaded;
        Constant frames;
        Constant thread;
    } decoders[] = {
        {"h264", 4, true, DECODER_H264_FRAMES, DECODER_H264_THREAD},
        {"hevc", 5, true, DECODER_HEVC_FRAMES, DECODER_HEVC_THREAD},
        {"vp9", 4, true, DECODER_VP9_FRAMES, DECODER_VP9_THREAD},
        {"av1", 8, true, DECODER_AV1_FRAMES, DECODER_AV1_THREAD},
        {"mjpeg", 2, false, DECODER_OTHER_FRAMES, DECODER_OTHER_THREAD},
        {NULL, 2, true, DECODER_OTHER_FRAMES, DECODER_OTHER_THREAD},
    };
    size_t i = 0;
    while (decoders[i].codec != NULL && !is(task->decoder, decoders[i].codec)) {
        i++;
    }
    const int references = task->reference_frames > 0 ? task->reference_frames : decoders[i].references;
    const int threads = decoders[i].threaded ? shape->decoder_threads : 0;
    amounts[DECODER_HELD] = references * frame;
    amounts[DECODER_THREAD] = threads;
    amounts[decoders[i].frames] = frame;
    amounts[decoders[i].thread] = threads * frame;
}

/* A short video does not fill what could be looked ahead. */
static double at_most(int64_t frames, int64_t most)
{
    return (double)(frames > 0 && frames < most ? frames : most);
}

static void count_x264(const MemoryTask *task, const WorkerShape *shape, double *amounts)
{
    enum { BORDER = 32 }; /* PADH, PADV */
    const double frame = bordered(task, BORDER);
    const Habit *habit = habit_of(x264_habits, task->preset);
    const int threads = shape->encoder_threads;
    /* x264_encoder_open: i_delay */
    const int delay = (habit->ahead > habit->b_frames ? habit->ahead : habit->b_frames) + threads - 1 +
                      (threads > 1 ? habit->b_frames + 1 : 0);
    amounts[X264_FIXED] = 1;
    amounts[X264_THREAD] = threads;
    amounts[X264_THREAD_FRAMES] = threads * frame;
    amounts[X264_AHEAD] = at_most(task->frames, delay + 1) * frame;
    /* the same: i_num_ref_frames; B-frames that others refer to need four */
    const int kept = habit->b_frames > 0 && habit->references < 4 ? 4 : habit->references;
    amounts[X264_KEPT] = at_most(task->frames, kept + 1) * frame;
}

static void count_x265(const MemoryTask *task, const WorkerShape *shape, double *amounts)
{
    enum { BORDER = 80 }; /* a block of 64 and 16 more: PicYuv::create */
    const double frame = bordered(task, BORDER);
    const Habit *habit = habit_of(x265_habits, task->preset);
    const int threads = shape->encoder_threads;
    amounts[X265_FIXED] = 1;
    amounts[X265_THREAD] = threads;
    amounts[X265_THREAD_FRAMES] = threads * frame;
    amounts[X265_FRAMES] = frame;
    amounts[X265_AHEAD] = at_most(task->frames, habit->ahead + habit->b_frames + 1) * frame;
}

static void count_vp9(const MemoryTask *task, const WorkerShape *shape, double *amounts)
{
    enum { BORDER = 160 }; /* VP9_ENC_BORDER_IN_PIXELS */
    const double frame = bordered(task, BORDER);
    amounts[VP9_FIXED] = 1;
    amounts[VP9_THREAD] = shape->encoder_threads;
    amounts[VP9_THREAD_FRAMES] = shape->encoder_threads * frame;
    amounts[VP9_FRAMES] = (vp9_habits->ahead + vp9_habits->references) * frame;
}

static void count_encoder(const MemoryTask *task, const WorkerShape *shape, double frame, double *amounts)
{
    if (is(task->encoder, "libx265")) {
        count_x265(task, shape, amounts);
    } else if (is(task->encoder, "libvpx-vp9")) {
        count_vp9(task, shape, amounts);
    } else if (task->encoder != NULL && strstr(task->encoder, "_nvenc") != NULL) {
        amounts[NVENC_FIXED] = 1;
        amounts[NVENC_AHEAD] = nvenc_habits->ahead * frame;
    } else {
        count_x264(task, shape, amounts);
    }
}

/* While models are loaded there is nothing yet of what comes with the frames; the larger of the two is the
 * peak. */
static double more_while_loading(const MemoryTask *task, const double *amounts)
{
    double later = 0;
    for (int i = 0; i < CONSTANT_COUNT; i++) {
        if (rows[i].part != MEMORY_PROGRAM && i != MODELS_FIXED && i != MODELS_OWN) {
            later += rows[i].bytes * amounts[i];
        }
    }
    return (double)task->own_loading_bytes > later ? (double)task->own_loading_bytes - later : 0;
}

void memory_amounts(const MemoryTask *task, const WorkerShape *shape, double amounts[MEMORY_CONSTANTS])
{
    for (int i = 0; i < MEMORY_CONSTANTS; i++) {
        amounts[i] = 0;
    }
    const double frame = (double)memory_frame_bytes(task);
    amounts[PROGRAM] = 1;
    count_decoder(task, shape, (double)frame_bytes(task, task->width, task->height), amounts);
    count_encoder(task, shape, (double)made_bytes(task), amounts);
    if (task->faces) {
        amounts[MODELS_FIXED] = 1;
        amounts[MODELS_THREAD] = shape->execution_threads;
        amounts[MODELS_OWN] = (double)task->own_model_bytes;
        amounts[MODELS_OWN_THREAD] = shape->execution_threads * (double)task->own_thread_bytes;
    }
    /* one frame goes through even where the budget is smaller */
    amounts[POOL] = (double)shape->frame_budget_bytes > frame ? (double)shape->frame_budget_bytes : frame;
    amounts[CONTAINERS_FIXED] = 1;
    amounts[CONTAINERS_FRAME] = (double)task->frames;
    amounts[CONTAINERS_AUDIO] = task->audio_streams;
    amounts[MODELS_OWN_LOADING] = more_while_loading(task, amounts);
}

/* What a header tells may be anything; a sum of all still fits, with its reserve. */
static const double most_bytes = 1e15;

MemoryEstimate memory_estimate(const MemoryTask *task, const WorkerShape *shape)
{
    MemoryEstimate estimate = {0};
    double amounts[MEMORY_CONSTANTS];
    memory_amounts(task, shape, amounts);
    for (int i = 0; i < CONSTANT_COUNT; i++) {
        estimate.part_bytes[rows[i].part] += (int64_t)fmin(rows[i].bytes * amounts[i], most_bytes);
    }
    for (int i = 0; i < MEMORY_PART_COUNT; i++) {
        estimate.total_bytes += estimate.part_bytes[i];
    }
    return estimate;
}

MemoryEstimate memory_needed(const MemoryTask *task, const WorkerShape *shape)
{
    MemoryEstimate needed = memory_estimate(task, shape);
    needed.part_bytes[MEMORY_RESERVE] = needed.total_bytes * MEMORY_RESERVE_PERCENT / 100;
    needed.total_bytes += needed.part_bytes[MEMORY_RESERVE];
    return needed;
}
