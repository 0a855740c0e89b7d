#include "face/paste.h"

#include <math.h>

#include "base/alloc.h"
#include "face/paste_detail.h"
#include "image/resample.h"
#include "image/texture.h"
#include "media/frame_bands.h"

const float paste_feather = 0.15F;

/* A result with more pixels than the frame is averaged in blocks first, as frame_view_warp does. */
static const float shrink_limit = 1.5F;

struct Paste {
    CropMask mask;
    FaceMask *limit;
    int thread;
    Crop crop;
    Rect area;    /* of the frame in which the crop is seen */
    Image result; /* then the difference from the crop */
    Image weight;
    Image lost;
    Texture change; /* the difference, and the mask */
    Texture coarse; /* the crop, and how much of what the frame shows beyond it is lost */
    FrameBands bands;
};

/* ---- the default mask ---- */

static float feathered(int at, int size)
{
    const float edge = (float)(at < size - 1 - at ? at : size - 1 - at) + 0.5F;
    const float t = fminf(edge / (paste_feather * (float)size), 1);
    return t * t * (3 - 2 * t);
}

static Status fill_box(void *context, int thread, const Crop *crop, const Image *result, Image *mask,
                       Error *err)
{
    (void)context;
    (void)thread;
    (void)crop;
    (void)result;
    (void)err;
    for (int y = 0; y < mask->height; y++) {
        const float down = feathered(y, mask->height);
        for (int x = 0; x < mask->width; x++) {
            mask->plane[0][y * mask->stride + x] = down * feathered(x, mask->width);
        }
    }
    return STATUS_OK;
}

const CropMask paste_box_mask = {.fill = fill_box};

/* ---- out ---- */

Paste *paste_new(const CropMask *mask, int thread)
{
    Paste *paste = memory_alloc(1, sizeof *paste);
    paste->mask = mask != NULL ? *mask : paste_box_mask;
    paste->thread = thread;
    return paste;
}

void paste_limit(Paste *paste, FaceMask *limit)
{
    paste->limit = limit;
}

void paste_free(Paste **paste)
{
    Paste *p = *paste;
    if (p == NULL) {
        return;
    }
    image_free(&p->crop.rgb);
    image_free(&p->result);
    image_free(&p->weight);
    image_free(&p->lost);
    texture_free(&p->change);
    texture_free(&p->coarse);
    frame_bands_free(&p->bands);
    memory_free(p);
    *paste = NULL;
}

/* The frame's pixels in which a crop of this size can be seen. */
static Rect crop_area(const Affine *to_frame, int size, const AVFrame *frame)
{
    const float low = -0.5F;
    const float high = (float)size - 0.5F;
    float x0 = INFINITY;
    float y0 = INFINITY;
    float x1 = -INFINITY;
    float y1 = -INFINITY;
    for (int i = 0; i < 4; i++) {
        const Point p = affine_apply(to_frame, (Point){i % 2 == 0 ? low : high, i / 2 == 0 ? low : high});
        x0 = fminf(x0, p.x);
        x1 = fmaxf(x1, p.x);
        y0 = fminf(y0, p.y);
        y1 = fmaxf(y1, p.y);
    }
    const float right = (float)frame->width;
    const float bottom = (float)frame->height;
    return (Rect){(int)ceilf(fminf(fmaxf(x0, 0), right)), (int)ceilf(fminf(fmaxf(y0, 0), bottom)),
                  (int)floorf(fminf(fmaxf(x1, -1), right - 1)) + 1,
                  (int)floorf(fminf(fmaxf(y1, -1), bottom - 1)) + 1};
}

Status paste_take(Paste *paste, const AVFrame *frame, const Face *face, const Affine *to_frame, int size,
                  Error *err)
{
    Crop *crop = &paste->crop;
    crop->frame = frame;
    crop->face = face;
    crop->to_frame = *to_frame;
    paste->area = crop_area(to_frame, size, frame);
    if (!affine_invert(to_frame, &crop->from_frame) || rect_is_empty(paste->area)) {
        return STATUS_AGAIN;
    }
    Status status = image_resize(&paste->result, size, size, 3, err);
    if (status == STATUS_OK) {
        status = frame_view_warp(frame, to_frame, size, size, -1, &crop->rgb, err);
    }
    if (status == STATUS_OK) {
        image_clamp(&crop->rgb, 0, 255);
        status = face_mask_take(paste->limit, paste->thread, frame, face, err);
    }
    return status;
}

const Crop *paste_crop(const Paste *paste)
{
    return &paste->crop;
}

Image *paste_result(Paste *paste)
{
    return &paste->result;
}

/* ---- back ---- */

static Status load(Texture *texture, Image *colours, Image *weight, int blocks, Error *err)
{
    image_shrink(colours, blocks);
    image_shrink(weight, blocks);
    const Status status = texture_resize(texture, colours->width, colours->height, 1, err);
    if (status == STATUS_OK) {
        texture_load(texture, colours, weight);
    }
    return status;
}

