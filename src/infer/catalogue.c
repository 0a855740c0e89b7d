#include "infer/catalogue.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/files.h"

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_sub_folders(TextList *folders, const char *folder)
{
    TextList found = {0};
    DIR *opened = opendir(folder);
    const struct dirent *entry = NULL;
    while (opened != NULL && (entry = readdir(opened)) != NULL) {
        char *path = path_join(folder, entry->d_name);
        if (entry->d_name[0] != '.' && file_is_folder(path)) {
            text_list_add(&found, path);
        }
        memory_free(path);
    }
    if (opened != NULL) {
        (void)closedir(opened);
    }
    if (found.count > 0) {
        qsort(found.items, found.count, sizeof *found.items, by_name);
    }
    for (size_t i = 0; i < found.count; i++) {
        text_list_add(folders, found.items[i]);
    }
    text_list_free(&found);
}

static void add_folder(TextList *folders, const char *folder)
{
    if (folder != NULL && folder[0] != '\0') {
        text_list_add(folders, folder);
        add_sub_folders(folders, folder);
    }
}

char *catalogue_user_folder(void)
{
    const char *data = getenv("XDG_DATA_HOME");
    const char *home = getenv("HOME");
    /* A relative XDG path is to be ignored (XDG base directory specification). */
    if (data != NULL && data[0] == '/') {
        return path_join(data, "runbatch/models");
    }
    return home != NULL && home[0] != '\0' ? path_join(home, ".local/share/runbatch/models") : NULL;
}

static void add_user_data(TextList *folders)
{
    char *folder = catalogue_user_folder();
    add_folder(folders, folder);
    memory_free(folder);
}

static void add_others(TextList *folders)
{
    const char *home = getenv("HOME");
    char *insightface = home != NULL && home[0] != '\0' ? path_join(home, ".insightface/models") : NULL;
    add_folder(folders, insightface);
    add_folder(folders, "models");
    memory_free(insightface);
}

/* Class model for every reason: it fails every video alike. */
Status catalogue_check_folder(const char *models_dir, Error *err)
{
    if (models_dir == NULL || models_dir[0] == '\0') {
        return STATUS_OK;
    }
    DIR *opened = opendir(models_dir);
    if (opened == NULL) {
        (void)error_set(err, ERROR_MODEL, "cannot read the folder of the models", models_dir,
                        strerror(errno));
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
    add_others(folders);
}

Status catalogue_find(const char *models_dir, const char *file, char **path, Error *err)
{
    *path = NULL;
    if (catalogue_check_folder(models_dir, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    TextList folders = {0};
    catalogue_folders(models_dir, &folders);
    for (size_t i = 0; i < folders.count && *path == NULL; i++) {
        char *candidate = path_join(folders.items[i], file);
        if (file_size(candidate) >= 0) {
            *path = candidate;
            continue;
        }
        memory_free(candidate);
    }
    Status status = STATUS_OK;
    if (*path == NULL) {
        Text searched = {0};
        text_append_list(&searched, &folders, ", ");
        status =
            error_setf(err, ERROR_MODEL, "cannot find a model", file, "it is in none of: %s", searched.data);
        error_advise(err, "run scripts/setup.sh, or name its folder with --models-dir");
        text_free(&searched);
    }
    text_list_free(&folders);
    return status;
}
