#include "worker/face_work.h"

#include <string.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/log.h"
#include "face/face_swapper.h"
#include "face/followed.h"
#include "face/processor.h"
#include "pipeline/pipeline.h"
#include "worker/analysis.h"
#include "worker/face_cast.h"
#include "worker/needed_models.h"
#include "worker/reference_face.h"

enum { PROCESSORS_MAX = 8 };

typedef struct Step {
    const ProcessorKind *kind;
    void *state;
} Step;

struct FaceWork {
    FaceModels *models;
    FaceRecord *record; /* NULL: nobody needs it */
    FaceMap map;
    Casting *casting; /* NULL: no map */
    FaceTrackerConfig tracker_config;
    FaceTracker *tracker;
    FaceTrackerStats stats; /* of all frames followed */
    Followed *followed;     /* NULL: nothing is shared */
    FaceMask *mask;         /* NULL: the user wants none */
    Step steps[PROCESSORS_MAX];
    int step_count;
};

static Provider provider_of(const Settings *settings)
{
    return provider_from_name(settings->execution_provider);
}

/* What the processors asked for need of a record. */
static void ask_kinds(const Settings *settings, bool *record, bool *every_frame)
{
    *record = settings->face_map != NULL;
    *every_frame = false;
    for (size_t i = 0; i < settings->frame_processors.count; i++) {
        const ProcessorKind *kind = processor_find(settings->frame_processors.items[i]);
        *record = *record || (kind != NULL && kind->needs_record);
        *every_frame = *every_frame || (kind != NULL && kind->every_frame);
    }
}

static Status open_models(FaceWork *work, const Settings *settings, Error *err)
{
    const FaceModelsConfig config = face_models_config(settings);
    return face_models_open(&work->models, &config, err);
}

static Status open_record(FaceWork *work, const FaceWorkConfig *config, Error *err)
{
    bool needed = false;
    bool every_frame = false;
    ask_kinds(config->settings, &needed, &every_frame);
    if (!needed) {
        return STATUS_OK;
    }
    char *path = path_join(config->folder, FACE_RECORD_NAME);
    const AnalysisConfig analysis = {
        .models = work->models,
        .input = config->input,
        .path = path,
        .key = config->key,
        .decoder_threads = config->decoder_threads,
        .every_frame = every_frame,
        .stop = config->stop,
        .work = config->work,
    };
    const Status status = analysis_open(&work->record, &analysis, err);
    memory_free(path);
    return status;
}

static Status open_casting(FaceWork *work, const FaceWorkConfig *config, Error *err)
{
    const char *path = config->settings->face_map;
    if (path == NULL) {
        return STATUS_OK;
    }
    const FaceCastConfig cast = {.map = &work->map,
                                 .path = path,
                                 .models = work->models,
                                 .people = config->people,
                                 .record = work->record};
    const Status status = face_map_read(path, &work->map, err);
    return status == STATUS_OK ? face_cast_open(&work->casting, &cast, err) : status;
}

static Status open_tracker(FaceWork *work, const FaceWorkConfig *config, Error *err)
{
    const Settings *settings = config->settings;
    FaceTrackerConfig *tracker = &work->tracker_config;
    *tracker = (FaceTrackerConfig){
        .models = work->models,
        .orientation = config->info->orientation,
        .sample_aspect_ratio = config->info->sample_aspect_ratio,
        .time_base = config->info->time_base,
        .many_faces = settings->many_faces,
        .similar_distance = (float)settings->similar_face_distance,
    };
    if (!settings->many_faces) {
        const ReferenceFaceConfig reference = {
            .models = work->models,
            .input = config->input,
            .decoder_threads = config->decoder_threads,
            .frame_number = settings->reference_frame_number,
            .order = face_order_named(settings->reference_face_order),
            .position = settings->reference_face_position,
            .stop = config->stop,
            .work = config->work,
        };
        const Status status = reference_face_find(&reference, tracker->reference, err);
        if (status != STATUS_OK) {
            return status;
        }
        tracker->has_reference = true;
    }
    return face_tracker_new(&work->tracker, tracker, err);
}

