/* Opening what a job works with: its shape first, then reader, faces, writer, frame files. */
#include <errno.h>
#include <libavutil/cpu.h>

#include "base/files.h"
#include "base/log.h"
#include "face/followed.h"
#include "worker/gate_pass.h"
#include "worker/job_internal.h"
#include "worker/needed_models.h"

enum { SIDE_MOST = 16384 }; /* of H.264 and HEVC */

/* What the worker will be like is settled before anything large is allocated. */
static Status choose_shape(void *context, const MediaInfo *info, int *threads, Error *err)
{
    Job *job = context;
    const Settings *settings = job->config->settings;
    Status status = STATUS_OK;
    if (job->shape.decoder_threads == 0) {
        MediaLook look;
        media_look_from(&look, info);
        const MemoryTask task = job_memory_task(settings, &look);
        status =
            job_shape_choose(settings, &task, av_cpu_count(), job->config->memory_bytes, &job->shape, err);
    }
    *threads = job->shape.decoder_threads;
    return status;
}

Status job_open_reader(Job *job, Error *err)
{
    const ReaderConfig reader = {
        .path = job->config->input, .pool = job->pool, .before_decoder = choose_shape, .context = job};
    return reader_open(&job->reader, &reader, err);
}

static void tell_shape(const Job *job)
{
    const WorkerShape *shape = &job->shape;
    MediaLook look;
    media_look_from(&look, &job->info);
    const MemoryTask task = job_memory_task(job->config->settings, &look);
    const MemoryEstimate estimate = memory_estimate(&task, shape);
    const int64_t frame_bytes = memory_frame_bytes(&task);
    char text[256];
    log_info("threads: %d for faces, %d for the decoder, %d for the encoder; frame budget: %lld bytes, %.1f "
             "frames of %lld bytes",
             shape->execution_threads, shape->decoder_threads, shape->encoder_threads,
             (long long)shape->frame_budget_bytes,
             frame_bytes > 0 ? (double)shape->frame_budget_bytes / (double)frame_bytes : 0.0,
             (long long)frame_bytes);
    log_info("memory: about %s", job_memory_text(&estimate, text, sizeof text));
    if (job->control->opened != NULL) {
        job->control->opened(job->control->context, &job->info, shape, &estimate);
    }
}

