/* The pass that looks, before any face is changed, whether a video is one to be refused
 * (face/content_gate.h).
 *
 * As in roop one frame in 100 is looked at. A video is refused when the classifier is sure
 * (--content-gate-threshold) on GATE_FRAMES of them, or on all where there are fewer: one frame may deceive
 * it. Key frames near the hundredth frames stand for them where the container can seek, so that hours are
 * looked through in seconds.
 */
#ifndef RUNBATCH_WORKER_GATE_PASS_H
#define RUNBATCH_WORKER_GATE_PASS_H

#include <stdatomic.h>

#include "media/reader.h"
#include "options/settings.h"

enum { GATE_EVERY = 100, GATE_FRAMES = 3 };

/* In the video's work folder: a video that passed does not take the pass again. */
#define GATE_NOTE_NAME "gate.json"

typedef struct GatePass {
    const Settings *settings;
    const char *input;
    const char *folder; /* the video's */
    const char *key;    /* of what the output is made from */
    int decoder_threads;
    const atomic_bool *stop;
    atomic_llong *work;
} GatePass;

/* Whether these settings ask for it: a swap, and the gate is not switched off. */
bool gate_is_wanted(const Settings *settings);

/* Sets the error for a classifier that the catalogue does not have. */
Status gate_refuse_model(const char *name, Error *err);

/* ERROR_REFUSED when the video is not to be worked on. STATUS_STOPPED. */
Status gate_pass(const GatePass *pass, Error *err);

/* The highest scores so far, best first; what decides. Pure. */
typedef struct GateScores {
    float highest[GATE_FRAMES];
    int count; /* frames looked at */
} GateScores;

void gate_scores_add(GateScores *scores, float score);
/* What must reach the threshold: the GATE_FRAMES-th highest score, or the lowest where there are fewer. */
float gate_scores_decisive(const GateScores *scores);

#endif
