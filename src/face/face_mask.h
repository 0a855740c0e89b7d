/* Where a face may be changed: what the user limits face_swapper and face_enhancer to.
 *
 * The mask is made in a crop of its own, aligned like FFHQ, on the frame as it is before the change, and
 * multiplies what is then added to the frame, whatever way made that. Several kinds are combined by the
 * smallest. What models tell is made on the in-order thread, as it is smoothed over time, track by track, and
 * kept for as long as a frame may be on its way.
 *
 *     face_mask_follow(mask, frame, faces, err)          frames in order
 *     face_mask_take(mask, thread, frame, face, err)     before the change; any thread
 *     face_mask_limit(mask, thread, band, delta)         for each band of it
 *
 * One FaceMask a worker, shared by its threads. Memory: 0.5 MB a thread, 0.3 MB a track that is followed, 64
 * KB a face of the frames on their way, and what the models need once (face_mask_models). Every function
 * takes mask NULL: nothing is limited.
 */
#ifndef RUNBATCH_FACE_FACE_MASK_H
#define RUNBATCH_FACE_FACE_MASK_H

#include "base/text.h"
#include "face/face.h"

typedef struct FaceMaskOptions {
    const TextList *kinds;   /* "box", "hull", "occlusion", "region"; NULL or empty: no mask */
    float blur;              /* 0..1 of the way from a box's or hull's edge to its middle */
    const char *padding;     /* of the box: "5" or "0,5,10,5", percent of the crop's side; may be NULL */
    const TextList *regions; /* face_mask_regions; NULL or empty: all of them */
    const char *occluder;    /* names of known models */
    const char *parser;
} FaceMaskOptions;

typedef struct FaceMaskConfig {
    FaceMaskOptions options;
    const char *models_dir;
    Provider provider;
    AVRational sample_aspect_ratio;
    AVRational time_base; /* of the frames' pts */
    int threads;
    int frames; /* at most on their way between follow and take */
} FaceMaskConfig;

typedef struct FaceMask FaceMask;

enum { FACE_MASK_MODELS_MOST = 2 };

/* Names of the regions that a parser tells apart; NULL ends. */
extern const char *const face_mask_regions[];

/* What face_mask_open would load, and what that takes while it runs. ERROR_USAGE for options that cannot be.
 */
Status face_mask_models(const FaceMaskOptions *options, const KnownModel *models[FACE_MASK_MODELS_MOST],
                        int *count, int64_t *running_bytes, Error *err);

/* *mask NULL on success where no kind is asked for. */
Status face_mask_open(FaceMask **mask, const FaceMaskConfig *config, Error *err);
void face_mask_free(FaceMask **mask);

/* Makes what models tell of the selected faces of the next frame, and notes it with them. Without such models
 * it does nothing. */
Status face_mask_follow(FaceMask *mask, const AVFrame *frame, FrameFaces *faces, Error *err);

/* The mask of one face; by the models on this frame alone where it was not followed. */
Status face_mask_take(FaceMask *mask, int thread, const AVFrame *frame, const Face *face, Error *err);
/* `delta` has the size of `band`, which is in the frame's pixels. */
void face_mask_limit(const FaceMask *mask, int thread, Rect band, Image *delta);

#endif
