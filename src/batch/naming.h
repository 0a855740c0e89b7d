/* The names of outputs, from a template and a video's name. Pure.
 *
 * {source} the source picture's name without folder and extension; {number} the last run of digits in the
 * video's name without its extension, as written (leading zeros too), or that whole name where it has none;
 * {stem} that whole name; {index} the position in the sorted list, from 1. "{{" and "}}" stand for braces.
 * Ends in .mp4 unless the template itself ends in another container's extension.
 */
#ifndef RUNBATCH_BATCH_NAMING_H
#define RUNBATCH_BATCH_NAMING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* An unfinished output is called "." name suffix: no other program uses that, so it may be removed. */
#define NAMING_TEMPORARY_SUFFIX ".runbatch-part"

typedef struct NameParts {
    const char *source; /* path of the source picture; NULL: the template may not ask for it */
    const char *video;  /* name or path of the video */
    int64_t index;
} NameParts;

/* The file name in new memory that the caller frees. Control characters become '_'. ERROR_USAGE: an unknown
 * or open brace, a '/', an empty name, one that is too long for a file system with the temporary name's
 * additions.
 */
Status naming_expand(const char *template_, const NameParts *parts, char **name, Error *err);

/* Whether outputs may have this extension (".mkv"; any case). */
bool naming_is_container(const char *extension);
/* "mp4, m4v, mov, mkv, webm": for messages. Static memory. */
const char *naming_containers(void);

/* Fails with ERROR_USAGE when a file of this name cannot hold what the encoder makes (webm: VP9 only; mov: no
 * VP9; m4v: neither VP9 nor H.265), or the
 * name is too long. */
Status naming_check(const char *name, const char *encoder, Error *err);

#endif
