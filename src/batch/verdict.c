#include "batch/verdict.h"

#include <sys/stat.h>

#include "base/text.h"
#include "report/i18n.h"

OutputFile output_look(const char *path)
{
    struct stat status;
    OutputFile file = {0};
    if (stat(path, &status) == 0) {
        file = (OutputFile){true, status.st_size,
                            (int64_t)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec};
    }
    return file;
}

OutputVerdict output_judge(const OutputFile *file, const VideoRow *row, VideoState before)
{
    if (!file->exists) {
        return OUTPUT_MAKE;
    }
    const bool recorded =
        row->output_bytes > 0 && row->output_bytes == file->bytes && row->output_mtime_ns == file->mtime_ns;
    if (!recorded) {
        return OUTPUT_ASK;
    }
    return before == VIDEO_DONE ? OUTPUT_FINISHED : OUTPUT_MAKE;
}

bool output_has_recipe(const OutputFile *file, const VideoRow *row, VideoState before)
{
    return before == VIDEO_RUNNING || (before == VIDEO_DONE && row->output_bytes == file->bytes);
}

bool output_is_up_to_date(const VideoRow *row, RecipeBook *book, const char *input, const char *source,
                          char *why, size_t size)
{
    Recipe recipe = {0};
    bool same = row->recipe == NULL;
    if (row->recipe != NULL) {
        text_copy(why, size, _("what it would be made from now cannot be read"));
        if (book != NULL && recipe_make(book, input, source, &recipe, NULL) == STATUS_OK) {
            same = recipe_difference(row->recipe, recipe.json, why, size) == 0;
        }
    }
    recipe_free(&recipe);
    return same;
}
