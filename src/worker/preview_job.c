#include "worker/preview_job.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/files.h"
#include "base/text.h"
#include "face/models.h"
#include "image/glyphs.h"
#include "media/frame_view.h"
#include "media/picture.h"
#include "memory/meminfo.h"
#include "options/vary.h"
#include "report/i18n.h"
#include "worker/face_work.h"

/* In pixels. */
enum { MOMENTS_MOST = 36, GAP = 8, CAPTION = 20, CELL_ONE = 640, CELL_MANY = 320 };

static const char cannot[] = "cannot show the video";

/* ---- what is asked for ---- */

bool preview_read_time(const char *text, double *seconds, int64_t *frame)
{
    static const char frames[] = "frame:";
    char *end = NULL;
    *seconds = -1;
    *frame = -1;
    if (text_starts_with(text, frames)) {
        *frame = strtoll(text + strlen(frames), &end, 10);
        return end != text + strlen(frames) && *end == '\0' && *frame >= 0;
    }
    double sum = 0;
    for (int part = 0;; part++) {
        if (*text < '0' || *text > '9' || part == 3) {
            return false;
        }
        const double value = strtod(text, &end);
        if (!(value < 1e9) || (part > 0 && value >= 60)) {
            return false;
        }
        sum = 60 * sum + value;
        if (*end == '\0') {
            *seconds = sum;
            return true;
        }
        if (*end != ':' || floor(value) < value) {
            return false;
        }
        text = end + 1;
    }
}

Status preview_variants(const Settings *settings, Settings variant[PREVIEW_VARIANTS], int *count, Error *err)
{
    const int wanted = settings->compare.count == 0 ? 1 : PREVIEW_VARIANTS;
    *count = 0;
    if (settings->compare.count != 0 && settings->compare.count != PREVIEW_VARIANTS) {
        return error_set(err, ERROR_USAGE, "--compare", NULL, "takes two settings");
    }
    while (*count < wanted) {
        const char *changes = wanted == 1 ? "as it is" : settings->compare.items[*count];
        if (settings_vary(settings, changes, &variant[*count], err) != STATUS_OK) {
            while (*count > 0) {
                settings_free(&variant[--*count]);
            }
            return STATUS_FAILED;
        }
        ++*count;
    }
    return STATUS_OK;
}

/* ---- the moments ---- */

typedef struct Preview {
    const JobConfig *config;
    JobControl *control;
    MediaInfo info;
    int moments;
    double asked_s[MOMENTS_MOST]; /* from the first frame on */
    double shown_s[MOMENTS_MOST];
    bool changed[MOMENTS_MOST];
    int columns; /* of pictures that belong to a moment: before, after, … */
    int groups;  /* of such, side by side */
    int cell_width;
    int cell_height;
    Affine to_stored; /* from a cell's pixels */
    Image canvas;
} Preview;

static Status choose_moments(Preview *preview, Error *err)
{
    const Settings *settings = preview->config->settings;
    const MediaInfo *info = &preview->info;
    const double length_s = info->duration_s;
    double seconds = -1;
    int64_t frame = -1;
    preview->moments = settings->sheet > 0 ? (int)settings->sheet : 1;
    for (int i = 0; i < preview->moments; i++) {
        preview->asked_s[i] = length_s > 0 ? length_s * (i + 0.5) / preview->moments : 0;
    }
    if (settings->at == NULL) {
        return STATUS_OK;
    }
    (void)preview_read_time(settings->at, &seconds, &frame);
    if (frame >= 0 && info->frame_rate.num <= 0) {
        return error_set(err, ERROR_INPUT, cannot, preview->config->input,
                         "it does not tell its frame rate, so that a frame's time is not known");
    }
    preview->asked_s[0] = frame >= 0 ? (double)frame / av_q2d(info->frame_rate) : seconds;
    if (length_s > 0 && preview->asked_s[0] > length_s) {
        char length[16];
        clock_format_duration(length_s, length, sizeof length);
        return error_setf(err, ERROR_USAGE, "--at", NULL, "%s lies behind the video's end: it is %s long",
                          settings->at, length);
    }
    return STATUS_OK;
}