Status job_open_input(Job *job, Error *err)
{
    const JobConfig *config = job->config;
    if (!file_state(config->input, &job->input_before)) {
        return error_set_errno(err, ERROR_INPUT, "cannot open the video", config->input, errno);
    }
    job->pool = frame_pool_new(0);
    job->first = av_frame_alloc();
    job->picture = av_frame_alloc();
    if (job->first == NULL || job->picture == NULL) {
        return error_set(err, ERROR_MEMORY, "cannot open the video", config->input, "out of memory");
    }
    if (job_open_reader(job, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    job->info = *reader_info(job->reader);
    job->made = job->info;
    media_info_enlarge(&job->made, output_factor(config->settings));
    if (job->made.width > SIDE_MOST || job->made.height > SIDE_MOST) {
        (void)error_setf(err, ERROR_INPUT, "cannot make the frames larger", config->input,
                         "they would have %d x %d pixels, and more than %d a side cannot be encoded",
                         job->made.width, job->made.height, SIDE_MOST);
        error_advise(err, "choose a --frame-enhancer-model with a smaller factor");
        return STATUS_FAILED;
    }
    const MediaInfo *info = &job->info;
    frame_pool_set_budget(job->pool, job->shape.frame_budget_bytes);
    log_info("%s, %s, %dx%d, %d bit, %.3f frames per second, about %lld frames", info->container, info->codec,
             info->width, info->height, info->bit_depth,
             info->frame_rate.den > 0 ? av_q2d(info->frame_rate) : 0.0, (long long)info->frame_count);
    tell_shape(job);
    return STATUS_OK;
}

Status job_pass_gate(Job *job, Error *err)
{
    if (job->config->shared > 0 && followed_is_of(job->config->shared, &job->input_before)) {
        return STATUS_OK; /* whoever told of all its faces has passed it */
    }
    const GatePass pass = {
        .settings = job->config->settings,
        .input = job->config->input,
        .folder = job->config->folder,
        .key = job->config->key,
        .decoder_threads = job->shape.decoder_threads,
        .stop = &job->control->stop,
        .work = &job->control->work,
    };
    return gate_pass(&pass, err);
}

Status job_open_faces(Job *job, Error *err)
{
    const JobConfig *config = job->config;
    if (config->settings->frame_processors.count == 0) {
        return STATUS_OK;
    }
    const FaceWorkConfig faces = {
        .settings = config->settings,
        .input = config->input,
        .source = config->source,
        .video = &job->input_before,
        .shared = config->shared,
        .people = config->people,
        .pool = job->pool,
        .folder = config->folder,
        .key = config->key,
        .info = &job->info,
        .threads = job->shape.execution_threads,
        .decoder_threads = job->shape.decoder_threads,
        .stop = &job->control->stop,
        .work = &job->control->work,
    };
    return face_work_open(&job->faces, &faces, err);
}

bool job_is_marked(const Job *job)
{
    const Settings *settings = job->config->settings;
    return settings->provenance && settings->frame_processors.count > 0;
}

static void note_chunk(void *context, const ChunkInfo *chunk)
{
    Job *job = context;
    JobControl *control = job->control;
    if (chunk->reused) {
        atomic_fetch_add(&control->frames_reused, chunk->counts.frames);
        atomic_fetch_add(&control->frames_done, chunk->counts.frames);
    } else {
        job_settle_memory(job);
    }
    if (control->chunk != NULL) {
        control->chunk(control->context, chunk);
    }
}

Status job_open_writer(Job *job, Error *err)
{
    const JobConfig *config = job->config;
    const Settings *settings = config->settings;
    const FrameRate rate = settings_frame_rate(settings);
    const WriterConfig writer = {
        .path = config->temporary,
        .final_name = path_name(config->output),
        .input_path = config->input,
        .source = &job->made,
        .encoder = settings->output_video_encoder,
        .quality = (int)settings->output_video_quality,
        .preset = settings->output_video_preset,
        .threads = job->shape.encoder_threads,
        .skip_audio = settings->skip_audio,
        .output_fps = {rate.num, rate.den},
        .stop = &job->control->stop,
        .work = &job->control->work,
        .metadata = job_is_marked(job) ? (const char *const(*)[2])job->provenance.pairs : NULL,
        .chunks = {.folder = config->folder,
                   .key = config->key,
                   .seconds = settings->chunk_seconds,
                   .source_origin = job->info.first_pts,
                   .done = note_chunk,
                   .context = job},
    };
    return writer_open(&job->writer, &writer, err);
}

Status job_open_output(Job *job, Error *err)
{
    if (job_is_marked(job)) {
        provenance_make(&job->provenance, &job->config->settings->frame_processors, job->config->output);
    }
    const Status status = job_open_writer(job, err);
    if (status == STATUS_OK) {
        job->resumed = writer_resume(job->writer, &job->resume);
        job->counts = job->resume.counts;
    }
    return status;
}

static bool begins_chunk(void *context, int64_t pts, int64_t pts_before)
{
    const Job *job = context;
    return writer_begins_chunk(job->writer, pts, pts_before);
}

Status job_open_frames(Job *job, Error *err)
{
    const JobConfig *config = job->config;
    const FrameFilesConfig stages = {
        .first = job->resume.from.frame,
        .pool = job->pool,
        .read = job_read_frame,
        .begins_chunk = begins_chunk,
        .context = job,
    };
    return job->resume.complete ? STATUS_OK
                                : frame_store_open(&job->files, config->settings, config->folder,
                                                   config->output, &stages, err);
}
