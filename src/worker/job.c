#include "worker/job.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <math.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/files.h"
#include "base/log.h"
#include "infer/session.h"
#include "media/frame_hash.h"
#include "media/verify.h"
#include "memory/meminfo.h"
#include "worker/job_internal.h"

/* Less is not worth it: what is given back is asked for anew, in other places, and the peak grows. */
#define GROWN_BYTES (INT64_C(16) << 20)

/* What travels with a frame from the reader to the writer. */
typedef struct Side {
    uint64_t check; /* of a frame that begins a chunk */
    ChunkCounts counts;
    FrameFaces faces; /* last: left out where no faces are looked for */
} Side;

/* ---- the pipeline's stages ---- */

/* A frame that can be sought again tells how it is known. */
static uint64_t check_of(const Job *job, const AVFrame *frame)
{
    const bool wanted =
        writer_begins_chunk(job->writer, frame->pts, job->pts_before) && reader_is_plain(job->reader);
    return wanted ? frame_hash(frame) : 0;
}

Status job_read_frame(void *context, AVFrame *frame, uint64_t *check, Error *err)
{
    Job *job = context;
    if (job->first->buf[0] != NULL) {
        av_frame_move_ref(frame, job->first);
        *check = job->resume.from.check;
    } else {
        const Status status = reader_next(job->reader, frame, err);
        if (status != STATUS_OK) {
            return status;
        }
        *check = check_of(job, frame);
    }
    job->pts_before = frame->pts;
    if (job->files != NULL) {
        atomic_fetch_add(&job->control->work, 1); /* all files of a chunk are written before one is given */
    }
    return STATUS_OK;
}

static Status stage_source(void *context, AVFrame *frame, void *side, Error *err)
{
    Job *job = context;
    uint64_t *check = &((Side *)side)->check;
    if (job->files == NULL) {
        return job_read_frame(job, frame, check, err);
    }
    atomic_fetch_add(&job->control->work,
                     1); /* a chunk's files are written before its first frame is given */
    return frame_files_next(job->files, frame, check, err);
}

/* In seconds from the first frame. */
static double time_of(const Job *job, int64_t pts)
{
    return (double)(pts - job->info.first_pts) * av_q2d(job->info.time_base);
}

static Status stage_in_order(void *context, const AVFrame *frame, void *side, bool *change, Error *err)
{
    Job *job = context;
    Side *own = side;
    *change = false;
    own->counts.frames = 1;
    if (job->faces == NULL) {
        return STATUS_OK;
    }
    const FaceTrackerStats before = face_work_stats(job->faces);
    FaceChange wanted = CHANGE_NOTHING;
    const Status status = face_work_follow(job->faces, frame, &own->faces, &wanted, err);
    const FaceTrackerStats now = face_work_stats(job->faces);
    own->counts.with_face = now.frames_with_face - before.frames_with_face;
    own->counts.changed = wanted == CHANGE_FACES;
    *change = wanted != CHANGE_NOTHING;
    own->counts.isolated_gaps = now.isolated_gaps - before.isolated_gaps;
    own->counts.scene_cuts = now.scene_cuts - before.scene_cuts;
    if (status == STATUS_OK) {
        doubt_notes_add(&job->doubts, &own->faces, time_of(job, frame->pts));
    }
    return status;
}

static Status stage_any_order(void *context, int thread, AVFrame *frame, const void *side, Error *err)
{
    const Job *job = context;
    const Status status = face_work_change(job->faces, thread, frame, &((const Side *)side)->faces, err);
    return status == STATUS_OK && job->files != NULL ? frame_files_replace(job->files, frame, err) : status;
}

static Status stage_sink(void *context, const AVFrame *frame, const void *side, Error *err)
{
    Job *job = context;
    const Side *own = side;
    Status status = STATUS_OK;
    if (job->files != NULL) {
        status = frame_files_take(job->files, frame, job->picture, err);
        frame = job->picture;
    }
    if (status == STATUS_OK) {
        status = writer_frame(job->writer, frame, &own->counts, own->check, err);
    }
    av_frame_unref(job->picture);
    if (status == STATUS_OK) {
        chunk_counts_add(&job->counts, &own->counts);
        atomic_fetch_add(&job->control->work, 1);
    }
    return status;
}

/* ---- its share ---- */

static void give_memory_back(void)
{
    session_shrink_arena();
    (void)malloc_trim(0);
}

