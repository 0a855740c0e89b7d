/* What a media file says of itself: container, streams, tags. By its header and first packets alone.
 *
 * For files of any origin: called in a sandboxed child. Memory: the demuxer's.
 */
#ifndef RUNBATCH_MEDIA_DESCRIBE_H
#define RUNBATCH_MEDIA_DESCRIBE_H

#include <jansson.h>

#include "base/error.h"

/* A new object: "container", "duration_s", "bytes", "streams" (a list: "kind", "codec" and what goes with
 * that kind), "tags" (text by name), "xmp" (the text of an XMP packet in an MPEG-4 or QuickTime file, or
 * null). Texts that are no UTF-8 have U+FFFD in them. ERROR_INPUT as from reader_open. */
Status media_describe(const char *path, json_t **object, Error *err);

#endif