static void lay_out(Preview *preview, int variants)
{
    const MediaInfo *info = &preview->info;
    int width = 0;
    int height = 0;
    preview->to_stored = models_upright_to_stored(info->width, info->height, info->orientation,
                                                  info->sample_aspect_ratio, &width, &height);
    const int most = preview->moments == 1 ? CELL_ONE : CELL_MANY;
    const float scale = fmaxf(fmaxf((float)width, (float)height) / (float)most, 1.0F);
    preview->cell_width = (int)fmaxf((float)width / scale, 16);
    preview->cell_height = (int)fmaxf((float)height / scale, 16);
    const Affine shrink = {.a = (float)width / (float)preview->cell_width,
                           .e = (float)height / (float)preview->cell_height};
    const Affine centred = {shrink.a, 0, (shrink.a - 1) / 2, 0, shrink.e, (shrink.e - 1) / 2};
    preview->to_stored = affine_multiply(&preview->to_stored, &centred);
    preview->columns = 1 + variants;
    preview->groups = preview->moments > 3 ? 2 : 1;
}

/* Upper left corner of a picture. */
static void place_of(const Preview *preview, int moment, int column, int *x, int *y)
{
    const int group = moment % preview->groups;
    const int row = moment / preview->groups;
    *x = GAP + (group * preview->columns + column) * (preview->cell_width + GAP) + group * 2 * GAP;
    *y = CAPTION + GAP + row * (preview->cell_height + CAPTION + GAP);
}

static Status make_canvas(Preview *preview, Error *err)
{
    enum { DARK = 24 };
    const int rows = (preview->moments + preview->groups - 1) / preview->groups;
    const int width = GAP + preview->groups * preview->columns * (preview->cell_width + GAP) +
                      (preview->groups - 1) * 2 * GAP;
    const int height = CAPTION + GAP + rows * (preview->cell_height + CAPTION + GAP);
    const Status status = image_resize(&preview->canvas, width, height, 3, err);
    if (status == STATUS_OK) {
        image_fill(&preview->canvas, DARK);
    }
    return status;
}

static Status show(Preview *preview, int moment, int column, const AVFrame *frame, Error *err)
{
    Image cell = {0};
    int x0 = 0;
    int y0 = 0;
    place_of(preview, moment, column, &x0, &y0);
    const float larger = (float)frame->width / (float)preview->info.width; /* by frame_enhancer */
    const Affine enlarge = {larger, 0, (larger - 1) / 2, 0, larger, (larger - 1) / 2};
    const Affine map = affine_multiply(&enlarge, &preview->to_stored);
    const Status status =
        frame_view_warp(frame, &map, preview->cell_width, preview->cell_height, -1, &cell, err);
    for (int p = 0; status == STATUS_OK && p < 3; p++) {
        for (int y = 0; y < cell.height; y++) {
            memcpy(preview->canvas.plane[p] + (y0 + y) * preview->canvas.stride + x0,
                   cell.plane[p] + y * cell.stride, (size_t)cell.width * sizeof(float));
        }
    }
    image_free(&cell);
    return status;
}

/* ---- the frames ---- */

static int64_t pts_of(const Preview *preview, double seconds)
{
    return preview->info.first_pts + llrint(seconds / av_q2d(preview->info.time_base));
}

static Status open_at(const Preview *preview, Reader **reader, int64_t pts, Error *err)
{
    const ReaderConfig config = {.path = preview->config->input,
                                 .threads = (int)preview->config->settings->decoder_threads};
    Status status = reader_open(reader, &config, err);
    if (status == STATUS_OK && pts > preview->info.first_pts) {
        status = reader_seek(*reader, pts, err);
    }
    if (status == STATUS_AGAIN) { /* it cannot be sought: all of it is read */
        reader_free(reader);
        status = reader_open(reader, &config, err);
    }
    if (status == STATUS_OK) {
        reader_watch(*reader, &preview->control->stop, &preview->control->work);
    }
    return status;
}

