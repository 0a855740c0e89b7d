#include "media/frame_files.h"

#include <libavutil/avutil.h>
#include <limits.h>
#include <pthread.h>
#include <time.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/text.h"
#include "media/frame_difference.h"
#include "media/frame_picture.h"

enum {
    AHEAD = 2,    /* frames of the next chunk written for each one given */
    WAIT_MS = 20, /* for room; then the caller looks whether it is to stop */
    FIRST_CAPACITY = 64,
};

/* A frame whose file is there. */
typedef struct Entry {
    int64_t pts;
    int64_t chunk;
    int64_t bytes;
    uint64_t note;
    AVFrame *properties; /* until it is given */
} Entry;

struct FrameFiles {
    FrameFilesConfig config;
    FramePictures pictures;
    /* of the reader's thread */
    AVFrame *pending; /* read, but not written yet */
    uint64_t pending_note;
    bool has_pending;
    bool ended;
    int64_t chunk; /* of the pending frame; counted from 0 */
    int64_t pts_before;
    int64_t written;          /* number of the next frame to write */
    int64_t given;            /* of the next frame to give */
    int64_t measured_chunk;   /* -1: none */
    FrameDifference measured; /* of the first frame of each chunk */
    pthread_mutex_t lock;
    pthread_cond_t taken;
    /* protected by lock: a ring of the frames that have files, numbers `first` to `first` + count - 1 */
    Entry *ring;
    int64_t capacity;
    int64_t first;
    int64_t count;
    FrameFilesStats stats;
};

/* ---- opening and freeing ---- */

static Status out_of_memory(Error *err)
{
    return error_set(err, ERROR_MEMORY, "cannot use frame files", NULL, "out of memory");
}

/* roop's way from 0..100 to 1..31. */
static int jpeg_scale(int quality)
{
    const int scale = quality * 31 / 100;
    return scale < 1 ? 1 : scale;
}

Status frame_files_make(const char *folder, bool keep, Error *err)
{
    return frame_folder_make(folder, keep, err);
}

Status frame_files_open(FrameFiles **files, const FrameFilesConfig *config, Error *err)
{
    FrameFiles *f = memory_alloc(1, sizeof *f);
    f->config = *config;
    f->config.folder = NULL; /* the folder knows its own */
    f->pictures = (FramePictures){
        .folder.fd = -1, .pool = config->pool, .kind = config->kind, .scale = jpeg_scale(config->quality)};
    f->pts_before = AV_NOPTS_VALUE;
    f->first = f->written = f->given = config->first;
    f->measured_chunk = -1;
    (void)pthread_mutex_init(&f->lock, NULL);
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&f->taken, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    f->pending = av_frame_alloc();
    const char *extension = config->kind == STILL_PNG ? "png" : "jpg";
    Status status =
        f->pending != NULL ? frame_folder_make(config->folder, config->keep, err) : out_of_memory(err);
    if (status == STATUS_OK) {
        status = frame_folder_open(&f->pictures.folder, config->folder, extension, err);
    }
    if (status == STATUS_OK) {
        status =
            frame_folder_clean(&f->pictures.folder, config->keep ? config->first : 0, INT_MAX, NULL, err);
    }
    if (status == STATUS_OK) {
        log_info("frames go through files (%s) in %s%s", extension, config->folder,
                 config->keep ? ", where they are kept" : "");
    } else {
        frame_files_free(&f);
    }
    *files = f;
    return status;
}

static Entry *entry_locked(FrameFiles *files, int64_t number)
{
    return &files->ring[number % files->capacity];
}

static void tell(const FrameFiles *files)
{
    if (files->measured.frames > 0) {
        Text text = {0};
        frame_difference_tell(&files->measured, &text);
        log_info("frame files: %d compared with the frames that went in: %s", files->measured.frames,
                 text.data);
        text_free(&text);
    }
    log_info("frame files: at most %lld at a time, %lld bytes", (long long)files->stats.peak_files,
             (long long)files->stats.peak_bytes);
    if (files->config.keep) {
        log_info("frame files: %lld of %lld bytes are kept in %s", (long long)files->stats.kept_files,
                 (long long)files->stats.kept_bytes, files->pictures.folder.path);
    }
}

void frame_files_free(FrameFiles **files)
{
    FrameFiles *f = *files;
    *files = NULL;
    if (f == NULL) {
        return;
    }
    for (int64_t i = f->first; i < f->first + f->count; i++) {
        frame_folder_remove(&f->pictures.folder, i);
        av_frame_free(&entry_locked(f, i)->properties);
    }
    if (f->stats.peak_files > 0) {
        tell(f);
    }
    frame_folder_close(&f->pictures.folder);
    memory_free(f->ring);
    av_frame_free(&f->pending);
    (void)pthread_cond_destroy(&f->taken);
    (void)pthread_mutex_destroy(&f->lock);
    memory_free(f);
}

