/* The pass over a whole video before it is worked on: who is where on every frame (face/record.h).
 *
 * Done by what needs to know more than the frames so far tell: a face map, which has to know who a face is
 * from its first frame on; an anonymizer, which bridges gaps from both sides; `runbatch faces`. The record is
 * kept in the video's folder, so that a run that goes on has it at once.
 *
 * One thread, besides the decoder's. Memory: models, decoder and one frame, as in the job itself; the
 * record's pages are the kernel's to drop.
 */
#ifndef RUNBATCH_WORKER_ANALYSIS_H
#define RUNBATCH_WORKER_ANALYSIS_H

#include <stdatomic.h>

#include "face/record.h"

typedef struct AnalysisConfig {
    const FaceModels *models; /* with the embedder */
    const char *input;
    const char *path; /* of the record */
    const char
        *key; /* of what it is made from, 32 hexadecimal digits: a record of another key is made anew */
    int decoder_threads;
    bool every_frame; /* detectors look at every frame: for those who must not miss a face */
    const atomic_bool *stop;
    atomic_llong *work;        /* grows with every frame read */
    atomic_llong *frames_done; /* NULL, or the same, for progress */
    /* Called once the video is open, if it has to be read. May be NULL. */
    void (*opened)(void *context, const MediaInfo *info);
    void *context;
} AnalysisConfig;

/* Opens the record, and makes it first where there is none. STATUS_STOPPED: nothing is kept. */
Status analysis_open(FaceRecord **record, const AnalysisConfig *config, Error *err);

#endif