void job_settle_memory(Job *job)
{
    ProcessMemory memory = {0};
    if (meminfo_read_process("/", 0, &memory, NULL) != STATUS_OK) {
        return;
    }
    if (job->settled_bytes == 0) {
        job->settled_bytes = memory.rss_bytes;
    } else if (memory.rss_bytes > job->settled_bytes + GROWN_BYTES) {
        give_memory_back();
        (void)meminfo_read_process("/", 0, &memory, NULL);
        job->settled_bytes = memory.rss_bytes;
    }
}

static void apply_share_locked(const JobControl *control)
{
    const int percent = control->percent > 0 ? control->percent : 100;
    if (control->pool != NULL) {
        const int threads = control->threads * percent / 100;
        frame_pool_set_budget(control->pool,
                              control->budget_bytes - control->budget_bytes / 100 * (100 - percent));
        atomic_store(control->threads_now, threads > 0 ? threads : 1);
    }
}

void job_set_share(JobControl *control, int percent)
{
    (void)pthread_mutex_lock(&control->lock);
    const bool less = percent < (control->percent > 0 ? control->percent : 100);
    control->percent = percent;
    apply_share_locked(control);
    (void)pthread_mutex_unlock(&control->lock);
    if (less) {
        give_memory_back();
    }
}

/* ---- stopping ---- */

static void enter(Job *job, JobPhase phase)
{
    JobControl *control = job->control;
    (void)pthread_mutex_lock(&control->lock);
    control->phase = phase;
    control->writer = phase == JOB_RUNNING ? job->writer : NULL;
    control->pool = phase == JOB_RUNNING ? job->pool : NULL;
    if (phase == JOB_RUNNING) {
        control->budget_bytes = frame_pool_stats(job->pool).budget_bytes;
        control->threads = job->shape.execution_threads;
        control->threads_now = &job->threads_now;
        atomic_store(&job->threads_now, control->threads);
        apply_share_locked(control);
    }
    control->frames_total = job->info.frame_count;
    control->frame_rate = job->info.frame_rate.num > 0 ? av_q2d(job->info.frame_rate) : 0;
    (void)pthread_mutex_unlock(&control->lock);
}

bool job_is_near(double done_s, double length_s, double frame_rate, double fps, int64_t grace_ms)
{
    const double usual_rate = 25;
    const double left_frames = (length_s - done_s) * (frame_rate > 0 ? frame_rate : usual_rate);
    if (grace_ms <= 0 || length_s <= 0) {
        return false;
    }
    return left_frames <= 0 || (fps > 0 && left_frames / fps * 1000 <= (double)grace_ms);
}

bool job_stop_at_chunk(JobControl *control, int64_t grace_ms, double fps)
{
    (void)pthread_mutex_lock(&control->lock);
    bool near = grace_ms > 0 && control->phase == JOB_FINISHING;
    if (control->phase == JOB_RUNNING) {
        double done_s = 0;
        double length_s = 0;
        writer_chunk_progress(control->writer, &done_s, &length_s);
        if (control->frames_total > 0 && control->frame_rate > 0) { /* the video may end before the chunk */
            const int64_t left = control->frames_total - atomic_load(&control->frames_done);
            length_s = fmin(length_s, done_s + (double)(left > 0 ? left : 0) / control->frame_rate);
        }
        near = job_is_near(done_s, length_s, control->frame_rate, fps, grace_ms);
        if (near) {
            writer_stop_at_chunk(control->writer);
        }
    }
    (void)pthread_mutex_unlock(&control->lock);
    return near;
}

/* ---- running and finishing ---- */

static Status run_frames(Job *job, Error *err)
{
    const double go_on_s = !job->resumed          ? -1
                           : job->resume.complete ? INFINITY
                                                  : time_of(job, job->resume.from.pts);
    doubt_notes_open(&job->doubts, job->config->folder, go_on_s);
    if (job->resume.complete) {
        return STATUS_OK;
    }
    const PipelineConfig pipeline = {
        .stages =
            {
                .context = job,
                .side_bytes = job->faces != NULL ? sizeof(Side) : offsetof(Side, faces),
                .source = stage_source,
                .in_order = stage_in_order,
                .any_order = stage_any_order,
                .sink = stage_sink,
            },
        .pool = job->pool,
        .enlarge = job->made.width / job->info.width,
        .threads = job->shape.execution_threads,
        .threads_now = &job->threads_now,
        .stop = &job->control->stop,
        .frames_done = &job->control->frames_done,
    };
    enter(job, JOB_RUNNING);
    const Status status = pipeline_run(&pipeline, &job->pipeline, err);
    doubt_notes_finish(&job->doubts);
    enter(job, JOB_FINISHING);
    return status;
}

