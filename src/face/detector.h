/* What every detector is, built in or the user's: a model, and how its kind is run. Inside face/ only.
 *
 * A detector looks for faces in a region of a view of the frame: the upright picture, or that turned. Scores
 * are brought onto one scale, on which BEGIN_SCORE is the detector's own threshold, so that what uses faces
 * need not know who found them. Immutable after detector_open; any thread may call; scratch memory is on the
 * heap per call and bounded by the model's input and outputs.
 */
#ifndef RUNBATCH_FACE_DETECTOR_H
#define RUNBATCH_FACE_DETECTOR_H

#include "face/models.h"
#include "infer/known_model.h"

/* A face box in a view. */
typedef struct UprightBox {
    float x0, y0, x1, y1;
    float score;
    float angle; /* clockwise, radians; 0 where the detector does not tell */
    bool pointed;
    Point points[5]; /* as mesh_five_points has them, where pointed */
} UprightBox;

enum { BOXES_MAX = 128 };

typedef struct BoxList {
    int count;
    UprightBox box[BOXES_MAX];
} BoxList;

float box_overlap(const UprightBox *a, const UprightBox *b);     /* intersection over union */
float box_containment(const UprightBox *a, const UprightBox *b); /* intersection over the smaller */
/* Puts `box` into the list; the worst one gives way when it is full. */
void box_list_add(BoxList *list, const UprightBox *box);
/* Sorts by score and drops every box that overlaps a better one by more than `overlap`, or lies in one by
 * more than `containment` (1: never). Source: greedy non-maximum suppression. */
void box_list_suppress(BoxList *list, float overlap, float containment);
/* Drops what is no box or lies outside of the view. */
void box_list_keep_inside(BoxList *list, int width, int height);

/* The picture a detector looks for faces in. */
typedef struct UprightView {
    const AVFrame *frame;
    Affine to_stored;
    int width;
    int height;
} UprightView;

/* Of a view, in its pixels, counted from the edge; it is scaled to fill the model's input, so it has that
 * one's proportions. What lies outside of the view is black. */
typedef struct Region {
    float x, y, width, height;
} Region;

typedef struct Detector Detector;

typedef struct DetectorKind {
    const char *name; /* a built-in one's KnownModel.kind */
    /* Appends what scores at least `threshold`, best first, overlapping ones merged. */
    Status (*find)(const Detector *detector, const UprightView *view, const Region *region, float threshold,
                   BoxList *list, Error *err);
} DetectorKind;

struct Detector {
    const KnownModel *model;
    const DetectorKind *kind;
    Session *session;
    int width; /* of the picture that goes in */
    int height;
    float threshold; /* of the model's scores */
};

/* ERROR_MODEL as known_model_open; also where the size of its picture is absurd. `score` 0: the catalogue's
 * threshold. */
Status detector_open(Detector *detector, const KnownModel *model, const FaceModelsConfig *config, float score,
                     Error *err);
/* Copes with a zeroed one; leaves it zeroed. */
void detector_close(Detector *detector);

/* A model's score on the common scale, and back. */
float detector_common_score(const Detector *detector, float score);
float detector_own_score(const Detector *detector, float common);

/* From the model's input pixels, counted from their middles, to the stored frame. */
Affine detector_input_map(const Detector *detector, const UprightView *view, const Region *region);

extern const DetectorKind ultraface_kind;
extern const DetectorKind blazeface_kind;

#endif
