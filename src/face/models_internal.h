/* Shared by the recipes (models.c, detect*.c, mesh.c, embed.c): the loaded sessions, sampling a model's
 * input, and boxes in the upright picture. Not for other files of face/. */
#ifndef RUNBATCH_FACE_MODELS_INTERNAL_H
#define RUNBATCH_FACE_MODELS_INTERNAL_H

#include "face/detector.h"

struct FaceModels {
    Detector detector; /* of faces that are about upright: fr_detect, or the user's */
    Detector rotated;  /* of turned ones: blazeface_back */
    Session *mesh;     /* facemesh */
    Session *embedder; /* fr_feature, or the user's; NULL when not asked for */
    const KnownModel *embedder_model;
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

/* The same for a model whose catalogue entry tells what it wants: [1, 3, height, width]. */
Status models_sample_known(const KnownModel *model, int width, int height, const AVFrame *frame,
                           const Affine *to_frame, Tensor *input, Error *err);

/* A square crop of size x size pixels around `centre` (square pixels) of `side`, whose up is `angle`
 * clockwise of the frame's. */
Affine models_crop_around(Point centre, float side, int size, float angle, bool mirrored, float aspect);

/* Pixels of a picture that was turned clockwise by quarters to those of the one before, of that size. */
Affine models_quarter_turn(int quarters, float width, float height);

/* What was seen of a face in a crop. */
typedef struct TurnLook {
    float score; /* 0: no face */
    float angle; /* of the face, as Detection.angle */
    Point centre;
    float side; /* of its box, in square pixels */
} TurnLook;

/* What two looks, tilted to either side of an angle, tell together. */
TurnLook turn_together(const TurnLook *one, const TurnLook *other);
/* That is so good that the face cannot be another way up. */
bool turn_is_sure(const TurnLook *one, const TurnLook *other);
/* The face's angle, which was told to be `told`, of two that it may have; `told` where the better one is
 * about that or neither was seen. */
float turn_choose(const TurnLook *a, const TurnLook *b, float told);

/* Stored pixel width over height; 1 where unknown or absurd. */
float models_aspect(AVRational sar);
/* Square pixels to stored ones: x shrinks by the aspect, edges stay edges. */
Affine models_square_to_stored(float aspect);
Affine models_stored_to_square(float aspect);

#endif
