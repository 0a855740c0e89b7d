/* The one error type: what a user can act on.
 *
 * A function that can fail returns a Status and takes an Error * as its last argument. STATUS_FAILED means
 * the Error is filled in: what failed, on which file, why, and what to do. End of stream, "try again", "over
 * budget" and "stopped" are states, not errors: they have their own Status and leave the Error alone.
 *
 * Set where it happens; the first error wins (error_set on a filled Error does nothing), so that tear-down
 * after a failure cannot hide the cause. No allocation, no locks; an Error belongs to one thread.
 */
#ifndef RUNBATCH_BASE_ERROR_H
#define RUNBATCH_BASE_ERROR_H

#include <stdbool.h>
#include <stddef.h>

typedef enum Status {
    STATUS_FAILED = -1,
    STATUS_OK = 0,
    STATUS_EOF,
    STATUS_AGAIN,
    STATUS_OVER_BUDGET,
    STATUS_STOPPED,
} Status;

/* The class of an error. It decides whether a video is tried again and with which exit code the program ends.
 */
typedef enum ErrorClass {
    ERROR_NONE = 0,
    ERROR_USAGE,        /* the command line or a configuration value */
    ERROR_INPUT,        /* the video or the source image cannot be read or has nothing to work on */
    ERROR_MODEL,        /* a model is missing, damaged or of the wrong shape */
    ERROR_ENVIRONMENT,  /* permissions, missing folders, a missing execution provider */
    ERROR_SPACE,        /* no space left on a volume */
    ERROR_DISK,         /* a volume does not read or write what it should */
    ERROR_MEMORY,       /* out of memory, or a limit that cannot work */
    ERROR_VIDEO_MEMORY, /* out of a graphics card's memory */
    ERROR_ENCODER,      /* the encoder or the muxer refused */
    ERROR_VERIFY,       /* a finished file did not pass its check */
    ERROR_REFUSED,      /* the content gate: it is not to be worked on */
    ERROR_CRASH,        /* a worker ended without a word */
    ERROR_KILLED,       /* somebody ended a worker by a signal */
    ERROR_TIMEOUT,      /* no progress for too long */
    ERROR_INTERRUPTED,  /* the user asked to stop */
    ERROR_INTERNAL,     /* a defect of ours */
    ERROR_CLASS_COUNT,
} ErrorClass;

typedef struct Error {
    ErrorClass class_;
    char what[256]; /* "cannot open the video" */
    char file[512]; /* the path it happened on; may be empty */
    char why[512];  /* "moov atom not found" */
    char todo[256]; /* "copy the file again"; may be empty */
} Error;

/* Fills `err` unless it is filled already; always returns STATUS_FAILED, so that a caller can `return
 * error_set(…)`. `file` may be NULL; `what` and `why` must not. `err` may be NULL. */
Status error_set(Error *err, ErrorClass class_, const char *what, const char *file, const char *why);

/* The same with a formatted reason. */
Status error_setf(Error *err, ErrorClass class_, const char *what, const char *file, const char *why_format,
                  ...) __attribute__((format(printf, 5, 6)));

/* The same with strerror(errno_value) as the reason, and the class that belongs to that errno
 * (ENOSPC, EDQUOT: space; ENOMEM: memory; EIO: disk; EACCES, EPERM, EROFS: environment, unless `class_` is
 * ERROR_INPUT; otherwise `class_`). */
Status error_set_errno(Error *err, ErrorClass class_, const char *what, const char *file, int errno_value);

/* Adds what to do. Only the first advice counts. */
void error_advise(Error *err, const char *todo_format, ...) __attribute__((format(printf, 2, 3)));

bool error_is_set(const Error *err);
void error_clear(Error *err);

/* Writes "what: file: why (todo)" on one line with control characters replaced; at most `size` bytes with the
 * closing zero. Returns `buffer`. */
const char *error_text(const Error *err, char *buffer, size_t size);

/* "input", "model", …: the stable names used in JSON. ERROR_NONE gives "none". */
const char *error_class_name(ErrorClass class_);
/* The class of that name, ERROR_INTERNAL when there is none. */
ErrorClass error_class_from_name(const char *name);

#endif
