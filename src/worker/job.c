#include "worker/job.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/files.h"
#include "base/log.h"
#include "media/frame_pool.h"
#include "media/verify.h"
#include "media/writer.h"
#include "memory/meminfo.h"
#include "pipeline/pipeline.h"
#include "worker/face_work.h"
#include "worker/provenance.h"

typedef struct Job {
    const JobConfig *config;
    JobControl *control;
    struct stat input_before;
    FramePool *pool;
    Reader *reader;
    Writer *writer;
    FaceWork *faces; /* NULL: frames pass unchanged */
    Provenance provenance;
    PipelineStats pipeline;
    WriterSummary written;
} Job;

int64_t job_frame_budget(int64_t asked_bytes, int64_t frame_bytes, int64_t threads)
{
    enum { STAGES = 3, WAITING = 3 };
    if (asked_bytes > 0) {
        return asked_bytes;
    }
    const int64_t frames = STAGES + WAITING + 2 * threads;
    return frame_bytes <= INT64_MAX / frames ? frames * frame_bytes : INT64_MAX;
}

/* ---- the pipeline's stages ---- */

static Status stage_source(void *context, AVFrame *frame, void *side, Error *err)
{
    (void)side;
    const Job *job = context;
    return reader_next(job->reader, frame, err);
}

static Status stage_in_order(void *context, const AVFrame *frame, void *side, bool *change, Error *err)
{
    const Job *job = context;
    *change = false;
    return job->faces != NULL ? face_work_follow(job->faces, frame, side, change, err) : STATUS_OK;
}

static Status stage_any_order(void *context, int thread, AVFrame *frame, const void *side, Error *err)
{
    const Job *job = context;
    return face_work_change(job->faces, thread, frame, side, err);
}

static Status stage_sink(void *context, const AVFrame *frame, const void *side, Error *err)
{
    (void)side;
    const Job *job = context;
    return writer_frame(job->writer, frame, NULL, 0, err);
}

/* ---- opening ---- */

