#include "face/plugin.h"

#include <dlfcn.h>
#include <libavutil/pixdesc.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/files.h"
#include "runbatch/processor.h"

_Static_assert(RUNBATCH_MESH_POINTS == MESH_POINTS, "the public header's mesh is ours");

enum { REASON_BYTES = 256 };

typedef struct Plugin {
    char *path;
    void *library;
    const RunbatchProcessor *processor;
    void *state;
    bool opened;
    AVRational time_base;
} Plugin;

static const char what[] = "cannot use the frame processor";

bool plugin_is_path(const char *name)
{
    return strchr(name, '/') != NULL;
}

static Status refuse(const char *path, const char *why, Error *err)
{
    (void)error_set(err, ERROR_USAGE, what, path, why);
    error_advise(err, "docs/processors.md tells how one is made");
    return STATUS_FAILED;
}

static Status load(const char *path, void **library, const RunbatchProcessor **processor, Error *err)
{
    char *absolute = path_absolute(path); /* dlopen looks elsewhere for a bare name */
    *library = dlopen(absolute, RTLD_NOW | RTLD_LOCAL);
    memory_free(absolute);
    if (*library == NULL) {
        const char *why = dlerror();
        return refuse(path, why != NULL ? why : "it cannot be loaded", err);
    }
    *processor = dlsym(*library, "runbatch_processor");
    if (*processor == NULL) {
        return refuse(path, "it does not define runbatch_processor", err);
    }
    if ((*processor)->version != RUNBATCH_PROCESSOR_VERSION) {
        (void)error_setf(err, ERROR_USAGE, what, path,
                         "it was made for version %d of runbatch/processor.h, this is %d",
                         (*processor)->version, RUNBATCH_PROCESSOR_VERSION);
        error_advise(err, "build it anew");
        return STATUS_FAILED;
    }
    if ((*processor)->open == NULL || (*processor)->process == NULL) {
        return refuse(path, "its open or its process is missing", err);
    }
    return STATUS_OK;
}

Status plugin_check(const char *path, Error *err)
{
    void *library = NULL;
    const RunbatchProcessor *processor = NULL;
    const Status status = load(path, &library, &processor, err);
    if (library != NULL) {
        (void)dlclose(library);
    }
    return status;
}

static void kind_free(void **state)
{
    Plugin *plugin = *state;
    if (plugin == NULL) {
        return;
    }
    if (plugin->opened && plugin->processor->close != NULL) {
        plugin->processor->close(plugin->state);
    }
    if (plugin->library != NULL) {
        (void)dlclose(plugin->library);
    }
    memory_free(plugin->path);
    memory_free(plugin);
    *state = NULL;
}

/* What it wrote need not end. Where it cannot begin that is every video's trouble, later this one's. */
static Status fail(const Plugin *plugin, bool begun, char reason[REASON_BYTES], Error *err)
{
    char told[REASON_BYTES];
    reason[REASON_BYTES - 1] = '\0';
    (void)snprintf(told, sizeof told, "the frame processor %.160s failed", path_name(plugin->path));
    return error_set(err, begun ? ERROR_INPUT : ERROR_ENVIRONMENT, told, begun ? NULL : plugin->path,
                     reason[0] != '\0' ? reason : "it did not say why");
}

static Status kind_open(void **state, const ProcessorConfig *config, Error *err)
{
    Plugin *plugin = memory_alloc(1, sizeof *plugin);
    char reason[REASON_BYTES] = "";
    *state = plugin;
    plugin->path = text_duplicate(config->name);
    plugin->time_base = config->time_base;
    Status status = load(config->name, &plugin->library, &plugin->processor, err);
    if (status == STATUS_OK) {
        plugin->opened = plugin->processor->open(&plugin->state, config->threads > 0 ? config->threads : 1,
                                                 reason, sizeof reason) == 0;
        status = plugin->opened ? STATUS_OK : fail(plugin, false, reason, err);
    }
    if (status != STATUS_OK) {
        kind_free(state);
    }
    return status;
}

static bool kind_wants(void *state, const AVFrame *frame, const FrameFaces *faces)
{
    const Plugin *plugin = state;
    bool selected = false;
    (void)frame;
    for (int i = 0; i < faces->count; i++) {
        selected = selected || (faces->face[i].selected && faces->face[i].opacity > 0);
    }
    return selected || plugin->processor->every_frame != 0;
}

static Status kind_process(void *state, int thread, AVFrame *frame, const FrameFaces *faces, Error *err)
{
    const Plugin *plugin = state;
    RunbatchFace shown[FACES_MAX];
    char reason[REASON_BYTES] = "";
    for (int i = 0; i < faces->count; i++) {
        const Face *face = &faces->face[i];
        shown[i] = (RunbatchFace){.track = face->track,
                                  .selected = face->selected,
                                  .score = face->score,
                                  .opacity = face->opacity,
                                  .yaw = face->yaw,
                                  .x = face->mesh.x,
                                  .y = face->mesh.y};
    }
    RunbatchFrame told = {.format = av_get_pix_fmt_name((enum AVPixelFormat)frame->format),
                          .width = frame->width,
                          .height = frame->height,
                          .pts = frame->pts,
                          .time_num = plugin->time_base.num,
                          .time_den = plugin->time_base.den,
                          .face_count = faces->count,
                          .faces = shown};
    for (int i = 0; i < 4; i++) {
        told.data[i] = frame->data[i];
        told.linesize[i] = frame->linesize[i];
    }
    return plugin->processor->process(plugin->state, thread, &told, reason, sizeof reason) == 0
               ? STATUS_OK
               : fail(plugin, true, reason, err);
}

const ProcessorKind plugin_kind = {
    .name = "FILE.so",
    .help = "one of your own, by its path",
    .open = kind_open,
    .wants = kind_wants,
    .process = kind_process,
    .free = kind_free,
};
