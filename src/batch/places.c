#include "batch/places.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/apart.h"
#include "base/files.h"
#include "batch/discovery.h"
#include "batch/naming.h"
#include "face/plugin.h"

/* Neither folder is there: most likely the first try, in the wrong place. */
static Status refuse_layout(const Settings *settings, Error *err)
{
    char *folder = get_current_dir_name();
    (void)error_setf(err, ERROR_ENVIRONMENT, "nothing to work on", folder,
                     "there is neither a folder %s nor a folder %s", settings->source_dir,
                     settings->input_dir);
    error_advise(err,
                 "put a picture of the face into %.60s/ and the videos into %.60s/, or: runbatch run "
                 "-s IMAGE -t VIDEO -o OUTPUT",
                 settings->source_dir, settings->input_dir);
    memory_free(folder);
    return STATUS_FAILED;
}

static Status check_readable(const char *what, const char *path, const char *todo, Error *err)
{
    struct stat status;
    if (stat(path, &status) != 0 || (S_ISREG(status.st_mode) && access(path, R_OK) != 0)) {
        (void)error_set_errno(err, ERROR_ENVIRONMENT, what, path, errno);
        error_advise(err, "%s", todo);
        return STATUS_FAILED;
    }
    return STATUS_OK;
}

/* In a child: whatever it does when it is loaded, it does not do it to us. */
static void try_plugin(const void *context, Text *answer)
{
    Error err = {0};
    char line[1200] = "";
    if (plugin_check(context, &err) != STATUS_OK) {
        text_copy(line, sizeof line, err.why);
    }
    text_append(answer, line);
}

static Status check_plugin(const char *path, Error *err)
{
    enum { LONGEST_MS = 20000 };
    Text answer = {0};
    int wait_status = 0;
    const ApartEnding ending = apart_ask(try_plugin, path, LONGEST_MS, &answer, &wait_status);
    Status status = STATUS_OK;
    if (ending != APART_GOOD || answer.length > 0) {
        status = error_set(err, ERROR_USAGE, "cannot use the frame processor", path,
                           ending == APART_GOOD ? answer.data
                                                : "what loads it crashed, or did not come to an end");
        error_advise(err, "docs/processors.md tells how one is made");
    }
    text_free(&answer);
    return status;
}

/* What options name and every video needs. */
static Status check_files(const Settings *settings, Error *err)
{
    TextList files = {0};
    Status status = STATUS_OK;
    settings_files(settings, &files);
    for (size_t i = 0; i < files.count && status == STATUS_OK; i++) {
        status = check_readable("cannot read a file that an option names", files.items[i],
                                "check its path and its permissions", err);
    }
    text_list_free(&files);
    for (size_t i = 0; i < settings->frame_processors.count && status == STATUS_OK; i++) {
        const char *name = settings->frame_processors.items[i];
        status = plugin_is_path(name) ? check_plugin(name, err) : STATUS_OK;
    }
    return status;
}

static const char cannot_read_source[] = "cannot read the source picture";

/* Outputs have their names: two of one name would be one. */
static Status check_name(const TextList *sources, size_t number, Error *err)
{
    char *stem = path_stem(sources->items[number]);
    Status status = STATUS_OK;
    for (size_t i = 0; i < number && status == STATUS_OK; i++) {
        char *other = path_stem(sources->items[i]);
        if (strcmp(stem, other) == 0) {
            status =
                error_setf(err, ERROR_USAGE, "--source", sources->items[number],
                           "%s has the same name, which the outputs are told apart by", sources->items[i]);
            error_advise(err, "rename one of them, or leave it out");
        }
        memory_free(other);
    }
    memory_free(stem);
    return status;
}

static Status take_sources(const TextList *sources, Places *places, Error *err)
{
    Status status = STATUS_OK;
    for (size_t i = 0; i < sources->count && status == STATUS_OK; i++) {
        const char *path = sources->items[i];
        if (file_is_folder(path)) {
            (void)error_set(err, ERROR_ENVIRONMENT, cannot_read_source, path, "it is a folder");
            error_advise(err, "name the picture itself, or the folder with --source-dir");
            return STATUS_FAILED;
        }
        text_list_add(&places->sources, path);
        status = check_readable(cannot_read_source, path, "check the path given with --source", err);
        if (status == STATUS_OK) {
            status = check_name(sources, i, err);
        }
    }
    return status;
}

