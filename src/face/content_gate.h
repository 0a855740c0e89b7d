/* How likely a frame shows what no face is to be put into: pornography.
 *
 * Classifiers are those of the catalogue's role content_gate. The default one tells five classes, of which
 * two count (Hentai and Porn; never Sexy, which holiday pictures are). It wants the whole frame squeezed into
 * a square, sampled without smoothing: with smoothing harmless party photos came half-way to its threshold.
 *
 * One thread. Memory: the model, two rows of the frame, and one input.
 */
#ifndef RUNBATCH_FACE_CONTENT_GATE_H
#define RUNBATCH_FACE_CONTENT_GATE_H

#include "infer/known_model.h"
#include "media/reader.h"

typedef struct ContentGate ContentGate;

/* ERROR_MODEL where it cannot be had. */
Status content_gate_open(ContentGate **gate, const KnownModel *model, const char *models_dir,
                         Provider provider, Error *err);
void content_gate_free(ContentGate **gate);

/* 0..1. */
Status content_gate_score(ContentGate *gate, const AVFrame *frame, Orientation orientation, float *score,
                          Error *err);

#endif
