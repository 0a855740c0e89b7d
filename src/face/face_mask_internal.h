/* What the files of face_mask share. Private to them. */
#ifndef RUNBATCH_FACE_FACE_MASK_INTERNAL_H
#define RUNBATCH_FACE_FACE_MASK_INTERNAL_H

#include "face/face_mask.h"

/* The mask has half the parser's side, the occluder's own. */
enum { MASK_SIDE = 256, PARSER_SIDE = 2 * MASK_SIDE, PARSER_CLASSES = 19 };

typedef struct MaskWanted {
    bool box;
    bool hull;
    const KnownModel *occluder; /* NULL: not wanted */
    const KnownModel *parser;
    float blur;
    float padding[4]; /* top, right, bottom, left; 0..1 */
    bool class_[PARSER_CLASSES];
} MaskWanted;

typedef struct MaskScratch {
    bool shown;
    Affine from_frame;
    Image rgb;
    Image mask;
    Image more; /* what is combined with it */
    Image soft;
    float *in;
    float *out;
} MaskScratch;

/* A track's mask so far. */
typedef struct MaskFollow {
    int track;     /* 0: this one is free */
    double seen_s; /* when it was last made */
    float *mask;   /* MASK_SIDE x MASK_SIDE; kept for the next track */
} MaskFollow;

struct FaceMask {
    MaskWanted wanted;
    AVRational aspect;
    AVRational time_base;
    Session *occluder;
    Session *parser;
    int threads;
    MaskScratch *scratch; /* one a thread, and the in-order thread's behind them */
    int frames;
    int next;       /* frame of `kept` to be filled, modulo */
    uint8_t **kept; /* frames x FACES_MAX: what models told of a face, smoothed, MASK_SIDE x MASK_SIDE */
    MaskFollow follow[FACES_MAX];
};

/* What the options ask for. ERROR_USAGE. */
Status mask_read_options(const FaceMaskOptions *options, MaskWanted *wanted, Error *err);
size_t mask_input_floats(const MaskWanted *wanted);
size_t mask_output_floats(const MaskWanted *wanted);

bool mask_has_models(const FaceMask *mask);
/* Lowers scratch->mask to what the models tell of that crop of the frame. */
Status mask_limit_by_models(const FaceMask *mask, MaskScratch *scratch, const AVFrame *frame,
                            const Affine *parser_to_frame, const Affine *to_frame, Error *err);

/* The crop of a face, in the parser's pixels and in the mask's. False: it has no extent. */
bool mask_place_crop(const FaceMask *mask, const Face *face, Affine *parser_to_frame, Affine *to_frame);
/* scratch->mask, all 1. */
Status mask_begin(MaskScratch *scratch, Error *err);

static inline void mask_lower(float *value, float limit)
{
    *value = *value < limit ? *value : limit;
}

#endif
