/* Going on where an earlier run ended.
 *
 * The writer knows by number, time and picture which frame it wants next. Seeking finds it fast, and believes
 * nothing: the frame that comes must be the one by its time and its picture. Where that cannot be (the
 * container does not seek, times were guessed or moved on the way, the file is damaged), the frames are
 * counted from the beginning, which takes no more than decoding. If even so another picture comes, the chunks
 * are not of this video, and it is made anew.
 */
#include <libavutil/mathematics.h>

#include "base/alloc.h"
#include "base/log.h"
#include "media/frame_hash.h"
#include "worker/job_internal.h"

/* From where on the faces are followed; before the wanted frame in any case. */
static int64_t warm_up_pts(const Job *job)
{
    const double wanted_s = job->faces != NULL ? face_tracker_warm_up_s() : 0;
    const int64_t ticks = (int64_t)(wanted_s / av_q2d(job->info.time_base));
    return job->resume.from.pts - FFMAX(ticks, 1);
}

static Status follow(Job *job, const AVFrame *frame, Error *err)
{
    if (job->faces == NULL) {
        return STATUS_OK;
    }
    FrameFaces *faces = memory_alloc(1, sizeof *faces);
    FaceChange change = CHANGE_NOTHING;
    const Status status = face_work_follow(job->faces, frame, faces, &change, err);
    memory_free(faces);
    return status;
}

/* STATUS_EOF: the video really ends here. */
static Status read_over(Job *job, AVFrame *frame, Error *err)
{
    atomic_fetch_add(&job->control->work, 1);
    const Status status = reader_next(job->reader, frame, err);
    if (atomic_load(&job->control->stop)) {
        return STATUS_STOPPED;
    }
    return status == STATUS_EOF && job_check_reads(job, err) != STATUS_OK ? STATUS_FAILED : status;
}

/* The last frame of the warm-up. */
static Status follow_last(Job *job, const AVFrame *frame, Error *err)
{
    if (job->faces != NULL) {
        face_work_look_around(job->faces);
    }
    return frame->buf[0] != NULL ? follow(job, frame, err) : STATUS_OK;
}

/* Reads up to the wanted frame, into job->first. STATUS_AGAIN: it does not come, or it is another picture,
 * or, where all frames are read, of another number. */
static Status approach(Job *job, bool from_beginning, Error *err)
{
    const ChunkPoint *to = &job->resume.from;
    const int64_t warm_pts = warm_up_pts(job);
    AVFrame *before = av_frame_alloc();
    if (before == NULL) {
        return error_set(err, ERROR_MEMORY, "cannot go on with the video", job->config->input,
                         "out of memory");
    }
    int64_t number = 0;
    Status status = read_over(job, job->first, err);
    while (status == STATUS_OK && job->first->pts < to->pts) {
        if (before->buf[0] != NULL && before->pts >= warm_pts) {
            status = follow(job, before, err);
        }
        av_frame_unref(before);
        av_frame_move_ref(before, job->first);
        number++;
        if (status == STATUS_OK) {
            status = read_over(job, job->first, err);
        }
    }
    if (status == STATUS_OK) {
        const bool found = job->first->pts == to->pts && (!from_beginning || number == to->frame) &&
                           (to->check == 0 || frame_hash(job->first) == to->check);
        status = found ? follow_last(job, before, err) : STATUS_AGAIN;
    }
    av_frame_free(&before);
    if (status != STATUS_OK) {
        av_frame_unref(job->first);
    }
    return status == STATUS_EOF ? STATUS_AGAIN : status;
}

static Status seek(Job *job, Error *err)
{
    if (job->resume.from.check == 0) {
        return STATUS_AGAIN;
    }
    const int64_t warm_pts = warm_up_pts(job);
    if (warm_pts <= job->info.first_pts) {
        return approach(job, true, err);
    }
    const Status status = reader_seek(job->reader, warm_pts, err);
    return status == STATUS_OK ? approach(job, false, err) : status;
}

static void watch(Job *job)
{
    reader_watch(job->reader, &job->control->stop, &job->control->work);
}

static Status begin_reading(Job *job, Error *err)
{
    if (atomic_load(&job->control->stop)) {
        return STATUS_STOPPED;
    }
    reader_free(&job->reader);
    job->pts_before = AV_NOPTS_VALUE;
    if (job_open_reader(job, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    watch(job);
    return job->faces != NULL ? face_work_restart(job->faces, err) : STATUS_OK;
}

static Status make_anew(Job *job, Error *err)
{
    log_warn("frame %lld is not the one of the earlier run: its %d chunks are thrown away, the video is made "
             "anew",
             (long long)job->resume.from.frame, job->resume.chunks);
    writer_free(&job->writer);
    job->resumed = false;
    job->resume = (WriterResume){0};
    job->counts = (ChunkCounts){0};
    atomic_store(&job->control->frames_done, 0);
    atomic_store(&job->control->frames_reused, 0);
    if (chunk_folder_clear(job->config->folder, 0, err) != STATUS_OK ||
        begin_reading(job, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    return job_open_writer(job, err);
}

Status job_go_on(Job *job, Error *err)
{
    watch(job);
    if (!job->resumed || job->resume.complete) {
        return STATUS_OK;
    }
    const ChunkPoint *to = &job->resume.from;
    log_info("goes on at frame %lld, behind the %d chunks of an earlier run", (long long)to->frame,
             job->resume.chunks);
    Status status = seek(job, err);
    if (status == STATUS_AGAIN) {
        log_info("the place cannot be sought in this file: its frames are counted from the beginning");
        status = begin_reading(job, err);
        if (status == STATUS_OK) {
            status = approach(job, true, err);
        }
    }
    return status == STATUS_AGAIN ? make_anew(job, err) : status;
}