static Status make_mask(Paste *paste, Error *err)
{
    const Image *rgb = &paste->crop.rgb;
    Image *mask = &paste->weight;
    Status status = image_resize(mask, rgb->width, rgb->height, 1, err);
    if (status == STATUS_OK) {
        status =
            paste->mask.fill(paste->mask.context, paste->thread, &paste->crop, &paste->result, mask, err);
    }
    for (int y = 0; status == STATUS_OK && y < mask->height; y++) {
        for (int x = 0; x < mask->width; x++) {
            mask->plane[0][y * mask->stride + x] *= paste->crop.face->opacity;
        }
    }
    return status;
}

static void subtract(Image *result, const Image *crop)
{
    for (int i = 0; i < 3; i++) {
        for (int y = 0; y < crop->height; y++) {
            float *row = result->plane[i] + y * result->stride;
            const float *before = crop->plane[i] + y * crop->stride;
            for (int x = 0; x < crop->width; x++) {
                row[x] -= before[x];
            }
        }
    }
}

typedef struct Pasting {
    const TextureLevel *change;
    const TextureLevel *coarse;
    Affine map; /* frame pixels to texels */
    const FaceMask *limit;
    int thread;
} Pasting;

/* The columns of row y whose places lie in -0.5 .. size - 0.5 on one axis. */
static void clip_row(float step, float at, float size, float *from, float *to)
{
    const float low = -0.5F - at;
    const float high = size - 0.5F - at;
    if (fabsf(step) < 1e-9F) {
        if (!(low <= 0 && high > 0)) {
            *to = -INFINITY;
        }
        return;
    }
    *from = fmaxf(*from, fminf(low / step, high / step));
    *to = fminf(*to, fmaxf(low / step, high / step));
}

static void paste_row(const Pasting *pasting, Rect band, int y, const Image *target, Image *delta)
{
    const Affine *m = &pasting->map;
    const int width = band.x1 - band.x0;
    const ptrdiff_t row = (y - band.y0) * delta->stride;
    const ptrdiff_t target_row = (y - band.y0) * target->stride;
    const Point first = affine_apply(m, (Point){(float)band.x0, (float)y});
    float from = 0;
    float to = (float)width - 1;
    clip_row(m->a, first.x, (float)pasting->change->width, &from, &to);
    clip_row(m->d, first.y, (float)pasting->change->height, &from, &to);
    for (int x = 0; x < width; x++) {
        Float4 change = float4_all(0);
        if ((float)x >= from && (float)x <= to) {
            const float u = first.x + m->a * (float)x;
            const float v = first.y + m->d * (float)x;
            const Float4 coarse = texture_sample(pasting->coarse, u, v);
            const Float4 shown = {target->plane[0][target_row + x], target->plane[1][target_row + x],
                                  target->plane[2][target_row + x], 0};
            change = texture_sample(pasting->change, u, v);
            change = float4_all(change[3]) * (change - float4_all(coarse[3]) * (shown - coarse));
        }
        for (int i = 0; i < 3; i++) {
            delta->plane[i][row + x] = change[i];
        }
    }
}

static Status difference_of_band(void *context, Rect band, const Image *target, Image *delta, Error *err)
{
    (void)err;
    const Pasting *pasting = context;
    for (int y = band.y0; y < band.y1; y++) {
        paste_row(pasting, band, y, target, delta);
    }
    face_mask_limit(pasting->limit, pasting->thread, band, delta);
    return STATUS_OK;
}

static Status prepare(Paste *paste, Pasting *pasting, Error *err)
{
    Crop *crop = &paste->crop;
    const Affine *m = &crop->from_frame;
    const float shrink = sqrtf(fabsf(m->a * m->e - m->b * m->d));
    const int blocks = (int)fmaxf(ceilf(shrink / shrink_limit), 1);
    const float scale = 1.0F / (float)blocks;
    const Affine to_blocks = {.a = scale, .c = 0.5F * scale - 0.5F, .e = scale, .f = 0.5F * scale - 0.5F};
    pasting->map = affine_multiply(&to_blocks, m);
    pasting->limit = paste->limit;
    pasting->thread = paste->thread;
    pasting->change = &paste->change.level[0];
    pasting->coarse = &paste->coarse.level[0];
    Status status = make_mask(paste, err);
    if (status == STATUS_OK) {
        status = paste_detail_lost(&crop->rgb, &paste->result, &paste->lost, err);
    }
    if (status == STATUS_OK) {
        subtract(&paste->result, &crop->rgb);
        status = load(&paste->change, &paste->result, &paste->weight, blocks, err);
    }
    return status == STATUS_OK ? load(&paste->coarse, &crop->rgb, &paste->lost, blocks, err) : status;
}

Status paste_give(Paste *paste, AVFrame *frame, Error *err)
{
    Pasting pasting;
    if (prepare(paste, &pasting, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    return frame_bands_change(&paste->bands, frame, paste->area, difference_of_band, &pasting, err);
}
