/* Shared by the recipes (models.c, detect*.c, mesh.c, embed.c): the loaded sessions, sampling a model's
 * input, and boxes in the upright picture. Not for other files of face/. */
#ifndef RUNBATCH_FACE_MODELS_INTERNAL_H
#define RUNBATCH_FACE_MODELS_INTERNAL_H

#include "face/models.h"

struct FaceModels {
    Session *detector; /* fr_detect */
    Session *rotated;  /* blazeface_back */
    Session *mesh;     /* facemesh */
    Session *embedder; /* fr_feature; NULL when not asked for */
};

typedef enum TensorLayout {
    LAYOUT_PLANES,      /* [1, 3, height, width] */
    LAYOUT_INTERLEAVED, /* [1, height, width, 3] */
} TensorLayout;

/* What a model wants to see: (value - offset) * scale of RGB 0..255. */
typedef struct InputRecipe {
    int width;
    int height;
    TensorLayout layout;
    float offset;
    float scale;
} InputRecipe;

/* Samples the frame through `to_frame` (input pixels to stored frame; black outside) into a tensor whose data
 * the caller frees with memory_free, also on failure. */
Status models_sample(const InputRecipe *recipe, const AVFrame *frame, const Affine *to_frame, Tensor *input,
                     Error *err);

/* Stored pixel width over height; 1 where unknown or absurd. */
float models_aspect(AVRational sar);
/* Square pixels to stored ones: x shrinks by the aspect, edges stay edges. */
Affine models_square_to_stored(float aspect);
Affine models_stored_to_square(float aspect);

/* A face box in the upright picture. */
typedef struct UprightBox {
    float x0, y0, x1, y1;
    float score;
    float angle; /* clockwise, radians; 0 where the detector does not tell */
} UprightBox;

enum { BOXES_MAX = 128 };

typedef struct BoxList {
    int count;
    UprightBox box[BOXES_MAX];
} BoxList;

float box_overlap(const UprightBox *a, const UprightBox *b);     /* intersection over union */
float box_containment(const UprightBox *a, const UprightBox *b); /* intersection over the smaller */
/* Sorts by score and drops every box that overlaps a better one by more than `overlap`, or lies in one by
 * more than `containment` (1: never). Source: greedy non-maximum suppression. */
void box_list_suppress(BoxList *list, float overlap, float containment);

/* The picture a detector looks for faces in. */
typedef struct UprightView {
    const AVFrame *frame;
    Affine to_stored;
    int width;
    int height;
} UprightView;

/* Appends to `list` what the two detectors find: fr_detect in a region of the upright picture (x, y, width in
 * pixels; the height is three quarters of the width, as its input), BlazeFace in all of it. */
Status detect_region(const FaceModels *models, const UprightView *view, float x, float y, float width,
                     float threshold, BoxList *list, Error *err);
Status detect_rotated(const FaceModels *models, const UprightView *view, float threshold, BoxList *list,
                      Error *err);

#endif