Status places_find_source(const Settings *settings, Places *places, Error *err)
{
    if (check_files(settings, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    if (!settings_needs_source(settings)) {
        return STATUS_OK;
    }
    if (settings->sources.count > 0) {
        return take_sources(&settings->sources, places, err);
    }
    TextList pictures = {0};
    Status status = discovery_list(settings->source_dir, DISCOVERY_PICTURES, &pictures, err);
    if (status != STATUS_OK) {
        error_advise(err, "put a picture of the face there, or name it: --source IMAGE");
    } else if (pictures.count == 0) {
        status = error_setf(err, ERROR_ENVIRONMENT, "no source picture", settings->source_dir,
                            "the folder has no file in %s", discovery_extensions(DISCOVERY_PICTURES));
        error_advise(err, "put a picture of the face there, or name it: --source IMAGE");
    } else {
        char *picture = path_join(settings->source_dir, pictures.items[0]);
        text_list_add(&places->sources, picture);
        status =
            check_readable(cannot_read_source, picture, "check its permissions, or use --source IMAGE", err);
        memory_free(picture);
    }
    text_list_free(&pictures);
    return status;
}

static Status find_videos(const char *folder, Places *places, Error *err)
{
    places->input_dir = text_duplicate(folder);
    Status status = discovery_list(folder, DISCOVERY_VIDEOS, &places->videos, err);
    if (status == STATUS_OK && places->videos.count == 0) {
        status = error_setf(err, ERROR_ENVIRONMENT, "no videos", folder, "the folder has no file in %s",
                            discovery_extensions(DISCOVERY_VIDEOS));
    }
    if (status != STATUS_OK) {
        error_advise(err, "put the videos there, or name their folder: --input-dir DIR");
    }
    return status;
}

Status places_find_videos(const Settings *settings, Places *places, Error *err)
{
    const char *target = settings->target;
    if (target == NULL) {
        return find_videos(settings->input_dir, places, err);
    }
    if (file_is_folder(target)) {
        return find_videos(target, places, err);
    }
    places->single = true;
    places->input_dir = path_folder(target);
    text_list_add(&places->videos, path_name(target));
    return check_readable("cannot read the video", target, "check the path given with --target", err);
}

/* A folder, unless it names a file for a single target: by the extension of a container. */
static Status find_output(const Settings *settings, Places *places, Error *err)
{
    const char *output = settings->output != NULL ? settings->output : settings->output_dir;
    const char *extension = path_extension(output);
    const bool folder =
        settings->output == NULL || file_is_folder(output) || (extension[0] == '\0' && !file_exists(output));
    if (folder) {
        places->output_dir = text_duplicate(output);
        return STATUS_OK;
    }
    if (!places->single) {
        (void)error_set(err, ERROR_USAGE, "--output", output,
                        "the target is a folder, so the output must be one");
        error_advise(err, "name a folder: --output outputVideos");
        return STATUS_FAILED;
    }
    if (settings->sources.count > 1) {
        (void)error_set(err, ERROR_USAGE, "--output", output,
                        "it is one file, and each of the sources makes one of its own");
        error_advise(err, "name a folder: --output outputVideos");
        return STATUS_FAILED;
    }
    if (!naming_is_container(extension)) {
        (void)error_setf(err, ERROR_USAGE, "--output", output, "'%.20s' is not a container that can be made",
                         extension);
        error_advise(err, "known: %s", naming_containers());
        return STATUS_FAILED;
    }
    places->output_dir = path_folder(output);
    places->output_name = text_duplicate(path_name(output));
    return STATUS_OK;
}

/* Outputs among the inputs would be videos to work on the next time. */
static Status refuse_same_folder(const Places *places, Error *err)
{
    if (places->single || !file_is_same(places->input_dir, places->output_dir)) {
        return STATUS_OK;
    }
    (void)error_set(err, ERROR_USAGE, "the outputs cannot lie among the videos", places->output_dir,
                    "it is the folder of the videos too");
    error_advise(err, "name another folder: --output-dir outputVideos");
    return STATUS_FAILED;
}

Status places_find(const Settings *settings, Places *places, Error *err)
{
    *places = (Places){0};
    Status status = STATUS_OK;
    if (settings->sources.count == 0 && settings->target == NULL && !file_exists(settings->source_dir) &&
        !file_exists(settings->input_dir)) {
        status = refuse_layout(settings, err);
    }
    if (status == STATUS_OK) {
        status = places_find_source(settings, places, err);
    }
    if (status == STATUS_OK) {
        status = places_find_videos(settings, places, err);
    }
    if (status == STATUS_OK) {
        status = find_output(settings, places, err);
    }
    if (status == STATUS_OK) {
        status = refuse_same_folder(places, err);
    }
    if (status != STATUS_OK) {
        places_free(places);
    }
    return status;
}

void places_free(Places *places)
{
    text_list_free(&places->sources);
    memory_free(places->input_dir);
    text_list_free(&places->videos);
    memory_free(places->output_dir);
    memory_free(places->output_name);
    *places = (Places){0};
}

/* The folder itself or the nearest one above it that exists must be one, and writable. */
static Status ask_permission(const char *folder, Error *err)
{
    char *nearest = path_nearest(folder);
    Status status = STATUS_OK;
    if (!file_is_folder(nearest)) {
        status = error_set(err, ERROR_ENVIRONMENT, "cannot make the output folder", folder,
                           "there is a file of that name");
    } else if (access(nearest, W_OK | X_OK) != 0) {
        status = error_set_errno(err, ERROR_ENVIRONMENT, "cannot write into the folder", nearest, errno);
    }
    memory_free(nearest);
    return status;
}

Status places_prepare_output(const char *folder, bool look_only, Error *err)
{
    Status status = look_only ? ask_permission(folder, err) : folder_make(folder, err);
    if (status == STATUS_OK && !look_only) {
        status = folder_check_writable(folder, err);
    }
    if (status != STATUS_OK) {
        error_advise(err, "check its owner and permissions, or choose another with --output-dir");
    }
    return status;
}
