#include <math.h>

#include "base/alloc.h"
#include "face/crop_tensor.h"
#include "face/face_mask_internal.h"
#include "image/resample.h"
#include "media/frame_view.h"

static void mean_of_five(const float *from, ptrdiff_t step, int at, float *to)
{
    enum { REACH = 2 };
    float sum = 0;
    for (int i = at - REACH; i <= at + REACH; i++) {
        sum += from[step * (i < 0 ? 0 : i < MASK_SIDE ? i : MASK_SIDE - 1)];
    }
    *to = sum / (2 * REACH + 1);
}

/* What the models tell ends softly, and inside what they told: 0.5, in the middle of a softened edge, is 0.
 */
static Status combine_softly(MaskScratch *s, Error *err)
{
    Image *from = &s->more;
    Image *soft = &s->soft;
    if (image_resize(soft, MASK_SIDE, MASK_SIDE, 1, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    for (int pass = 0; pass < 3; pass++) {
        for (int y = 0; y < MASK_SIDE; y++) {
            for (int x = 0; x < MASK_SIDE; x++) {
                mean_of_five(from->plane[0] + y * from->stride, 1, x, &soft->plane[0][y * soft->stride + x]);
            }
        }
        for (int y = 0; y < MASK_SIDE; y++) {
            for (int x = 0; x < MASK_SIDE; x++) {
                mean_of_five(soft->plane[0] + x, soft->stride, y, &from->plane[0][y * from->stride + x]);
            }
        }
    }
    for (int y = 0; y < MASK_SIDE; y++) {
        for (int x = 0; x < MASK_SIDE; x++) {
            const float value = from->plane[0][y * from->stride + x];
            mask_lower(&s->mask.plane[0][y * s->mask.stride + x], fminf(fmaxf(2 * value - 1, 0), 1));
        }
    }
    return STATUS_OK;
}

static void interleave(const KnownModel *k, const Image *rgb, float *data)
{
    for (int y = 0; y < rgb->height; y++) {
        for (int x = 0; x < rgb->width; x++) {
            for (int i = 0; i < 3; i++) {
                const float value = rgb->plane[k->bgr ? 2 - i : i][y * rgb->stride + x];
                *data++ = (value - k->mean[i]) * k->scale[i];
            }
        }
    }
}

/* Only who runs a model has its tensors. */
static void need_tensors(const FaceMask *m, MaskScratch *s)
{
    if (s->in == NULL) {
        s->in = memory_alloc(mask_input_floats(&m->wanted), sizeof(float));
        s->out = memory_alloc(mask_output_floats(&m->wanted), sizeof(float));
    }
}

static Status limit_to_seen(const FaceMask *m, MaskScratch *s, const AVFrame *frame, const Affine *to_frame,
                            Error *err)
{
    const Tensor input = {.data = s->in, .rank = 4, .shape = {1, MASK_SIDE, MASK_SIDE, 3}};
    const Tensor output = {.data = s->out, .rank = 4, .shape = {1, MASK_SIDE, MASK_SIDE, 1}};
    Status status = frame_view_warp(frame, to_frame, MASK_SIDE, MASK_SIDE, -1, &s->rgb, err);
    if (status == STATUS_OK) {
        image_clamp(&s->rgb, 0, 255);
        interleave(m->wanted.occluder, &s->rgb, s->in);
        status = session_run(m->occluder, &input, 1, &output, 1, err);
    }
    if (status == STATUS_OK) {
        status = image_resize(&s->more, MASK_SIDE, MASK_SIDE, 1, err);
    }
    if (status != STATUS_OK) {
        return status;
    }
    for (int y = 0; y < MASK_SIDE; y++) {
        for (int x = 0; x < MASK_SIDE; x++) {
            const float value = s->out[y * MASK_SIDE + x];
            s->more.plane[0][y * s->more.stride + x] = value > 0 ? fminf(value, 1) : 0;
        }
    }
    return combine_softly(s, err);
}

static int largest_class(const float *out)
{
    int best = 0;
    for (int i = 1; i < PARSER_CLASSES; i++) {
        const ptrdiff_t plane = (ptrdiff_t)PARSER_SIDE * PARSER_SIDE;
        best = out[i * plane] > out[best * plane] ? i : best;
    }
    return best;
}

static Status limit_to_regions(const FaceMask *m, MaskScratch *s, const AVFrame *frame,
                               const Affine *to_frame, Error *err)
{
    const KnownModel *k = m->wanted.parser;
    const Tensor input = {.data = s->in, .rank = 4, .shape = {1, 3, PARSER_SIDE, PARSER_SIDE}};
    const Tensor output = {.data = s->out, .rank = 4, .shape = {1, PARSER_CLASSES, PARSER_SIDE, PARSER_SIDE}};
    Status status = frame_view_warp(frame, to_frame, PARSER_SIDE, PARSER_SIDE, -1, &s->rgb, err);
    if (status == STATUS_OK) {
        image_clamp(&s->rgb, 0, 255);
        crop_to_tensor(&s->rgb, k->bgr, k->mean, k->scale, s->in);
        status = session_run(m->parser, &input, 1, &output, 1, err);
    }
    if (status == STATUS_OK) {
        status = image_resize(&s->more, PARSER_SIDE, PARSER_SIDE, 1, err);
    }
    if (status != STATUS_OK) {
        return status;
    }
    for (int y = 0; y < PARSER_SIDE; y++) {
        for (int x = 0; x < PARSER_SIDE; x++) {
            const int found = largest_class(s->out + (ptrdiff_t)y * PARSER_SIDE + x);
            s->more.plane[0][y * s->more.stride + x] = (float)m->wanted.class_[found];
        }
    }
    image_shrink(&s->more, PARSER_SIDE / MASK_SIDE);
    return combine_softly(s, err);
}

Status mask_limit_by_models(const FaceMask *m, MaskScratch *s, const AVFrame *frame,
                            const Affine *parser_to_frame, const Affine *to_frame, Error *err)
{
    Status status = STATUS_OK;
    need_tensors(m, s);
    if (m->wanted.occluder != NULL) {
        status = limit_to_seen(m, s, frame, to_frame, err);
    }
    if (status == STATUS_OK && m->wanted.parser != NULL) {
        status = limit_to_regions(m, s, frame, parser_to_frame, err);
    }
    return status;
}

bool mask_has_models(const FaceMask *m)
{
    return m->wanted.occluder != NULL || m->wanted.parser != NULL;
}
