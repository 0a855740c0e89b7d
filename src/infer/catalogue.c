#include "infer/catalogue.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/text.h"

static void add_folder(TextList *folders, const char *folder)
{
    if (folder != NULL && folder[0] != '\0') {
        text_list_add(folders, folder);
    }
}

static void add_user_data(TextList *folders)
{
    const char *data = getenv("XDG_DATA_HOME");
    const char *home = getenv("HOME");
    char *folder = NULL;
    /* A relative XDG path is to be ignored (XDG base directory specification). */
    if (data != NULL && data[0] == '/') {
        folder = path_join(data, "runbatch/models");
    } else if (home != NULL && home[0] != '\0') {
        folder = path_join(home, ".local/share/runbatch/models");
    }
    add_folder(folders, folder);
    memory_free(folder);
}

/* Class model for every reason: it fails every video alike. */
static Status check_folder(const char *folder, Error *err)
{
    DIR *opened = opendir(folder);
    if (opened == NULL) {
        (void)error_set(err, ERROR_MODEL, "cannot read the folder of the models", folder, strerror(errno));
        error_advise(err, "check the path given with --models-dir");
        return STATUS_FAILED;
    }
    (void)closedir(opened);
    return STATUS_OK;
}

void catalogue_folders(const char *models_dir, TextList *folders)
{
    if (models_dir != NULL && models_dir[0] != '\0') {
        add_folder(folders, models_dir);
        return;
    }
    add_folder(folders, getenv("RUNBATCH_MODELS"));
    add_user_data(folders);
#ifdef RUNBATCH_MODELS_DIR
    add_folder(folders, RUNBATCH_MODELS_DIR);
#endif
    add_folder(folders, RUNBATCH_INSTALLED_MODELS);
}

Status catalogue_find(const char *models_dir, const char *file, char **path, Error *err)
{
    *path = NULL;
    if (models_dir != NULL && models_dir[0] != '\0' && check_folder(models_dir, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    TextList folders = {0};
    catalogue_folders(models_dir, &folders);
    Text searched = {0};
    for (size_t i = 0; i < folders.count && *path == NULL; i++) {
        char *candidate = path_join(folders.items[i], file);
        if (file_size(candidate) >= 0) {
            *path = candidate;
            continue;
        }
        memory_free(candidate);
        text_appendf(&searched, "%s%s", searched.length > 0 ? ", " : "", folders.items[i]);
    }
    Status status = STATUS_OK;
    if (*path == NULL) {
        status =
            error_setf(err, ERROR_MODEL, "cannot find a model", file, "it is in none of: %s", searched.data);
        error_advise(err, "run scripts/setup.sh, or name its folder with --models-dir");
    }
    text_free(&searched);
    text_list_free(&folders);
    return status;
}