Status job_check_reads(const Job *job, Error *err)
{
    const int error = reader_damage(job->reader).read_errno;
    return error == 0
               ? STATUS_OK
               : error_set_errno(err, ERROR_DISK, "cannot read the whole video", job->config->input, error);
}

/* What was read must be a whole video, and still the one that was asked for. */
static Status check_input(const Job *job, Error *err)
{
    static const char what[] = "cannot read the whole video";
    const char *input = job->config->input;
    const ReaderDamage damage = reader_damage(job->reader);
    FileState now;
    if (!file_state(input, &now)) {
        return error_set(err, ERROR_INPUT, what, input, "it vanished while it was read");
    }
    if (!file_state_same(&now, &job->input_before)) {
        (void)error_set(err, ERROR_INPUT, what, input, "it was changed while it was read");
        error_advise(err, "run again when it is complete");
        return STATUS_FAILED;
    }
    if (job_check_reads(job, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    if (job->counts.frames == 0) {
        return error_set(err, ERROR_INPUT, what, input, "not one frame of it can be decoded");
    }
    if (damage.truncated) {
        (void)error_setf(err, ERROR_INPUT, what, input, "the file is cut off after %lld frame%s",
                         (long long)job->counts.frames, job->counts.frames == 1 ? "" : "s");
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
    const FrameRate asked = settings_frame_rate(job->config->settings);
    const AVRational rate = asked.num > 0 ? (AVRational){asked.num, asked.den} : job->info.frame_rate;
    const double frame_s = rate.num > 0 && rate.den > 0 ? 1.0 / av_q2d(rate) : 0.1;
    const WriterSummary *written = &job->written;
    const VerifyExpectation expected = {
        .frames = written->frames,
        .duration_s = written->duration_s,
        .tolerance_s = frame_s,
        .audio_streams = written->audio_streams,
        .threads = job->shape.decoder_threads,
        .whole = strcmp(job->config->settings->verify, "full") == 0,
    };
    const VerifyWatch watch = {.stop = &job->control->stop, .work = &job->control->work};
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
    /* What the check takes comes in their place. */
    writer_free(&job->writer);
    face_work_free(&job->faces);
    if (job_is_marked(job) &&
        provenance_add_xmp(job->config->temporary, job->config->output, err) != STATUS_OK) {
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
    ProcessMemory memory = {0};
    (void)meminfo_read_process("/", 0, &memory, NULL);
    *result = (VideoResult){
        .frames = job->written.frames,
        .frames_with_face = job->counts.with_face,
        .frames_changed = job->counts.changed,
        .isolated_gaps = job->counts.isolated_gaps,
        .scene_cuts = job->counts.scene_cuts,
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
        .doubts = job->doubts.doubts,
    };
    for (int i = 0; i < 4; i++) {
        result->busy_s[i] = job->pipeline.busy_s[i];
    }
}

static Status run_steps(Job *job, Error *err)
{
    static Status (*const steps[])(Job *, Error *) = {job_open_input,  job_pass_gate, job_open_faces,
                                                      job_open_output, job_go_on,     job_open_frames,
                                                      run_frames};
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
    if (status == STATUS_OK && job->faces != NULL) {
        face_work_finish(job->faces);
    }
    return status == STATUS_OK ? finish_output(job, err) : status;
}

Status job_run(const JobConfig *config, JobControl *control, VideoResult *result, Error *err)
{
    const int64_t began_ms = clock_now_ms();
    Job job = {.config = config, .control = control, .pts_before = AV_NOPTS_VALUE};
    *result = (VideoResult){0};
    Status status = run_steps(&job, err);
    if (status == STATUS_FAILED && atomic_load(&control->stop)) {
        status = STATUS_STOPPED; /* most likely a consequence: what is read seems to end then */
    }
    if (status == STATUS_OK) {
        fill_result(&job, (double)(clock_now_ms() - began_ms) / 1000.0, result);
    }
    writer_free(&job.writer);
    frame_files_free(&job.files);
    face_work_free(&job.faces);
    av_frame_free(&job.picture);
    av_frame_free(&job.first);
    reader_free(&job.reader);
    frame_pool_free(&job.pool);
    provenance_free(&job.provenance);
    doubt_notes_free(&job.doubts);
    return status;
}
