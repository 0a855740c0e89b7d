/* What the FFmpeg at hand can do of what runbatch asks of it: for `version` and `doctor`.
 *
 * Static tables and questions to the libraries; only codecs_try_encoder takes memory for a moment (the
 * encoder's own, some 50 MB) and may start threads. Any thread.
 */
#ifndef RUNBATCH_MEDIA_CODECS_H
#define RUNBATCH_MEDIA_CODECS_H

#include <stdbool.h>

#include "base/error.h"

enum { CODECS_LIBRARIES = 5, CODECS_NAME_BYTES = 32 };

typedef struct CodecsLibrary {
    const char *name; /* "libavformat" */
    int major, minor, micro;
} CodecsLibrary;

/* `index` 0..CODECS_LIBRARIES - 1. */
CodecsLibrary codecs_library(int index);
/* "5.1.6-0+deb12u1". */
const char *codecs_release(void);

/* Demuxers that inputs are opened with and kinds of video that are usual in them, by number from 0. False:
 * there is no such number. `there`: this FFmpeg has it; a decoder that only works on a graphics card is not.
 */
bool codecs_demuxer(int index, char name[CODECS_NAME_BYTES], bool *there);
bool codecs_decoder(int index, char name[CODECS_NAME_BYTES], bool *there);

/* Opens the encoder as for a small video, and closes it. ERROR_ENCODER with the reason. */
Status codecs_try_encoder(const char *name, Error *err);

#endif
