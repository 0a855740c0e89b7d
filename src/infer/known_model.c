#include "infer/known_model.h"

#include <dirent.h>
#include <fnmatch.h>
#include <string.h>

#include "base/alloc.h"
#include "base/files.h"
#include "infer/catalogue.h"
#include "infer/model_ports.h"

static const char *const role_names[MODEL_ROLE_COUNT] = {
    [MODEL_DETECTOR] = "detector",
    [MODEL_DETECTOR_ROTATED] = "detector_rotated",
    [MODEL_MESH] = "mesh",
    [MODEL_LANDMARKER] = "landmarker",
    [MODEL_EMBEDDER] = "embedder",
    [MODEL_CONVERTER] = "converter",
    [MODEL_SWAPPER] = "swapper",
    [MODEL_FACE_ENHANCER] = "face_enhancer",
    [MODEL_FRAME_ENHANCER] = "frame_enhancer",
    [MODEL_PARSER] = "parser",
    [MODEL_OCCLUDER] = "occluder",
    [MODEL_CONTENT_GATE] = "content_gate",
    [MODEL_IRIS] = "iris",
};

const char *model_role_name(ModelRole role)
{
    return role_names[role];
}

const KnownModel *known_model_find(const char *name)
{
    for (size_t i = 0; i < known_model_count; i++) {
        if (strcmp(known_models[i].name, name) == 0) {
            return &known_models[i];
        }
    }
    return NULL;
}

static bool is_pattern(const char *file)
{
    return strpbrk(file, "*?[") != NULL;
}

/* A name said in full counts before a pattern. */
static const KnownModel *find_by_file(const char *file, bool patterns)
{
    for (size_t i = 0; i < known_model_count; i++) {
        for (const char *const *known = known_models[i].files; *known != NULL; known++) {
            if (is_pattern(*known) == patterns && fnmatch(*known, file, FNM_CASEFOLD) == 0) {
                return &known_models[i];
            }
        }
    }
    return NULL;
}

const KnownModel *known_model_of_file(const char *file)
{
    const KnownModel *model = find_by_file(file, false);
    return model != NULL ? model : find_by_file(file, true);
}

/* The first by name of the folder's files that the pattern fits and that are this model's, in new memory;
 * NULL when there is none. */
static char *find_in_folder(const KnownModel *model, const char *folder, const char *pattern)
{
    char *best = NULL;
    DIR *opened = opendir(folder);
    if (opened == NULL) {
        return NULL;
    }
    const struct dirent *entry = NULL;
    while ((entry = readdir(opened)) != NULL) {
        if (fnmatch(pattern, entry->d_name, FNM_CASEFOLD) != 0 ||
            (best != NULL && strcmp(path_name(best), entry->d_name) <= 0) ||
            known_model_of_file(entry->d_name) != model) {
            continue;
        }
        char *path = path_join(folder, entry->d_name);
        if (file_size(path) >= 0) {
            memory_free(best);
            best = path;
        } else {
            memory_free(path);
        }
    }
    (void)closedir(opened);
    return best;
}

static char *find_in_folders(const KnownModel *model, const TextList *folders)
{
    for (const char *const *file = model->files; *file != NULL; file++) {
        for (size_t i = 0; i < folders->count; i++) {
            char *path = find_in_folder(model, folders->items[i], *file);
            if (path != NULL) {
                return path;
            }
        }
    }
    return NULL;
}

Status known_model_path(const KnownModel *model, const char *models_dir, char **path, Error *err)
{
    if (model->package != NULL) {
        return catalogue_find(models_dir, model->files[0], path, err);
    }
    TextList folders = {0};
    *path = NULL;
    if (catalogue_check_folder(models_dir, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    catalogue_folders(models_dir, &folders);
    *path = find_in_folders(model, &folders);
    if (*path == NULL) {
        Text searched = {0};
        text_append_list(&searched, &folders, ", ");
        (void)error_setf(err, ERROR_MODEL, "cannot find a model", model->files[0], "it is in none of: %s",
                         searched.data);
        error_advise(err, "get it from %s, then: runbatch models add FILE", model->origin);
        text_free(&searched);
    }
    text_list_free(&folders);
    return *path != NULL ? STATUS_OK : STATUS_FAILED;
}

Status known_model_check(const KnownModel *model, const char *models_dir, Error *err)
{
    char *path = NULL;
    ModelPorts ports;
    Status status = known_model_path(model, models_dir, &path, err);
    if (status == STATUS_OK) {
        status = model_ports_read(path, &ports, err);
        if (status == STATUS_OK) {
            status = ports_fit(&ports, model->inputs, model->input_count, model->outputs, model->output_count,
                               path, err);
        }
        if (status == STATUS_FAILED) {
            error_advise(err, "it is taken for %s; get that from %s", model->name, model->origin);
        }
    }
    memory_free(path);
    return status == STATUS_AGAIN ? STATUS_OK : status;
}

Status known_model_open(Session **session, const KnownModel *model, const char *models_dir, Provider provider,
                        int threads, Error *err)
{
    char *path = NULL;
    *session = NULL;
    Status status = known_model_path(model, models_dir, &path, err);
    if (status == STATUS_OK) {
        status = session_open(session,
                              &(SessionConfig){.path = path, .provider = provider, .threads = threads}, err);
    }
    if (status == STATUS_OK) {
        status = session_fit_ports(*session, model->inputs, model->input_count, model->outputs,
                                   model->output_count, err);
    }
    if (status != STATUS_OK) {
        session_free(session);
    }
    memory_free(path);
    return status;
}
