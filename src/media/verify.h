/* The check a file must pass before it gets its name. */
#ifndef RUNBATCH_MEDIA_VERIFY_H
#define RUNBATCH_MEDIA_VERIFY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

typedef struct VerifyExpectation {
    int64_t frames;     /* exactly this many video packets; 0: do not check */
    double duration_s;  /* of the video stream; < 0: do not check */
    double tolerance_s; /* one frame */
    int audio_streams;
    int threads; /* of the decoder; 0: one per core, at most READER_THREADS_MAX */
    bool whole;  /* decode all of it, not only its end */
} VerifyExpectation;

/* For files that take minutes to read. Both may be NULL. */
typedef struct VerifyWatch {
    const atomic_bool *stop;
    atomic_llong *work; /* grows with every packet */
} VerifyWatch;

/* Opens the file as a player would and checks: it opens, has a video stream, holds as many frames as were
 * written, has the duration, the audio streams, a trailer, and its last key frame's packets decode. With
 * `whole` each frame decodes without error and as many as there are packets, and decoding and presentation
 * times rise strictly. ERROR_VERIFY with the difference otherwise; STATUS_STOPPED. */
Status verify_output(const char *path, const VerifyExpectation *expected, const VerifyWatch *watch,
                     Error *err);

/* Whether `output` looks like a finished result for `input`: both open, and the durations agree within half a
 * second or 1 %. *complete false with `why` filled when not. Errors only when `input` itself cannot be read.
 */
Status verify_is_complete(const char *input, const char *output, bool *complete, char *why, size_t why_size,
                          Error *err);

#endif
