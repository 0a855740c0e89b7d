#include "batch/clash.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/text.h"

static int compare_outputs(const void *a, const void *b)
{
    const ClashEntry *left = *(const ClashEntry *const *)a;
    const ClashEntry *right = *(const ClashEntry *const *)b;
    const int order = strcmp(left->output, right->output);
    if (order != 0) {
        return order;
    }
    return (left > right) - (left < right); /* by place in the list */
}

static Status report(const ClashEntry *first, const ClashEntry *second, size_t clashes, Error *err)
{
    char *more = clashes > 1 ? text_format(" (one of %zu clashes)", clashes) : text_duplicate("");
    char *first_stem = path_stem(first->video);
    char *second_stem = path_stem(second->video);
    (void)error_setf(err, ERROR_USAGE, "two videos would get the same output name", first->output,
                     "'%.160s' and '%.160s'%s", first->video, second->video, more);
    error_advise(err, "give each its own: --output-name '%s'",
                 strcmp(first_stem, second_stem) == 0 ? "{source}_{stem}_{index}" : "{source}_{stem}");
    memory_free(first_stem);
    memory_free(second_stem);
    memory_free(more);
    return STATUS_FAILED;
}

Status clash_of_names(ClashEntry *entries, size_t count, Error *err)
{
    ClashEntry **sorted = memory_alloc(count, sizeof *sorted);
    size_t named = 0;
    for (size_t i = 0; i < count; i++) {
        if (entries[i].output != NULL) {
            sorted[named++] = &entries[i];
        }
    }
    qsort(sorted, named, sizeof *sorted, compare_outputs);
    const ClashEntry *first = NULL;
    const ClashEntry *second = NULL;
    size_t clashes = 0;
    for (size_t i = 1; i < named; i++) {
        ClashEntry *a = sorted[i - 1];
        ClashEntry *b = sorted[i];
        if (strcmp(a->output, b->output) != 0 || !(a->selected || b->selected)) {
            continue;
        }
        a->other = a->other != NULL ? a->other : b->video;
        b->other = a->video;
        clashes++;
        if (first == NULL || a < first) {
            first = a;
            second = b;
        }
    }
    memory_free(sorted);
    return first == NULL ? STATUS_OK : report(first, second, clashes, err);
}

FileId file_id(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? (FileId){status.st_dev, status.st_ino} : (FileId){0, 0};
}

Status clash_on_disk(const char *output, const FileId *inputs, size_t count, Error *err)
{
    const FileId there = file_id(output);
    if (there.inode == 0) {
        return STATUS_OK;
    }
    if (file_is_folder(output)) {
        (void)error_set(err, ERROR_ENVIRONMENT, "an output's name is taken", output, "there is a folder");
        error_advise(err, "move it away, or choose other names with --output-name");
        return STATUS_FAILED;
    }
    for (size_t i = 0; i < count; i++) {
        if (inputs[i].device == there.device && inputs[i].inode == there.inode) {
            (void)error_set(err, ERROR_USAGE, "an output would replace a video of the input folder", output,
                            "they are the same file");
            error_advise(err, "choose another folder with --output-dir, or other names with --output-name");
            return STATUS_FAILED;
        }
    }
    return STATUS_OK;
}
