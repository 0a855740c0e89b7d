/* A video's log file, and the last line for the report of a death.
 *
 * Bounded: after VIDEO_LOG_MAX_BYTES one line tells that the rest is left out. A log that cannot be written
 * (a full disk) never stops a video. One thread.
 */
#ifndef RUNBATCH_BATCH_VIDEO_LOG_H
#define RUNBATCH_BATCH_VIDEO_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"

enum { VIDEO_LOG_MAX_BYTES = 4 * 1024 * 1024 };

typedef struct VideoLog {
    int fd; /* -1: none */
    int64_t written;
    char last_line[256];
    char partial[512]; /* of the worker's standard error, until its newline comes */
    size_t partial_length;
} VideoLog;

/* Starts the file anew, or goes on with it. */
void video_log_open(VideoLog *log, const char *path, bool append);
/* One line with its time and what it is ("info", "error", "stderr", "runbatch"). */
void video_log_line(VideoLog *log, const char *kind, const char *text);
/* Bytes of the worker's standard error, in any pieces. */
void video_log_stderr(VideoLog *log, const char *bytes, size_t count);
void video_log_close(VideoLog *log);

#endif
