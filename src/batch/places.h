/* Where a batch reads and writes: folders or single files, from the settings and a look at the disk. */
#ifndef RUNBATCH_BATCH_PLACES_H
#define RUNBATCH_BATCH_PLACES_H

#include <stdbool.h>

#include "base/error.h"
#include "options/settings.h"

/* Owned strings. Zero-initialise; free with places_free. */
typedef struct Places {
    TextList sources;  /* the source pictures; none when no processor needs one */
    char *input_dir;   /* folder of the videos; with one video: its folder */
    TextList videos;   /* their names, in natural order; just one for a target that is a file */
    bool single;       /* the target is one file */
    char *output_dir;  /* may not exist yet */
    char *output_name; /* --output names a file: its name; NULL otherwise */
} Places;

/* Looks only; makes nothing. ERROR_ENVIRONMENT for what is missing, empty or cannot be read, with the layout
 * as advice; ERROR_USAGE for an --output that cannot be. */
Status places_find(const Settings *settings, Places *places, Error *err);
void places_free(Places *places);

/* Its parts, each with its own members of zeroed places, which must be freed on failure too: `sources`;
 * `input_dir`, `videos` and `single`. */
Status places_find_source(const Settings *settings, Places *places, Error *err);
Status places_find_videos(const Settings *settings, Places *places, Error *err);

/* Makes sure files can be made in the output folder, and makes it where it is missing. With `look_only`
 * nothing is made: permissions are asked instead. */
Status places_prepare_output(const char *folder, bool look_only, Error *err);

#endif
