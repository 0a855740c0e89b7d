#include "worker/faces_job.h"

#include "base/alloc.h"
#include "base/files.h"
#include "memory/meminfo.h"
#include "worker/analysis.h"
#include "worker/needed_models.h"

static void tell_opened(void *context, const MediaInfo *info)
{
    const JobControl *control = context;
    const WorkerShape shape = {.execution_threads = 1, .decoder_threads = 1, .encoder_threads = 1};
    const MemoryEstimate estimate = {0};
    if (control->opened != NULL) {
        control->opened(control->context, info, &shape, &estimate);
    }
}

static Status note_faces(const JobConfig *config, JobControl *control, const FaceModels *models,
                         FaceRecord **record, Error *err)
{
    char *path = path_join(config->folder, FACE_RECORD_NAME);
    const AnalysisConfig analysis = {
        .models = models,
        .input = config->input,
        .path = path,
        .key = config->key,
        .decoder_threads = (int)config->settings->decoder_threads,
        .stop = &control->stop,
        .work = &control->work,
        .frames_done = &control->frames_done,
        .opened = tell_opened,
        .context = control,
    };
    const Status status = analysis_open(record, &analysis, err);
    memory_free(path);
    return status;
}

Status faces_job_run(const JobConfig *config, JobControl *control, VideoResult *result, Error *err)
{
    *result = (VideoResult){0};
    FaceModelsConfig wanted = face_models_config(config->settings);
    wanted.with_embedder = true;
    FaceModels *models = NULL;
    FaceRecord *record = NULL;
    Status status = face_models_open(&models, &wanted, err);
    if (status == STATUS_OK) {
        status = note_faces(config, control, models, &record, err);
    }
    if (status == STATUS_OK) {
        ProcessMemory memory = {0};
        (void)meminfo_read_process("/", 0, &memory, NULL);
        result->frames = face_record_info(record)->frames;
        result->peak_rss_bytes = memory.peak_rss_bytes;
    }
    face_record_free(&record);
    face_models_free(&models);
    return status;
}
