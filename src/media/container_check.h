/* Whether a file has the length its container's own structure promises, told without a demuxer.
 *
 * Demuxers play what is there and mostly report a cut-off file as an ordinary end. The outermost sizes are
 * more honest: top-level boxes (mp4, mov), the Segment element (mkv, webm), RIFF chunks (avi), the file size
 * in the header (wmv). Reads a few kilobytes. Any thread. Private to src/media.
 */
#ifndef RUNBATCH_MEDIA_CONTAINER_CHECK_H
#define RUNBATCH_MEDIA_CONTAINER_CHECK_H

#include <stdbool.h>

typedef enum Wholeness {
    WHOLENESS_UNKNOWN, /* the container does not tell, or was never finished by its writer */
    WHOLENESS_WHOLE,
    WHOLENESS_CUT,
} Wholeness;

typedef enum ContainerKind {
    CONTAINER_OTHER,
    CONTAINER_TEXT, /* printable characters only */
    CONTAINER_ISO,  /* mp4, mov */
    CONTAINER_MATROSKA,
    CONTAINER_RIFF,
    CONTAINER_ASF, /* wmv */
} ContainerKind;

typedef struct ContainerCheck {
    ContainerKind kind;
    Wholeness wholeness;
    int has_index;   /* of mp4 and mov: there is a moov or moof box */
    bool unreadable; /* a read failed: the rest says nothing */
} ContainerCheck;

/* A file that cannot be opened is CONTAINER_OTHER, WHOLENESS_UNKNOWN. */
ContainerCheck container_check(const char *path);

#endif
