#include "worker/analysis.h"

#include "base/alloc.h"
#include "base/log.h"
#include "base/text.h"
#include "face/models.h"
#include "face/portrait.h"
#include "face/tracklets.h"

typedef struct Analysis {
    const AnalysisConfig *config;
    Reader *reader;
    MediaInfo info;
    FaceTracker *tracker;
    FaceRecordWriter *writer;
    Tracklets *tracklets;
} Analysis;

static Status embed(void *context, const AVFrame *frame, const Mesh *mesh, float *embedding, Error *err)
{
    const Analysis *analysis = context;
    return face_embed(analysis->config->models, frame, mesh, embedding, err);
}

static Status picture(void *context, const AVFrame *frame, const Mesh *mesh, AVPacket *jpeg, Error *err)
{
    const Analysis *analysis = context;
    return portrait_make(frame, mesh, analysis->info.orientation, analysis->info.sample_aspect_ratio,
                         FACE_RECORD_PICTURE, jpeg, err);
}

static Status open_all(Analysis *analysis, Error *err)
{
    const AnalysisConfig *config = analysis->config;
    const ReaderConfig reader = {.path = config->input, .threads = config->decoder_threads};
    if (reader_open(&analysis->reader, &reader, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    reader_watch(analysis->reader, config->stop, config->work);
    analysis->info = *reader_info(analysis->reader);
    if (config->opened != NULL) {
        config->opened(config->context, &analysis->info);
    }
    const MediaInfo *info = &analysis->info;
    const FaceTrackerConfig tracker = {
        .models = config->models,
        .orientation = info->orientation,
        .sample_aspect_ratio = info->sample_aspect_ratio,
        .time_base = info->time_base,
        .detect_every = config->every_frame ? 1 : 0,
        .many_faces = true,
    };
    FaceRecordInfo record = {.width = info->width,
                             .height = info->height,
                             .time_base = info->time_base,
                             .first_pts = info->first_pts};
    text_copy(record.key, sizeof record.key, config->key);
    if (face_tracker_new(&analysis->tracker, &tracker, err) != STATUS_OK ||
        face_record_create(&analysis->writer, config->path, &record, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    const TrackletSenses senses = {.context = analysis,
                                   .likeness = face_likeness(face_models_embedder(config->models)),
                                   .embed = embed,
                                   .picture = picture};
    analysis->tracklets = tracklets_new(&senses, info->time_base, analysis->writer);
    return STATUS_OK;
}

static void close_all(Analysis *analysis)
{
    tracklets_free(&analysis->tracklets);
    face_record_writer_free(&analysis->writer);
    face_tracker_free(&analysis->tracker);
    reader_free(&analysis->reader);
}

/* Where there may be a face: in doubt there is. */
static const float place_threshold = 0.4F;

static Status look_for_places(Analysis *analysis, const AVFrame *frame, Error *err)
{
    Detection found[FACES_MAX];
    int count = 0;
    const MediaInfo *info = &analysis->info;
    const Status status =
        models_detect_thorough(analysis->config->models, frame, info->orientation, info->sample_aspect_ratio,
                               TURNED_NOT, place_threshold, found, FACES_MAX, &count, err);
    for (int i = 0; i < count; i++) {
        const FaceEllipse at = face_ellipse_of_detection(&found[i]);
        tracklets_add_place(analysis->tracklets, &at, found[i].score);
    }
    return status;
}

static Status look(Analysis *analysis, AVFrame *frame, FrameFaces *faces, Error *err)
{
    const AnalysisConfig *config = analysis->config;
    for (;;) {
        const Status status = reader_next(analysis->reader, frame, err);
        if (atomic_load(config->stop)) {
            return STATUS_STOPPED;
        }
        if (status != STATUS_OK) {
            return status;
        }
        if (face_tracker_next(analysis->tracker, frame, faces, err) != STATUS_OK ||
            tracklets_next(analysis->tracklets, frame, faces, err) != STATUS_OK) {
            return STATUS_FAILED;
        }
        if (config->every_frame && look_for_places(analysis, frame, err) != STATUS_OK) {
            return STATUS_FAILED;
        }
        av_frame_unref(frame);
        atomic_fetch_add(config->work, 1);
        if (config->frames_done != NULL) {
            atomic_fetch_add(config->frames_done, 1);
        }
    }
}

static Status make(const AnalysisConfig *config, Error *err)
{
    Analysis analysis = {.config = config};
    AVFrame *frame = memory_check(av_frame_alloc());
    FrameFaces *faces = memory_alloc(1, sizeof *faces);
    Status status = open_all(&analysis, err);
    if (status == STATUS_OK) {
        status = look(&analysis, frame, faces, err);
    }
    if (status == STATUS_EOF) {
        const int error = reader_damage(analysis.reader).read_errno;
        status = error == 0
                     ? tracklets_finish(analysis.tracklets, err)
                     : error_set_errno(err, ERROR_DISK, "cannot read the whole video", config->input, error);
    }
    close_all(&analysis);
    memory_free(faces);
    av_frame_free(&frame);
    return status;
}

Status analysis_open(FaceRecord **record, const AnalysisConfig *config, Error *err)
{
    Status status = face_record_open(record, config->path, config->key, err);
    if (status == STATUS_AGAIN) {
        log_info("looks for all faces of the video first");
        status = make(config, err);
        if (status == STATUS_OK) {
            status = face_record_open(record, config->path, config->key, err);
        }
        if (status == STATUS_AGAIN) {
            status = error_set(err, ERROR_DISK, "cannot read the faces noted of the video", config->path,
                               "it was written a moment ago");
        }
    }
    if (status == STATUS_OK) {
        const FaceRecordInfo *info = face_record_info(*record);
        log_info("faces: %lld on %lld frames, %d tracks in %d shots", (long long)info->sightings,
                 (long long)info->frames, info->tracks, info->shots);
    }
    return status;
}
