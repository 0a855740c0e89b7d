#include "worker/frame_store.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/text.h"

enum { DIGITS = 8 };

/* Of the output's whole path, so that two batches with one --temp-dir do not meet. */
static void output_digits(const char *output, char digits[HASH_SIZE])
{
    char *folder = path_folder(output);
    char *real = realpath(folder, NULL);
    char *path = path_join(real != NULL ? real : folder, path_name(output));
    hash_bytes(path, strlen(path), digits);
    digits[DIGITS] = '\0';
    memory_free(path);
    memory_free(real);
    memory_free(folder);
}

static char *folder_in(const char *temp_dir, const char *output, bool keep)
{
    char digits[HASH_SIZE];
    output_digits(output, digits);
    char *name = keep ? text_format("%s-%s.frames", path_name(output), digits)
                      : text_format("runbatch-%s-%s", path_name(output), digits);
    char *folder = path_join(temp_dir, name);
    memory_free(name);
    return folder;
}

char *frame_store_temp_folder(const char *temp_dir, const char *output)
{
    return folder_in(temp_dir, output, false);
}

char *frame_store_folder(const Settings *settings, const char *work, const char *output)
{
    if (!settings_frames_on_disk(settings)) {
        return NULL;
    }
    if (settings->temp_dir != NULL) {
        return folder_in(settings->temp_dir, output, settings->keep_frames);
    }
    return settings->keep_frames ? text_format("%s.frames", output) : path_join(work, "frames");
}

char *frame_store_make(const Settings *settings, const char *work, const char *output)
{
    char *folder = frame_store_folder(settings, work, output);
    if (folder != NULL && settings->temp_dir != NULL) {
        (void)folder_make(settings->temp_dir, NULL);
    }
    if (folder != NULL) {
        (void)frame_files_make(folder, settings->keep_frames, NULL);
    }
    return folder;
}

Status frame_store_open(FrameFiles **files, const Settings *settings, const char *work, const char *output,
                        const FrameFilesConfig *stages, Error *err)
{
    *files = NULL;
    char *folder = frame_store_make(settings, work, output);
    if (folder == NULL) {
        return STATUS_OK;
    }
    FrameFilesConfig config = *stages;
    config.folder = folder;
    config.kind = strcmp(settings->temp_frame_format, "jpg") == 0 ? STILL_JPG : STILL_PNG;
    config.quality = (int)settings->temp_frame_quality;
    config.keep = settings->keep_frames;
    const Status status = frame_files_open(files, &config, err);
    memory_free(folder);
    return status;
}

bool frame_store_tidy(const Settings *settings, const char *work, const char *output, int most)
{
    char *folder = frame_store_folder(settings, work, output);
    bool done = folder == NULL || rmdir(folder) == 0 || settings->keep_frames;
    if (!done) {
        done = frame_files_clear(folder, most);
    }
    memory_free(folder);
    return done;
}
