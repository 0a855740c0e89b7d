#include "worker/sandbox_job.h"

#include <dirent.h>
#include <string.h>

#include "base/alloc.h"
#include "base/files.h"
#include "infer/catalogue.h"
#include "infer/session.h"
#include "worker/frame_store.h"
#include "worker/preview_job.h"

static bool is_off(const char *how)
{
    return strcmp(how, "off") == 0;
}

static bool is_strict(const char *how)
{
    return strcmp(how, "strict") == 0;
}

Status sandbox_check(const char *how, const SandboxFeatures *features, TextList *missing, Error *err)
{
    const SandboxFeatures here = features != NULL ? *features : sandbox_features();
    if (is_off(how)) {
        return STATUS_OK;
    }
    if (is_strict(how)) {
        return sandbox_require_all(&here, err);
    }
    for (int part = 0; part < SANDBOX_PART_COUNT; part++) {
        char line[256];
        if (!sandbox_describe(&here, (SandboxPart)part, line, sizeof line)) {
            text_list_add(missing, line);
        }
    }
    return STATUS_OK;
}

static void add(TextList *list, const char *path)
{
    if (path != NULL) {
        text_list_add(list, path);
    }
}

/* The folder, and what links in it lead to: models are large and often lie elsewhere. */
static void add_models_of(TextList *list, const char *folder)
{
    text_list_add(list, folder);
    DIR *opened = opendir(folder);
    if (opened == NULL) {
        return;
    }
    const struct dirent *entry = NULL;
    while ((entry = readdir(opened)) != NULL) {
        char *path = path_join(folder, entry->d_name);
        if ((entry->d_type == DT_LNK || entry->d_type == DT_UNKNOWN) && file_size(path) >= 0) {
            text_list_add(list, path);
        }
        memory_free(path);
    }
    (void)closedir(opened);
}

static void add_models(TextList *list, const char *models_dir)
{
    TextList folders = {0};
    catalogue_folders(models_dir, &folders);
    for (size_t i = 0; i < folders.count; i++) {
        add_models_of(list, folders.items[i]);
    }
    text_list_free(&folders);
}

static void add_gpu(SandboxConfig *config, const Settings *settings)
{
    const Provider provider = provider_from_name(settings->execution_provider);
    config->gpu = settings_use_gpu(settings);
    char *library =
        config->gpu ? session_library_folder() : NULL; /* the providers' libraries lie beside it */
    char *engines = provider == PROVIDER_TENSORRT ? session_engine_folder() : NULL;
    add(&config->read, library);
    add(&config->write, engines);
    memory_free(library);
    memory_free(engines);
}

static Status enter(SandboxConfig *config, Error *err)
{
    const Status status = sandbox_enter(config, err);
    text_list_free(&config->read);
    text_list_free(&config->write);
    return status;
}

/* What the settings name that a preview sets side by side. */
static void add_variants(TextList *list, const Settings *settings)
{
    Settings variants[PREVIEW_VARIANTS];
    int count = 0;
    if (preview_variants(settings, variants, &count, NULL) != STATUS_OK) {
        return; /* told by the job */
    }
    for (int i = 0; i < count; i++) {
        for (size_t k = 0; k < variants[i].sources.count; k++) {
            add(list, variants[i].sources.items[k]);
        }
        settings_files(&variants[i], list);
        settings_free(&variants[i]);
    }
}

Status sandbox_enter_for_job(const Message *job, const Settings *settings, Error *err)
{
    if (is_off(settings->sandbox)) {
        return STATUS_OK;
    }
    SandboxConfig config = {.strict = is_strict(settings->sandbox)};
    add_models(&config.read, settings->models_dir);
    add(&config.read, job->input);
    add(&config.read, job->source);
    add(&config.read, job->people);
    settings_files(settings, &config.read);
    if (job->preview) {
        add_variants(&config.read, settings);
    }
    add(&config.write, job->temporary);
    add(&config.write, job->folder);
    char *frames = frame_store_make(settings, job->folder, job->output);
    add(&config.write, frames);
    memory_free(frames);
    add_gpu(&config, settings);
    return enter(&config, err);
}

/* What a header may make a demuxer take: the index of a video of days needs some 100 MB. */
#define PROBE_MOST_BYTES (UINT64_C(1) << 30)

Status sandbox_enter_for_probe(const char *how, const char *input, const char *output, Error *err)
{
    if (is_off(how)) {
        return STATUS_OK;
    }
    SandboxConfig config = {.strict = is_strict(how), .most_bytes = PROBE_MOST_BYTES};
    add(&config.read, input);
    add(&config.read, output);
    return enter(&config, err);
}

Status sandbox_enter_for_pictures(const char *how, const TextList *pictures, const char *models_dir,
                                  Error *err)
{
    if (is_off(how)) {
        return STATUS_OK;
    }
    SandboxConfig config = {.strict = is_strict(how), .most_bytes = PROBE_MOST_BYTES};
    add_models(&config.read, models_dir);
    for (size_t i = 0; i < pictures->count; i++) {
        add(&config.read, pictures->items[i]);
    }
    return enter(&config, err);
}