static Status open_steps(FaceWork *work, const FaceWorkConfig *config, Error *err)
{
    const TextList *names = &config->settings->frame_processors;
    ProcessorConfig processor = {
        .models = work->models,
        .models_dir = config->settings->models_dir,
        .provider = provider_of(config->settings),
        .options = processor_options(config->settings, config->source),
        .threads = config->threads,
        .orientation = config->info->orientation,
        .sample_aspect_ratio = config->info->sample_aspect_ratio,
        .time_base = config->info->time_base,
        .pool = config->pool,
        .record = work->record,
        .casting = work->casting,
    };
    processor.options.sources = work->casting != NULL ? &work->map.sources : NULL;
    const FaceMaskConfig mask = {
        .options = processor.options.mask,
        .models_dir = processor.models_dir,
        .provider = processor.provider,
        .sample_aspect_ratio = processor.sample_aspect_ratio,
        .time_base = processor.time_base,
        .threads = processor.threads,
        .frames = pipeline_frames_most(config->threads),
    };
    if (face_mask_open(&work->mask, &mask, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    processor.mask = work->mask;
    if (names->count > PROCESSORS_MAX) {
        return error_setf(err, ERROR_USAGE, "cannot use that many frame processors", NULL, "at most %d",
                          PROCESSORS_MAX);
    }
    for (size_t i = 0; i < names->count; i++) {
        Step *step = &work->steps[work->step_count];
        step->kind = processor_find(names->items[i]);
        if (step->kind == NULL) {
            return error_setf(err, ERROR_USAGE, "cannot use the frame processor", NULL, "there is no \"%s\"",
                              names->items[i]);
        }
        processor.name = names->items[i];
        if (step->kind->open(&step->state, &processor, err) != STATUS_OK) {
            return STATUS_FAILED;
        }
        processor.after_swap = processor.after_swap || step->kind == &face_swapper_kind;
        work->step_count++;
    }
    return STATUS_OK;
}

Status face_work_open(FaceWork **out, const FaceWorkConfig *config, Error *err)
{
    *out = NULL;
    FaceWork *work = memory_alloc(1, sizeof *work);
    Status status = open_models(work, config->settings, err);
    if (status == STATUS_OK) {
        status = open_record(work, config, err);
    }
    if (status == STATUS_OK) {
        status = open_casting(work, config, err);
    }
    if (status == STATUS_OK) {
        status = open_steps(work, config, err);
    }
    if (status == STATUS_OK && atomic_load(config->stop)) {
        status = STATUS_STOPPED;
    }
    if (status == STATUS_OK) {
        status = open_tracker(work, config, err);
    }
    if (status == STATUS_OK && config->shared > 0) {
        if (followed_is_of(config->shared, config->video)) {
            log_info("faces: as the worker of another source followed them");
        }
        work->followed = followed_open(config->shared, config->video, config->info->first_pts);
    }
    if (status != STATUS_OK) {
        face_work_free(&work);
        return status;
    }
    *out = work;
    return STATUS_OK;
}

void face_work_free(FaceWork **work)
{
    if (*work == NULL) {
        return;
    }
    for (int i = 0; i < (*work)->step_count; i++) {
        (*work)->steps[i].kind->free(&(*work)->steps[i].state);
    }
    face_mask_free(&(*work)->mask);
    face_tracker_free(&(*work)->tracker);
    followed_free(&(*work)->followed);
    face_models_free(&(*work)->models);
    casting_free(&(*work)->casting);
    face_map_free(&(*work)->map);
    face_record_free(&(*work)->record);
    memory_free(*work);
    *work = NULL;
}

static FaceChange step_wants(const Step *step, const AVFrame *frame, const FrameFaces *faces)
{
    if (step->kind->whole_frame) {
        return CHANGE_FRAME;
    }
    if (step->kind->wants != NULL) {
        return step->kind->wants(step->state, frame, faces) ? CHANGE_FACES : CHANGE_NOTHING;
    }
    bool selected = false;
    for (int i = 0; i < faces->count; i++) {
        selected = selected || (faces->face[i].selected && faces->face[i].opacity > 0.0F);
    }
    return selected ? CHANGE_FACES : CHANGE_NOTHING;
}

static void add_stats(FaceTrackerStats *sum, const FaceTrackerStats *more, int sign)
{
    sum->frames += sign * more->frames;
    sum->frames_with_face += sign * more->frames_with_face;
    sum->frames_selected += sign * more->frames_selected;
    sum->isolated_gaps += sign * more->isolated_gaps;
    sum->scene_cuts += sign * more->scene_cuts;
    sum->detections += sign * more->detections;
}

/* By what another worker told, or by the tracker. */
static Status find_faces(FaceWork *work, const AVFrame *frame, FrameFaces *faces, Error *err)
{
    FaceTrackerStats more = {0};
    if (work->followed != NULL && followed_next(work->followed, frame->pts, faces, &more)) {
        add_stats(&work->stats, &more, 1);
        return STATUS_OK;
    }
    const FaceTrackerStats before = face_tracker_stats(work->tracker);
    const Status status = face_tracker_next(work->tracker, frame, faces, err);
    more = face_tracker_stats(work->tracker);
    add_stats(&more, &before, -1);
    add_stats(&work->stats, &more, 1);
    if (status == STATUS_OK && work->followed != NULL) {
        followed_add(work->followed, frame->pts, faces, &more);
    }
    return status;
}

Status face_work_follow(FaceWork *work, const AVFrame *frame, FrameFaces *faces, FaceChange *change,
                        Error *err)
{
    if (find_faces(work, frame, faces, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    if (work->casting != NULL) {
        casting_select(work->casting, frame->pts, faces);
    }
    if (face_mask_follow(work->mask, frame, faces, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    *change = CHANGE_NOTHING;
    for (int i = 0; i < work->step_count; i++) {
        const FaceChange wanted = step_wants(&work->steps[i], frame, faces);
        *change = wanted > *change ? wanted : *change;
    }
    return STATUS_OK;
}

Status face_work_restart(FaceWork *work, Error *err)
{
    work->stats = (FaceTrackerStats){0};
    if (work->followed != NULL) {
        followed_restart(work->followed);
    }
    face_tracker_free(&work->tracker);
    return face_tracker_new(&work->tracker, &work->tracker_config, err);
}

void face_work_look_around(FaceWork *work)
{
    face_tracker_look_around(work->tracker);
}

Status face_work_change(FaceWork *work, int thread, AVFrame *frame, const FrameFaces *faces, Error *err)
{
    for (int i = 0; i < work->step_count; i++) {
        const Step *step = &work->steps[i];
        if (step->kind->process(step->state, thread, frame, faces, err) != STATUS_OK) {
            return STATUS_FAILED;
        }
    }
    return STATUS_OK;
}

void face_work_finish(FaceWork *work)
{
    if (work->followed != NULL) {
        followed_finish(work->followed);
    }
}

FaceTrackerStats face_work_stats(const FaceWork *work)
{
    return work->stats;
}