bool frame_files_clear(const char *folder, int most)
{
    FrameFolder opened;
    bool done = true;
    if (frame_folder_open(&opened, folder, "", NULL) == STATUS_OK) {
        (void)frame_folder_clean(&opened, 0, most, &done, NULL);
    }
    frame_folder_close(&opened);
    return done;
}

FrameFilesStats frame_files_stats(FrameFiles *files)
{
    (void)pthread_mutex_lock(&files->lock);
    const FrameFilesStats stats = files->stats;
    (void)pthread_mutex_unlock(&files->lock);
    return stats;
}

/* ---- the reader's thread ---- */

/* Without buffers: what av_frame_copy_props leaves out is format and size. */
static AVFrame *properties_of(const AVFrame *frame)
{
    AVFrame *properties = av_frame_alloc();
    if (properties != NULL && av_frame_copy_props(properties, frame) < 0) {
        av_frame_free(&properties);
    }
    if (properties != NULL) {
        properties->format = frame->format;
        properties->width = frame->width;
        properties->height = frame->height;
    }
    return properties;
}

static void grow_locked(FrameFiles *files)
{
    if (files->count < files->capacity) {
        return;
    }
    const int64_t capacity = files->capacity > 0 ? 2 * files->capacity : FIRST_CAPACITY;
    Entry *ring = memory_alloc((size_t)capacity, sizeof *ring);
    for (int64_t i = files->first; i < files->first + files->count; i++) {
        ring[i % capacity] = *entry_locked(files, i);
    }
    memory_free(files->ring);
    files->ring = ring;
    files->capacity = capacity;
}

static void add(FrameFiles *files, Entry entry)
{
    (void)pthread_mutex_lock(&files->lock);
    grow_locked(files);
    *entry_locked(files, files->first + files->count) = entry;
    files->count++;
    FrameFilesStats *stats = &files->stats;
    stats->files++;
    stats->bytes += entry.bytes;
    stats->peak_files = FFMAX(stats->peak_files, stats->files);
    stats->peak_bytes = FFMAX(stats->peak_bytes, stats->bytes);
    (void)pthread_mutex_unlock(&files->lock);
}

/* Whether a file of this chunk may be written: there are none of a chunk before the one before it. */
static bool has_room(FrameFiles *files, int wait_ms)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)wait_ms * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    (void)pthread_mutex_lock(&files->lock);
    int code = 0;
    bool room = false;
    for (;;) {
        room = files->count == 0 || entry_locked(files, files->first)->chunk + 1 >= files->chunk;
        if (room || wait_ms == 0 || code != 0) {
            break;
        }
        code = pthread_cond_timedwait(&files->taken, &files->lock, &until);
    }
    (void)pthread_mutex_unlock(&files->lock);
    return room;
}

/* Reads the next frame to write, if none is waiting. */
static Status fetch(FrameFiles *files, Error *err)
{
    const FrameFilesConfig *config = &files->config;
    if (files->has_pending || files->ended) {
        return files->has_pending ? STATUS_OK : STATUS_EOF;
    }
    const Status status = config->read(config->context, files->pending, &files->pending_note, err);
    if (status == STATUS_OK) {
        files->has_pending = true;
        if (files->pts_before != AV_NOPTS_VALUE &&
            config->begins_chunk(config->context, files->pending->pts, files->pts_before)) {
            files->chunk++;
        }
        files->pts_before = files->pending->pts;
    }
    files->ended = status == STATUS_EOF;
    return status;
}

static Status measure(FrameFiles *files, int64_t number, Error *err)
{
    AVFrame *back = av_frame_alloc();
    int64_t bytes = 0;
    const Status status =
        back != NULL ? frame_picture_load(&files->pictures, number, files->pending, back, &bytes, err)
                     : out_of_memory(err);
    if (status == STATUS_OK) {
        frame_difference_add(&files->measured, files->pending, back);
    }
    av_frame_free(&back);
    return status;
}

/* Writes one more file. STATUS_AGAIN: there is no room yet. */
static Status write_one(FrameFiles *files, int wait_ms, Error *err)
{
    Status status = fetch(files, err);
    if (status == STATUS_OK && !has_room(files, wait_ms)) {
        status = STATUS_AGAIN;
    }
    if (status != STATUS_OK) {
        return status;
    }
    const int64_t number = files->written;
    Entry entry = {.pts = files->pending->pts, .chunk = files->chunk, .note = files->pending_note};
    entry.properties = properties_of(files->pending);
    status = entry.properties != NULL
                 ? frame_picture_save(&files->pictures, number, files->pending, &entry.bytes, err)
                 : out_of_memory(err);
    if (status == STATUS_OK) {
        add(files, entry);
        files->written++;
        if (files->measured_chunk != files->chunk) {
            files->measured_chunk = files->chunk;
            status = measure(files, number, err);
        }
    } else {
        av_frame_free(&entry.properties);
    }
    av_frame_unref(files->pending);
    files->has_pending = false;
    return status;
}