static Status open_input(Job *job, Error *err)
{
    const JobConfig *config = job->config;
    if (stat(config->input, &job->input_before) != 0) {
        return error_set_errno(err, ERROR_INPUT, "cannot open the video", config->input, errno);
    }
    job->pool = frame_pool_new(job_frame_budget(config->settings->frame_budget_bytes, 0, 1));
    const ReaderConfig reader = {.path = config->input, .pool = job->pool};
    if (reader_open(&job->reader, &reader, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    const MediaInfo *info = reader_info(job->reader);
    const int64_t frame_bytes = frame_pool_frame_bytes(info->format, info->width, info->height);
    const int64_t budget = job_frame_budget(config->settings->frame_budget_bytes, frame_bytes,
                                            config->settings->execution_threads);
    frame_pool_set_budget(job->pool, budget);
    log_info("%s, %s, %dx%d, %d bit, %.3f frames per second, about %lld frames", info->container, info->codec,
             info->width, info->height, info->bit_depth,
             info->frame_rate.den > 0 ? av_q2d(info->frame_rate) : 0.0, (long long)info->frame_count);
    log_info("frame budget: %lld bytes, %.1f frames of %lld bytes", (long long)budget,
             frame_bytes > 0 ? (double)budget / (double)frame_bytes : 0.0, (long long)frame_bytes);
    if (job->control->opened != NULL) {
        job->control->opened(job->control->context, info);
    }
    return STATUS_OK;
}

static Status open_faces(Job *job, Error *err)
{
    const JobConfig *config = job->config;
    if (config->settings->frame_processors.count == 0) {
        return STATUS_OK;
    }
    const FaceWorkConfig faces = {
        .settings = config->settings,
        .input = config->input,
        .source = config->source,
        .info = reader_info(job->reader),
        .threads = (int)config->settings->execution_threads,
        .stop = &job->control->stop,
    };
    return face_work_open(&job->faces, &faces, err);
}

static bool is_marked(const Job *job)
{
    return job->config->settings->provenance && job->faces != NULL;
}

static Status open_output(Job *job, Error *err)
{
    const Settings *settings = job->config->settings;
    if (is_marked(job)) {
        provenance_make(&job->provenance, &settings->frame_processors);
    }
    const FrameRate rate = settings_frame_rate(settings);
    const WriterConfig writer = {
        .path = job->config->temporary,
        .final_name = path_name(job->config->output),
        .input_path = job->config->input,
        .source = reader_info(job->reader),
        .encoder = settings->output_video_encoder,
        .quality = (int)settings->output_video_quality,
        .preset = settings->output_video_preset,
        .threads = (int)settings->encoder_threads,
        .skip_audio = settings->skip_audio,
        .output_fps = {rate.num, rate.den},
        .stop = &job->control->stop,
        .metadata = is_marked(job) ? (const char *const(*)[2])job->provenance.pairs : NULL,
    };
    /* what lies under that name may be a link to something else, which must not be written to */
    if (unlink(writer.path) != 0 && errno != ENOENT) {
        return error_set_errno(err, ERROR_ENVIRONMENT, "cannot make the output", writer.path, errno);
    }
    return writer_open(&job->writer, &writer, err);
}

/* ---- running and finishing ---- */

static Status run_frames(Job *job, Error *err)
{
    const PipelineConfig pipeline = {
        .stages =
            {
                .context = job,
                .side_bytes = job->faces != NULL ? sizeof(FrameFaces) : 0,
                .source = stage_source,
                .in_order = stage_in_order,
                .any_order = stage_any_order,
                .sink = stage_sink,
            },
        .pool = job->pool,
        .threads = (int)job->config->settings->execution_threads,
        .stop = &job->control->stop,
        .frames_done = &job->control->frames_done,
    };
    return pipeline_run(&pipeline, &job->pipeline, err);
}

/* What was read must be a whole video, and still the one that was asked for. */
static Status check_input(const Job *job, Error *err)
{
    static const char what[] = "cannot read the whole video";
    const char *input = job->config->input;
    const ReaderDamage damage = reader_damage(job->reader);
    const struct stat *before = &job->input_before;
    struct stat now;
    if (stat(input, &now) != 0) {
        return error_set(err, ERROR_INPUT, what, input, "it vanished while it was read");
    }
    if (now.st_dev != before->st_dev || now.st_ino != before->st_ino || now.st_size != before->st_size ||
        now.st_mtim.tv_sec != before->st_mtim.tv_sec || now.st_mtim.tv_nsec != before->st_mtim.tv_nsec) {
        (void)error_set(err, ERROR_INPUT, what, input, "it was changed while it was read");
        error_advise(err, "run again when it is complete");
        return STATUS_FAILED;
    }
    if (job->pipeline.frames == 0) {
        return error_set(err, ERROR_INPUT, what, input, "not one frame of it can be decoded");
    }
    if (damage.truncated) {
        (void)error_setf(err, ERROR_INPUT, what, input, "the file is cut off after %lld frame%s",
                         (long long)job->pipeline.frames, job->pipeline.frames == 1 ? "" : "s");
        error_advise(err, "copy it again");
        return STATUS_FAILED;
    }
    if (damage.corrupt_packets > 0) {
        log_warn("%lld damaged packets were left out", (long long)damage.corrupt_packets);
    }
    return STATUS_OK;
}

static Status check_output(const Job *job, Error *err)
{
    const MediaInfo *info = reader_info(job->reader);
    const FrameRate asked = settings_frame_rate(job->config->settings);
    const AVRational rate = asked.num > 0 ? (AVRational){asked.num, asked.den} : info->frame_rate;
    const double frame_s = rate.num > 0 && rate.den > 0 ? 1.0 / av_q2d(rate) : 0.1;
    const WriterSummary *written = &job->written;
    const VerifyExpectation expected = {
        .frames = written->frames,
        .duration_s = written->duration_s,
        .tolerance_s = frame_s,
        .audio_streams = written->audio_streams,
        .whole = strcmp(job->config->settings->verify, "full") == 0,
    };
    const VerifyWatch watch = {.stop = &job->control->stop};
    return verify_output(job->config->temporary, &expected, &watch, err);
}

/* The supervisor syncs again before it renames; done here, that takes no time there. */
static Status sync_output(const char *path, Error *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    Status status = STATUS_OK;
    if (fd < 0 || fsync(fd) != 0) {
        status = error_set_errno(err, ERROR_ENVIRONMENT, "cannot write to the disk", path, errno);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return status;
}

static Status finish_output(Job *job, Error *err)
{
    if (writer_finish(job->writer, &job->written, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    if (is_marked(job) && provenance_add_xmp(job->config->temporary, job->config->output, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    const Status status = check_output(job, err);
    if (status != STATUS_OK) {
        return status;
    }
    return sync_output(job->config->temporary, err);
}

static void fill_result(const Job *job, double elapsed_s, VideoResult *result)
{
    const FramePoolStats pool = frame_pool_stats(job->pool);
    const FaceTrackerStats faces = job->faces != NULL ? face_work_stats(job->faces) : (FaceTrackerStats){0};
    ProcessMemory memory = {0};
    (void)memory_read_process("/proc", 0, &memory, NULL);
    *result = (VideoResult){
        .frames = job->written.frames,
        .frames_with_face = faces.frames_with_face,
        .frames_changed = job->pipeline.frames_changed,
        .isolated_gaps = faces.isolated_gaps,
        .scene_cuts = faces.scene_cuts,
        .frames_dropped = job->written.frames_dropped,
        .frames_repeated = job->written.frames_repeated,
        .corrupt_packets = reader_damage(job->reader).corrupt_packets,
        .output_bytes = file_size(job->config->temporary),
        .peak_rss_bytes = memory.peak_rss_bytes,
        .frame_budget_bytes = pool.budget_bytes,
        .pool_peak_bytes = pool.peak_allocated_bytes,
        .max_in_flight = job->pipeline.max_in_flight,
        .audio_streams = job->written.audio_streams,
        .audio_reencoded = job->written.audio_reencoded,
        .streams_left_out = job->written.streams_left_out,
        .elapsed_s = elapsed_s,
    };
    for (int i = 0; i < 4; i++) {
        result->busy_s[i] = job->pipeline.busy_s[i];
    }
}

static Status run_steps(Job *job, Error *err)
{
    static Status (*const steps[])(Job *, Error *) = {open_input, open_faces, open_output, run_frames};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (atomic_load(&job->control->stop)) {
            return STATUS_STOPPED;
        }
        const Status status = steps[i](job, err);
        if (status != STATUS_OK) {
            return status;
        }
    }
    const Status status = check_input(job, err);
    return status == STATUS_OK ? finish_output(job, err) : status;
}

Status job_run(const JobConfig *config, JobControl *control, VideoResult *result, Error *err)
{
    const int64_t began_ms = clock_now_ms();
    Job job = {.config = config, .control = control};
    *result = (VideoResult){0};
    const Status status = run_steps(&job, err);
    if (status == STATUS_OK) {
        fill_result(&job, (double)(clock_now_ms() - began_ms) / 1000.0, result);
    }
    writer_free(&job.writer);
    face_work_free(&job.faces);
    reader_free(&job.reader);
    frame_pool_free(&job.pool);
    provenance_free(&job.provenance);
    if (status != STATUS_OK) {
        (void)unlink(config->temporary);
    }
    return status;
}
