/* A face's crop out of a frame, for models that work on crops, and what a model made of it back into the
 * frame.
 *
 *     paste_take(paste, frame, face, &to_frame, size, err)   samples the crop
 *     paste_crop(paste) -> model -> paste_result(paste)
 *     paste_give(paste, frame, err)                          adds the difference
 *
 * What goes back is the difference between result and crop, through the inverse map and a soft mask, added to
 * the frame's planes: a model that changes nothing changes no bit. What the frame shows beyond the crop
 * (grain, pores, all that is finer) stays as far as the model kept the structure there, and goes where the
 * model put other features: the old edges would show through the new ones (paste_detail.h).
 *
 * One Paste a thread. Memory: PASTE_PIXEL_BYTES a crop pixel, and three bands of the frame.
 */
#ifndef RUNBATCH_FACE_PASTE_H
#define RUNBATCH_FACE_PASTE_H

#include "face/face.h"
#include "face/face_mask.h"

enum { PASTE_PIXEL_BYTES = 64 }; /* crop, result, mask, lost: 8 floats; two textures: 8 floats */

/* What masks are made from; all in the crop's pixels but the face and the frame. */
typedef struct Crop {
    const AVFrame *frame; /* stored; this face is not yet changed in it */
    const Face *face;
    Affine to_frame; /* crop pixels to stored ones */
    Affine from_frame;
    Image rgb; /* size x size, clamped to 0..255 */
} Crop;

/* Says how much of the result is shown: fills `mask` (one plane of the crop's size, all of it) with 0..1.
 * `result` is what the model made of the crop. `thread` is the processor's: no two calls with the same number
 * run at once. */
typedef struct CropMask {
    Status (*fill)(void *context, int thread, const Crop *crop, const Image *result, Image *mask, Error *err);
    void *context;
} CropMask;

/* The default: all of the crop, with a soft edge that takes `paste_feather` of its side. */
extern const float paste_feather;
extern const CropMask paste_box_mask;

typedef struct Paste Paste;

/* `mask` NULL: the box; copied. */
Paste *paste_new(const CropMask *mask, int thread);
/* A mask of the user's beside it; may be NULL. It must stay. */
void paste_limit(Paste *paste, FaceMask *limit);
void paste_free(Paste **paste);

/* Samples the size x size crop. Frame and face must stay until paste_give. STATUS_AGAIN: nothing of it lies
 * in the frame, or it has no extent. */
Status paste_take(Paste *paste, const AVFrame *frame, const Face *face, const Affine *to_frame, int size,
                  Error *err);
/* Valid until the next paste_take. The result has the crop's size and is to be filled with RGB 0..255. */
const Crop *paste_crop(const Paste *paste);
Image *paste_result(Paste *paste);

/* Changes the frame (writable, the one of paste_take). The face's opacity counts. The result is used up. */
Status paste_give(Paste *paste, AVFrame *frame, Error *err);

#endif
