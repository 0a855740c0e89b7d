/* What an output is made from, in so many words: the input, the source picture, every option that changes the
 * picture, the models, and the program's version. As JSON for the store and for people, and as a key that two
 * outputs share only if all of it is the same:
 *
 *   {"input": {"mtime_ns", "parts", "size"}, "models": {"fr_detect.onnx": {"hash", "size"}, …},
 *    "options": {"keep-fps": true, …}, "files": {"keep-identity": [{…}]},
 *    "people": {"anna": 3}, "source": {…} or null, "version": "0.1.0"}
 *
 * The key is the XXH3 of that JSON in its one form: sorted, without blanks. Chunks carry it, so chunks of two
 * recipes, or of two versions, are never mixed. A finished output stays good when only the version differs
 * (recipe_difference).
 *
 * Called by the supervisor's thread. What is read of a recipe made earlier is untrusted. Memory: 2 KB a
 * recipe.
 */
#ifndef RUNBATCH_BATCH_RECIPE_H
#define RUNBATCH_BATCH_RECIPE_H

#include <stddef.h>

#include "base/error.h"
#include "options/settings.h"

typedef struct Recipe {
    char *json; /* owned */
    char key[33];
} Recipe;

/* Copes with a zeroed one; leaves it zeroed. */
void recipe_free(Recipe *recipe);

/* What all videos of a run have in common: options, source pictures, models. Reads these once (a few ms), and
 * again when one's size or time has changed. */
typedef struct RecipeBook RecipeBook;

/* `sources`: the pictures' paths; none when no processor needs one. `people`: the file of those whom a face
 * map may name; NULL: none. ERROR_MODEL: a model is missing; ERROR_INPUT: the picture cannot be read: every
 * video would fail of it. */
Status recipe_book_new(RecipeBook **book, const Settings *settings, const TextList *sources,
                       const char *people, Error *err);
/* Copes with NULL. */
void recipe_book_free(RecipeBook **book);

/* For one video with one of the sources (NULL: none). Reads at most 1 MiB of it. ERROR_INPUT when it cannot
 * be read; otherwise as recipe_book_new. On failure `recipe` is empty. */
Status recipe_make(RecipeBook *book, const char *input, const char *source, Recipe *recipe, Error *err);

/* Why an output made by `before` is not one that `now` would make, in the user's language:
 * "output-video-quality changed from 18 to 25; the input changed". An option that `before` does not know had
 * its default. Returns the number of differences, 0: none but perhaps the version (the buffer is empty); -1:
 * what `before` says cannot be read, or it is NULL (the buffer says so). */
int recipe_difference(const char *before, const char *now, char *buffer, size_t size);

/* A copy in the video's work folder, synced, so that its chunks are still of use when the store is lost. */
Status recipe_note_write(const Recipe *recipe, const char *folder, Error *err);
/* STATUS_AGAIN when there is none that can be read. Opens nothing but a regular file of at most 64 KB. */
Status recipe_note_read(const char *folder, Recipe *recipe);

#endif
