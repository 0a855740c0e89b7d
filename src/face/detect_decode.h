/* What the outputs of users' detectors mean: faces in the pixels of the model's input, counted from its edge.
 * Pure. */
#ifndef RUNBATCH_FACE_DETECT_DECODE_H
#define RUNBATCH_FACE_DETECT_DECODE_H

#include "face/detector.h"

typedef struct OutputForm {
    const char *kind;
    int anchors;     /* rows a cell */
    bool per_stride; /* output i is of stride 8, 16 or 32, the three in turn; otherwise all are in each */
    /* Appends the faces that score at least `threshold`, by the model's own score, to the list. Outputs are
     * in the catalogue's order. */
    void (*decode)(const Tensor *outputs, int width, int height, float threshold, BoxList *faces);
} OutputForm;

/* NULL when there is none. */
const OutputForm *output_form_find(const char *kind);

/* How many rows output `index` has for a picture of this size. */
int64_t output_form_rows(const OutputForm *form, int index, int width, int height);

#endif
