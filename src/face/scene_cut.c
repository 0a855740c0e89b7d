#include "face/scene_cut.h"

#include <libavutil/intreadwrite.h>
#include <libavutil/pixdesc.h>
#include <math.h>

enum {
    SAMPLES_PER_SIDE = 3, /* a cell is the mean of 3 x 3 samples */
    MAX_SHIFT_X = SCENE_COLUMNS / 8,
    MAX_SHIFT_Y = SCENE_ROWS / 6,
};

/* Between shots of different places the shifted correlation is at most 0.6 (120 pairs of the demo media),
 * within a shot, also with a camera swung by a twelfth of the picture a frame, at least 0.9, at a flash 0.65.
 */
static const float min_change = 12.0f;
static const float sudden_factor = 2.0f;
static const float max_correlation = 0.62f;
static const float flat_deviation = 2.0f;

static const AVComponentDescriptor *brightness_component(const AVPixFmtDescriptor *format)
{
    const uint64_t unusable = AV_PIX_FMT_FLAG_HWACCEL | AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_BITSTREAM |
                              AV_PIX_FMT_FLAG_FLOAT | AV_PIX_FMT_FLAG_BAYER;
    if (format == NULL || (format->flags & unusable) != 0) {
        return NULL;
    }
    /* Green stands for luma in RGB. */
    bool rgb = (format->flags & AV_PIX_FMT_FLAG_RGB) != 0;
    return &format->comp[rgb ? 1 : 0];
}

bool scene_thumbnail(const AVFrame *frame, SceneThumbnail *thumbnail)
{
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get((enum AVPixelFormat)frame->format);
    const AVComponentDescriptor *component = brightness_component(format);
    if (component == NULL || frame->data[component->plane] == NULL || frame->width < 1 || frame->height < 1) {
        return false;
    }
    const bool wide = component->shift + component->depth > 8;
    const bool big_endian = (format->flags & AV_PIX_FMT_FLAG_BE) != 0;
    const unsigned mask = (1u << component->depth) - 1u;
    const float scale = 255.0f / (float)mask / (float)(SAMPLES_PER_SIDE * SAMPLES_PER_SIDE);
    const int columns = SCENE_COLUMNS * SAMPLES_PER_SIDE;
    const int rows = SCENE_ROWS * SAMPLES_PER_SIDE;
    *thumbnail = (SceneThumbnail){0};
    for (int row = 0; row < rows; row++) {
        int y = (int)((2 * row + 1) * (int64_t)frame->height / (2 * rows));
        const uint8_t *line = frame->data[component->plane] +
                              (ptrdiff_t)y * frame->linesize[component->plane] + component->offset;
        float *cells = thumbnail->cell + row / SAMPLES_PER_SIDE * SCENE_COLUMNS;
        for (int column = 0; column < columns; column++) {
            int x = (int)((2 * column + 1) * (int64_t)frame->width / (2 * columns));
            const uint8_t *sample = line + (ptrdiff_t)x * component->step;
            unsigned bits = !wide ? *sample : big_endian ? AV_RB16(sample) : AV_RL16(sample);
            cells[column / SAMPLES_PER_SIDE] += (float)((bits >> component->shift) & mask) * scale;
        }
    }
    return true;
}

/* Correlation of a's cells with b's that are `dx`, `dy` further, where both are; 1 where both are flat, 0
 * where one is. */
static float correlate(const SceneThumbnail *a, const SceneThumbnail *b, int dx, int dy)
{
    const int x0 = dx < 0 ? -dx : 0;
    const int x1 = dx > 0 ? SCENE_COLUMNS - dx : SCENE_COLUMNS;
    const int y0 = dy < 0 ? -dy : 0;
    const int y1 = dy > 0 ? SCENE_ROWS - dy : SCENE_ROWS;
    float sum_a = 0.0f;
    float sum_b = 0.0f;
    float sum_aa = 0.0f;
    float sum_bb = 0.0f;
    float sum_ab = 0.0f;
    for (int y = y0; y < y1; y++) {
        const float *row_a = a->cell + y * SCENE_COLUMNS;
        const float *row_b = b->cell + (y + dy) * SCENE_COLUMNS + dx;
        for (int x = x0; x < x1; x++) {
            /* Around mid-grey, so that the squares keep their precision. */
            float value_a = row_a[x] - 128.0f;
            float value_b = row_b[x] - 128.0f;
            sum_a += value_a;
            sum_b += value_b;
            sum_aa += value_a * value_a;
            sum_bb += value_b * value_b;
            sum_ab += value_a * value_b;
        }
    }
    const float count = (float)((x1 - x0) * (y1 - y0));
    float variance_a = (sum_aa - sum_a * sum_a / count) / count;
    float variance_b = (sum_bb - sum_b * sum_b / count) / count;
    bool flat_a = variance_a < flat_deviation * flat_deviation;
    bool flat_b = variance_b < flat_deviation * flat_deviation;
    if (flat_a || flat_b) {
        return flat_a && flat_b ? 1.0f : 0.0f;
    }
    return (sum_ab - sum_a * sum_b / count) / count / sqrtf(variance_a * variance_b);
}

void scene_compare(const SceneThumbnail *a, const SceneThumbnail *b, float *change, float *correlation)
{
    float difference = 0.0f;
    for (int i = 0; i < SCENE_CELLS; i++) {
        difference += fabsf(a->cell[i] - b->cell[i]);
    }
    *change = difference / (float)SCENE_CELLS;
    *correlation = correlate(a, b, 0, 0);
}

float scene_shifted_correlation(const SceneThumbnail *a, const SceneThumbnail *b)
{
    float best = -1.0f;
    for (int dy = -MAX_SHIFT_Y; dy <= MAX_SHIFT_Y; dy++) {
        for (int dx = -MAX_SHIFT_X; dx <= MAX_SHIFT_X; dx++) {
            best = fmaxf(best, correlate(a, b, dx, dy));
        }
    }
    return best;
}

bool scene_is_cut(float change, float change_before, float correlation)
{
    return change >= min_change && change >= sudden_factor * change_before && correlation < max_correlation;
}

bool scene_cut_next(SceneCut *detector, const AVFrame *frame)
{
    SceneThumbnail now;
    bool other_size = frame->width != detector->width || frame->height != detector->height;
    bool readable = scene_thumbnail(frame, &now);
    bool cut = !detector->started || other_size;
    float change = 0.0f;
    float correlation = 1.0f;
    if (!cut && readable) {
        scene_compare(&detector->last, &now, &change, &correlation);
        cut = scene_is_cut(change, detector->last_change, correlation) &&
              scene_is_cut(change, detector->last_change, scene_shifted_correlation(&detector->last, &now));
    }
    if (readable) {
        detector->last = now;
    }
    /* Neither a cut nor a flash says anything about motion. */
    detector->last_change = cut ? 0.0f : change * (1.0f - fmaxf(correlation, 0.0f));
    detector->width = frame->width;
    detector->height = frame->height;
    detector->started = true;
    return cut;
}
