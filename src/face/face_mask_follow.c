#include <math.h>

#include "base/alloc.h"
#include "face/face_mask_internal.h"

static const float calm_s = 0.08F;   /* time constant: what a model tells for one frame hardly shows */
static const double forgets_s = 0.5; /* a face that was away so long begins anew */

static MaskFollow *follow_of(FaceMask *m, int track, double now_s)
{
    MaskFollow *oldest = &m->follow[0];
    for (int i = 0; i < FACES_MAX; i++) {
        MaskFollow *one = &m->follow[i];
        if (one->track == track) {
            return one;
        }
        if (one->track == 0 || (oldest->track != 0 && one->seen_s < oldest->seen_s)) {
            oldest = one;
        }
    }
    *oldest = (MaskFollow){.track = track, .seen_s = now_s - 2 * forgets_s, .mask = oldest->mask};
    return oldest;
}

/* The crop goes with the face, so a place of it is the same place of the face on the next frame. */
static void smooth(MaskFollow *follow, const Image *mask, double now_s)
{
    const double since_s = now_s - follow->seen_s;
    const bool anew = follow->mask == NULL || !(since_s > 0 && since_s <= forgets_s);
    const float share = anew ? 1 : 1 - expf(-(float)since_s / calm_s);
    if (follow->mask == NULL) {
        follow->mask = memory_alloc((size_t)MASK_SIDE * MASK_SIDE, sizeof *follow->mask);
    }
    for (int y = 0; y < MASK_SIDE; y++) {
        const float *row = mask->plane[0] + y * mask->stride;
        float *kept = follow->mask + (ptrdiff_t)y * MASK_SIDE;
        for (int x = 0; x < MASK_SIDE; x++) {
            kept[x] += share * (row[x] - kept[x]);
        }
    }
    follow->seen_s = now_s;
}

static void keep(uint8_t **kept, const float *mask)
{
    if (*kept == NULL) {
        *kept = memory_alloc((size_t)MASK_SIDE * MASK_SIDE, 1);
    }
    for (int i = 0; i < MASK_SIDE * MASK_SIDE; i++) {
        (*kept)[i] = (uint8_t)lrintf(255 * mask[i]);
    }
}

static Status follow_face(FaceMask *m, const AVFrame *frame, Face *face, double now_s, uint8_t **kept,
                          Error *err)
{
    MaskScratch *s = &m->scratch[m->threads];
    Affine parser_to_frame;
    Affine to_frame;
    if (!mask_place_crop(m, face, &parser_to_frame, &to_frame)) {
        return STATUS_OK;
    }
    Status status = mask_begin(s, err);
    if (status == STATUS_OK) {
        status = mask_limit_by_models(m, s, frame, &parser_to_frame, &to_frame, err);
    }
    if (status == STATUS_OK) {
        MaskFollow *follow = follow_of(m, face->track, now_s);
        smooth(follow, &s->mask, now_s);
        keep(kept, follow->mask);
        face->kept_mask = (int)(kept - m->kept) + 1;
    }
    return status;
}

Status face_mask_follow(FaceMask *mask, const AVFrame *frame, FrameFaces *faces, Error *err)
{
    if (mask == NULL || !mask_has_models(mask)) {
        return STATUS_OK;
    }
    const double now_s = (double)frame->pts * av_q2d(mask->time_base);
    uint8_t **kept = &mask->kept[(ptrdiff_t)mask->next * FACES_MAX];
    Status status = STATUS_OK;
    mask->next = (mask->next + 1) % mask->frames;
    for (int i = 0; i < FACES_MAX && faces->scene_cut; i++) {
        mask->follow[i].track = 0;
    }
    for (int i = 0; i < faces->count && status == STATUS_OK; i++) {
        Face *face = &faces->face[i];
        if (face->selected && face->opacity > 0) {
            status = follow_face(mask, frame, face, now_s, &kept[i], err);
        }
    }
    return status;
}