/* The first frame at or behind the moment, or the video's last; with its faces. */
static Status find_frame(const Preview *preview, Reader *reader, FaceWork *faces, int moment, AVFrame *frame,
                         FrameFaces *found, FaceChange *change, Error *err)
{
    const int64_t target = pts_of(preview, preview->asked_s[moment]);
    const int64_t warm = pts_of(preview, preview->asked_s[moment] - face_tracker_warm_up_s());
    AVFrame *next = memory_check(av_frame_alloc());
    Status status = STATUS_OK;
    bool any = false;
    while (status == STATUS_OK && (!any || frame->pts < target)) {
        status = atomic_load(&preview->control->stop) ? STATUS_STOPPED : reader_next(reader, next, err);
        atomic_fetch_add(&preview->control->work, 1);
        if (status == STATUS_OK) {
            av_frame_unref(frame);
            av_frame_move_ref(frame, next);
            any = true;
            if (faces != NULL && frame->pts >= warm) {
                status = face_work_follow(faces, frame, found, change, err);
            }
        }
    }
    av_frame_free(&next);
    if (status == STATUS_EOF && any) {
        return STATUS_OK;
    }
    return status == STATUS_EOF ? error_set(err, ERROR_INPUT, cannot, preview->config->input,
                                            "there is no frame at that moment")
                                : status;
}

static Status show_moment(Preview *preview, FaceWork *faces, int variant, int moment, Error *err)
{
    AVFrame *frame = memory_check(av_frame_alloc());
    FrameFaces *found = memory_alloc(1, sizeof *found);
    Reader *reader = NULL;
    FaceChange change = CHANGE_NOTHING;
    const int64_t warm = pts_of(preview, preview->asked_s[moment] - face_tracker_warm_up_s());
    Status status = faces != NULL ? face_work_restart(faces, err) : STATUS_OK;
    if (status == STATUS_OK) {
        status = open_at(preview, &reader, warm, err);
    }
    if (status == STATUS_OK) {
        status = find_frame(preview, reader, faces, moment, frame, found, &change, err);
    }
    if (status == STATUS_OK && variant == 0) {
        preview->shown_s[moment] =
            (double)(frame->pts - preview->info.first_pts) * av_q2d(preview->info.time_base);
        status = show(preview, moment, 0, frame, err);
    }
    if (status == STATUS_OK && change != CHANGE_NOTHING) {
        preview->changed[moment] = true;
        status = av_frame_make_writable(frame) == 0
                     ? face_work_change(faces, 0, frame, found, err)
                     : error_set(err, ERROR_MEMORY, cannot, preview->config->input, "out of memory");
    }
    if (status == STATUS_OK) {
        status = show(preview, moment, 1 + variant, frame, err);
    }
    reader_free(&reader);
    memory_free(found);
    av_frame_free(&frame);
    return status;
}

static Status show_variant(Preview *preview, const Settings *settings, int variant, Error *err)
{
    const JobConfig *config = preview->config;
    char key[64]; /* each with a record of its own */
    (void)snprintf(key, sizeof key, "%x%s", (unsigned)variant, config->key + 1);
    const FaceWorkConfig work = {
        .settings = settings,
        .input = config->input,
        .source = settings->sources.count > 0 ? settings->sources.items[0] : config->source,
        .people = config->people,
        .folder = config->folder,
        .key = key,
        .info = &preview->info,
        .threads = 1,
        .decoder_threads = (int)settings->decoder_threads,
        .stop = &preview->control->stop,
        .work = &preview->control->work,
    };
    FaceWork *faces = NULL;
    Status status = settings->frame_processors.count > 0 ? face_work_open(&faces, &work, err) : STATUS_OK;
    for (int i = 0; i < preview->moments && status == STATUS_OK; i++) {
        status = show_moment(preview, faces, variant, i, err);
        atomic_fetch_add(&preview->control->frames_done, 1);
    }
    face_work_free(&faces);
    return status;
}

/* ---- the picture ---- */

