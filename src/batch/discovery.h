/* What lies in a folder: the videos, the pictures. Looks at names and kinds, opens no file. */
#ifndef RUNBATCH_BATCH_DISCOVERY_H
#define RUNBATCH_BATCH_DISCOVERY_H

#include "base/error.h"
#include "base/text.h"

typedef enum DiscoveryKind {
    DISCOVERY_VIDEOS = 1, /* mp4 avi mov mkv wmv webm m4v; anything of that name, also a folder or a dead
                             link: working on it gives the reason why not */
    DISCOVERY_PICTURES,   /* jpg jpeg png bmp; files only */
} DiscoveryKind;

/* The names (without the folder) in natural order. Hidden ones are left out; the case of an extension does
 * not matter. ERROR_ENVIRONMENT when the folder is missing or cannot be read; an empty list is no error. */
Status discovery_list(const char *folder, DiscoveryKind kind, TextList *names, Error *err);

/* "mp4, avi, …": for messages. Static memory. */
const char *discovery_extensions(DiscoveryKind kind);

#endif
