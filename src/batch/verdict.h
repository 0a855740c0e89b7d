/* What an output that stands under its name is worth, by what the store says of it. Pure but for the looks at
 * files. */
#ifndef RUNBATCH_BATCH_VERDICT_H
#define RUNBATCH_BATCH_VERDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "batch/recipe.h"
#include "batch/store.h"

typedef struct OutputFile {
    bool exists;
    int64_t bytes;
    int64_t mtime_ns; /* since the epoch */
} OutputFile;

OutputFile output_look(const char *path);

typedef enum OutputVerdict {
    OUTPUT_MAKE = 1, /* it is not there, or an earlier run had begun to replace it */
    OUTPUT_ASK,      /* the store does not know it: the probe is to say whether it is complete */
    OUTPUT_FINISHED, /* it is the one that the store tells of */
} OutputVerdict;

/* `before`: the row's state as the last run left it. */
OutputVerdict output_judge(const OutputFile *file, const VideoRow *row, VideoState before);

/* Of one that the probe found complete: whether it is made from the row's recipe. So it is when a run was
 * killed after it got its name and before the store knew, and when it was copied (only its time differs);
 * otherwise it was made by a run before the store, or by somebody else. */
bool output_has_recipe(const OutputFile *file, const VideoRow *row, VideoState before);

/* Whether what it was made from is what it would be made from now; otherwise why not, in the user's language.
 * A recipe that is not known (row->recipe NULL), or cannot be made now (`book` NULL, an input that cannot be
 * read), is no reason to make it anew. */
bool output_is_up_to_date(const VideoRow *row, RecipeBook *book, const char *input, const char *source,
                          char *why, size_t size);

#endif