static void label(Preview *preview)
{
    enum { BRIGHT = 220, PALE = 150 };
    const float unit = 2;
    const TextList *compare = &preview->config->settings->compare;
    for (int group = 0; group < preview->groups && group < preview->moments; group++) {
        for (int column = 0; column < preview->columns; column++) {
            const char *text = column == 0          ? "before"
                               : compare->count > 0 ? compare->items[column - 1]
                                                    : "after";
            int x = 0;
            int y = 0;
            place_of(preview, group, column, &x, &y);
            glyphs_draw(&preview->canvas, text, (Point){(float)x, (float)(y - CAPTION + 4)}, unit, BRIGHT,
                        x + preview->cell_width);
        }
    }
    for (int i = 0; i < preview->moments; i++) {
        char text[96];
        const int hours = (int)(preview->shown_s[i] / 3600);
        const int minutes = (int)(preview->shown_s[i] / 60) - 60 * hours;
        const double rest = preview->shown_s[i] - 60.0 * (60 * hours + minutes);
        int x = 0;
        int y = 0;
        (void)snprintf(text, sizeof text, "%d:%02d:%06.3f%s", hours, minutes, rest,
                       preview->changed[i] ? "" : "  no face is changed");
        place_of(preview, i, 0, &x, &y);
        glyphs_draw(&preview->canvas, text, (Point){(float)x, (float)(y + preview->cell_height + 4)}, unit,
                    PALE, preview->canvas.width);
    }
}

static Status write_picture(const Preview *preview, Error *err)
{
    enum { SCALE = 2 };
    const char *path = preview->config->temporary;
    const StillKind kind = text_ends_with_nocase(preview->config->output, ".png") ? STILL_PNG : STILL_JPG;
    AVPacket *packet = memory_check(av_packet_alloc());
    Status status = picture_encode(&preview->canvas, kind, SCALE, packet, err);
    if (status == STATUS_OK) {
        FILE *file = fopen(path, "we");
        bool good =
            file != NULL && fwrite(packet->data, 1, (size_t)packet->size, file) == (size_t)packet->size;
        if (file != NULL) {
            good = fclose(file) == 0 && good;
        }
        status = good ? STATUS_OK : error_set_errno(err, ERROR_DISK, "cannot write the picture", path, errno);
    }
    av_packet_free(&packet);
    return status;
}

static Status look_at_video(Preview *preview, Error *err)
{
    static const WorkerShape shape = {.execution_threads = 1, .decoder_threads = 1, .encoder_threads = 1};
    Reader *reader = NULL;
    const Status status = open_at(preview, &reader, INT64_MIN, err);
    if (status == STATUS_OK) {
        preview->info = *reader_info(reader);
        if (preview->control->opened != NULL) {
            preview->control->opened(preview->control->context, &preview->info, &shape, &(MemoryEstimate){0});
        }
    }
    reader_free(&reader);
    return status;
}

static void tell(const Preview *preview, VideoResult *result)
{
    ProcessMemory memory = {0};
    (void)meminfo_read_process("/", 0, &memory, NULL);
    result->peak_rss_bytes = memory.peak_rss_bytes;
    result->frames = preview->moments;
    for (int i = 0; i < preview->moments; i++) {
        result->frames_changed += preview->changed[i];
    }
}

Status preview_job_run(const JobConfig *config, JobControl *control, VideoResult *result, Error *err)
{
    Settings variants[PREVIEW_VARIANTS] = {0};
    int count = 0;
    Preview *preview = memory_alloc(1, sizeof *preview);
    *result = (VideoResult){0};
    preview->config = config;
    preview->control = control;
    Status status = preview_variants(config->settings, variants, &count, err);
    if (status == STATUS_OK) {
        status = look_at_video(preview, err);
    }
    if (status == STATUS_OK) {
        status = choose_moments(preview, err);
    }
    if (status == STATUS_OK) {
        lay_out(preview, count);
        status = make_canvas(preview, err);
    }
    for (int i = 0; i < count && status == STATUS_OK; i++) {
        status = show_variant(preview, &variants[i], i, err);
    }
    if (status == STATUS_OK) {
        label(preview);
        tell(preview, result);
        status = write_picture(preview, err);
    }
    for (int i = 0; i < count; i++) {
        settings_free(&variants[i]);
    }
    image_free(&preview->canvas);
    memory_free(preview);
    return status;
}
