#include "face/scene_cut.h"

#include <libavutil/intreadwrite.h>
#include <libavutil/pixdesc.h>
#include <math.h>

enum { SAMPLES_PER_SIDE = 3 }; /* a cell is the mean of 3 x 3 samples */

/* Set on cuts between the demo clips and on their own motion. */
static const float min_change = 12.0f;
static const float sudden_factor = 2.0f;
static const float max_correlation = 0.7f;
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

void scene_compare(const SceneThumbnail *a, const SceneThumbnail *b, float *change, float *correlation)
{
    const float count = (float)SCENE_CELLS;
    float mean_a = 0.0f;
    float mean_b = 0.0f;
    float difference = 0.0f;
    for (int i = 0; i < SCENE_CELLS; i++) {
        mean_a += a->cell[i] / count;
        mean_b += b->cell[i] / count;
        difference += fabsf(a->cell[i] - b->cell[i]) / count;
    }
    float aa = 0.0f;
    float bb = 0.0f;
    float ab = 0.0f;
    for (int i = 0; i < SCENE_CELLS; i++) {
        float da = a->cell[i] - mean_a;
        float db = b->cell[i] - mean_b;
        aa += da * da / count;
        bb += db * db / count;
        ab += da * db / count;
    }
    bool flat_a = aa < flat_deviation * flat_deviation;
    bool flat_b = bb < flat_deviation * flat_deviation;
    *change = difference;
    *correlation = flat_a && flat_b ? 1.0f : flat_a || flat_b ? 0.0f : ab / sqrtf(aa * bb);
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
        cut = scene_is_cut(change, detector->last_change, correlation);
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