/* The frame to give next, and whether its whole chunk is in files. */
static bool is_ready(FrameFiles *files, Entry *entry)
{
    if (files->given == files->written) {
        return false;
    }
    (void)pthread_mutex_lock(&files->lock);
    *entry = *entry_locked(files, files->given);
    (void)pthread_mutex_unlock(&files->lock);
    return files->ended || files->chunk > entry->chunk;
}

static Status give(FrameFiles *files, Entry *entry, AVFrame *frame, uint64_t *note, Error *err)
{
    int64_t bytes = 0;
    if (frame_picture_load(&files->pictures, files->given, entry->properties, frame, &bytes, err) !=
        STATUS_OK) {
        return STATUS_FAILED;
    }
    *note = entry->note;
    (void)pthread_mutex_lock(&files->lock);
    av_frame_free(&entry_locked(files, files->given)->properties);
    (void)pthread_mutex_unlock(&files->lock);
    files->given++;
    return STATUS_OK;
}

Status frame_files_next(FrameFiles *files, AVFrame *frame, uint64_t *note, Error *err)
{
    Entry entry;
    if (!is_ready(files, &entry)) {
        if (files->ended && files->given == files->written) {
            return STATUS_EOF;
        }
        const Status status = write_one(files, WAIT_MS, err);
        return status == STATUS_OK || status == STATUS_EOF ? STATUS_AGAIN : status;
    }
    Status status = STATUS_OK;
    for (int i = 0; i < AHEAD && status == STATUS_OK; i++) {
        status = write_one(files, 0, err);
    }
    if (status != STATUS_OK && status != STATUS_EOF && status != STATUS_AGAIN) {
        return status;
    }
    return give(files, &entry, frame, note, err);
}

/* ---- the other threads ---- */

/* The number of a frame that was given and not taken, -1 when there is none of these pts. */
static int64_t find(FrameFiles *files, int64_t pts)
{
    (void)pthread_mutex_lock(&files->lock);
    int64_t low = files->first;
    int64_t high = files->first + files->count;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (entry_locked(files, middle)->pts < pts) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    const bool found = low < files->first + files->count && entry_locked(files, low)->pts == pts;
    (void)pthread_mutex_unlock(&files->lock);
    return found ? low : -1;
}

static Status unknown_frame(Error *err)
{
    return error_set(err, ERROR_INTERNAL, "cannot use frame files", NULL, "there is no such frame");
}

Status frame_files_replace(FrameFiles *files, const AVFrame *frame, Error *err)
{
    int64_t bytes = 0;
    const int64_t number = find(files, frame->pts);
    if (number < 0) {
        return unknown_frame(err);
    }
    if (frame_picture_save(&files->pictures, number, frame, &bytes, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    (void)pthread_mutex_lock(&files->lock);
    Entry *entry = entry_locked(files, number);
    files->stats.bytes += bytes - entry->bytes;
    files->stats.peak_bytes = FFMAX(files->stats.peak_bytes, files->stats.bytes);
    entry->bytes = bytes;
    (void)pthread_mutex_unlock(&files->lock);
    return STATUS_OK;
}

static void be_done_with_first(FrameFiles *files, int64_t bytes)
{
    (void)pthread_mutex_lock(&files->lock);
    FrameFilesStats *stats = &files->stats;
    stats->files--;
    stats->bytes -= entry_locked(files, files->first)->bytes;
    stats->kept_files += files->config.keep;
    stats->kept_bytes += files->config.keep ? bytes : 0;
    files->first++;
    files->count--;
    (void)pthread_cond_signal(&files->taken);
    (void)pthread_mutex_unlock(&files->lock);
}

Status frame_files_take(FrameFiles *files, const AVFrame *frame, AVFrame *picture, Error *err)
{
    int64_t bytes = 0;
    const int64_t number = find(files, frame->pts);
    if (number < 0 || number != files->first) {
        return unknown_frame(err);
    }
    if (frame_picture_load(&files->pictures, number, frame, picture, &bytes, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    if (!files->config.keep) {
        frame_folder_remove(&files->pictures.folder, number);
    }
    be_done_with_first(files, bytes);
    return STATUS_OK;
}
