#include "media/frame_pool.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>

#include "base/alloc.h"

enum {
    ALIGNMENT = 64,          /* of lines and planes: AVX-512, and what libavcodec asks for at most */
    PLANE_PADDING = 16 + 64, /* decoders read and write a little past a plane's end */
    SIZE_CLASSES = 4,        /* sizes in use at a time: decoder's frames, copies, and those of a new size */
    STALE_AFTER = 64,        /* a size that so many requests did not ask for is given up */
};

typedef struct PoolBuffer {
    FramePool *pool;
    struct PoolBuffer *next; /* in a free list */
    size_t bytes;
    uint8_t *memory;
} PoolBuffer;

typedef struct SizeClass {
    size_t bytes; /* 0: not in use */
    int64_t last_request;
    PoolBuffer *free_list;
} SizeClass;

struct FramePool {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* more room, or stopped */
    /* protected by lock */
    FramePoolStats stats;
    SizeClass classes[SIZE_CLASSES];
    int64_t requests;
    int64_t buffers_out;
    bool stopped;
    bool closed; /* the owner is gone; the last buffer frees the pool */
};

FramePool *frame_pool_new(int64_t budget_bytes)
{
    FramePool *pool = memory_alloc(1, sizeof *pool);
    (void)pthread_mutex_init(&pool->lock, NULL);
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&pool->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    pool->stats.budget_bytes = budget_bytes;
    return pool;
}

static void destroy(FramePool *pool)
{
    (void)pthread_cond_destroy(&pool->changed);
    (void)pthread_mutex_destroy(&pool->lock);
    memory_free(pool);
}

static void free_buffer_locked(FramePool *pool, PoolBuffer *buffer)
{
    pool->stats.allocated_bytes -= (int64_t)buffer->bytes;
    memory_free(buffer->memory);
    memory_free(buffer);
}

static void empty_class_locked(FramePool *pool, SizeClass *class_)
{
    while (class_->free_list != NULL) {
        PoolBuffer *buffer = class_->free_list;
        class_->free_list = buffer->next;
        free_buffer_locked(pool, buffer);
    }
}

static void empty_all_locked(FramePool *pool)
{
    for (int i = 0; i < SIZE_CLASSES; i++) {
        empty_class_locked(pool, &pool->classes[i]);
    }
}

void frame_pool_free(FramePool **pool)
{
    FramePool *p = *pool;
    *pool = NULL;
    if (p == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&p->lock);
    p->closed = true;
    empty_all_locked(p);
    const bool last = p->buffers_out == 0;
    (void)pthread_mutex_unlock(&p->lock);
    if (last) {
        destroy(p);
    }
}

static SizeClass *find_class_locked(FramePool *pool, size_t bytes)
{
    for (int i = 0; i < SIZE_CLASSES; i++) {
        if (pool->classes[i].bytes == bytes) {
            return &pool->classes[i];
        }
    }
    return NULL;
}

/* The class for `bytes`, where need be in the place of the one not asked for for the longest time. */
static SizeClass *use_class_locked(FramePool *pool, size_t bytes)
{
    pool->requests++;
    SizeClass *class_ = find_class_locked(pool, bytes);
    if (class_ == NULL) {
        class_ = &pool->classes[0];
        for (int i = 1; i < SIZE_CLASSES; i++) {
            if (pool->classes[i].last_request < class_->last_request) {
                class_ = &pool->classes[i];
            }
        }
        empty_class_locked(pool, class_);
        class_->bytes = bytes;
    }
    class_->last_request = pool->requests;
    for (int i = 0; i < SIZE_CLASSES; i++) {
        if (pool->requests - pool->classes[i].last_request > STALE_AFTER) {
            empty_class_locked(pool, &pool->classes[i]);
        }
    }
    return class_;
}

static PoolBuffer *take_buffer(FramePool *pool, size_t bytes)
{
    (void)pthread_mutex_lock(&pool->lock);
    SizeClass *class_ = use_class_locked(pool, bytes);
    PoolBuffer *buffer = class_->free_list;
    if (buffer != NULL) {
        class_->free_list = buffer->next;
    } else {
        pool->stats.allocated_bytes += (int64_t)bytes;
        if (pool->stats.allocated_bytes > pool->stats.peak_allocated_bytes) {
            pool->stats.peak_allocated_bytes = pool->stats.allocated_bytes;
        }
    }
    pool->buffers_out++;
    (void)pthread_mutex_unlock(&pool->lock);
    if (buffer != NULL) {
        return buffer;
    }
    buffer = memory_alloc(1, sizeof *buffer);
    *buffer = (PoolBuffer){.pool = pool, .bytes = bytes, .memory = memory_alloc_aligned(bytes)};
    return buffer;
}

static void give_back(PoolBuffer *buffer)
{
    FramePool *pool = buffer->pool;
    (void)pthread_mutex_lock(&pool->lock);
    pool->buffers_out--;
    SizeClass *class_ = find_class_locked(pool, buffer->bytes);
    if (pool->closed || class_ == NULL || buffer->memory == NULL ||
        pool->requests - class_->last_request > STALE_AFTER) {
        free_buffer_locked(pool, buffer);
    } else {
        buffer->next = class_->free_list;
        class_->free_list = buffer;
    }
    const bool last = pool->closed && pool->buffers_out == 0;
    (void)pthread_mutex_unlock(&pool->lock);
    if (last) {
        destroy(pool);
    }
}

static void buffer_unreferenced(void *opaque, uint8_t *data)
{
    (void)data;
    give_back(opaque);
}

/* How a frame lies in one block. */
typedef struct FrameLayout {
    int linesize[4];
    size_t offset[4];
    bool used[4];
    size_t bytes;
} FrameLayout;

static bool lay_out(enum AVPixelFormat format, int width, int height, FrameLayout *layout)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(format);
    *layout = (FrameLayout){0};
    if (desc == NULL || (desc->flags & AV_PIX_FMT_FLAG_HWACCEL) != 0 ||
        av_image_check_size2((unsigned)width, (unsigned)height, INT64_MAX, format, 0, NULL) < 0) {
        return false;
    }
    /* With a multiple of this as width, every plane's line is a multiple of the alignment. */
    const int unit = ALIGNMENT << desc->log2_chroma_w;
    if (width > INT32_MAX - unit ||
        av_image_fill_linesizes(layout->linesize, format, FFALIGN(width, unit)) < 0) {
        return false;
    }
    ptrdiff_t linesizes[4];
    size_t sizes[4];
    for (int i = 0; i < 4; i++) {
        linesizes[i] = layout->linesize[i];
    }
    if (av_image_fill_plane_sizes(sizes, format, height, linesizes) < 0) {
        return false;
    }
    for (int i = 0; i < 4; i++) {
        layout->offset[i] = layout->bytes;
        layout->used[i] = sizes[i] > 0;
        if (layout->used[i]) {
            layout->bytes += FFALIGN(sizes[i] + PLANE_PADDING, (size_t)ALIGNMENT);
        }
    }
    return layout->bytes > 0;
}

/* Gives a frame without buffers its planes; 0 or AVERROR(ENOMEM). */
static int fill_frame(FramePool *pool, const FrameLayout *layout, AVFrame *frame)
{
    PoolBuffer *buffer = take_buffer(pool, layout->bytes);
    if (buffer->memory == NULL) {
        give_back(buffer);
        return AVERROR(ENOMEM);
    }
    frame->buf[0] = av_buffer_create(buffer->memory, buffer->bytes, buffer_unreferenced, buffer, 0);
    if (frame->buf[0] == NULL) {
        give_back(buffer);
        return AVERROR(ENOMEM);
    }
    for (int i = 0; i < 4; i++) {
        frame->data[i] = layout->used[i] ? buffer->memory + layout->offset[i] : NULL;
        frame->linesize[i] = layout->linesize[i];
    }
    frame->extended_data = frame->data;
    return 0;
}

/* Called by the decoder, also from its threads. */
static int get_decoder_buffer(AVCodecContext *decoder, AVFrame *frame, int flags)
{
    int width = frame->width;
    int height = frame->height;
    int alignment[AV_NUM_DATA_POINTERS] = {0};
    FrameLayout layout;
    const bool direct = decoder->codec != NULL && (decoder->codec->capabilities & AV_CODEC_CAP_DR1) != 0;
    if (decoder->codec_type != AVMEDIA_TYPE_VIDEO || decoder->hw_frames_ctx != NULL || !direct) {
        return avcodec_default_get_buffer2(decoder, frame, flags);
    }
    avcodec_align_dimensions2(decoder, &width, &height, alignment);
    for (int i = 0; i < AV_NUM_DATA_POINTERS; i++) {
        if (alignment[i] > ALIGNMENT) {
            return avcodec_default_get_buffer2(decoder, frame, flags);
        }
    }
    if (!lay_out((enum AVPixelFormat)frame->format, width, height, &layout)) {
        return avcodec_default_get_buffer2(decoder, frame, flags);
    }
    return fill_frame(decoder->opaque, &layout, frame);
}

void frame_pool_attach(FramePool *pool, AVCodecContext *decoder)
{
    decoder->opaque = pool;
    decoder->get_buffer2 = get_decoder_buffer;
#if LIBAVCODEC_VERSION_MAJOR < 60
    /* Deprecated because it is always so from 60 on. Before, intra-only codecs decode on one thread without.
     */
    _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wdeprecated-declarations\"");
    decoder->thread_safe_callbacks = 1;
    _Pragma("GCC diagnostic pop");
#endif
}

int64_t frame_pool_frame_bytes(enum AVPixelFormat format, int width, int height)
{
    FrameLayout layout;
    return lay_out(format, width, height, &layout) ? (int64_t)layout.bytes : 0;
}

static bool fits_locked(const FramePool *pool, int64_t bytes)
{
    return pool->stats.reserved_bytes == 0 || bytes <= pool->stats.budget_bytes - pool->stats.reserved_bytes;
}

static void grant_locked(FramePool *pool, int64_t bytes)
{
    FramePoolStats *stats = &pool->stats;
    stats->over_budget += bytes > stats->budget_bytes - stats->reserved_bytes;
    stats->reserved_bytes += bytes;
    if (stats->reserved_bytes > stats->peak_reserved_bytes) {
        stats->peak_reserved_bytes = stats->reserved_bytes;
    }
}

static struct timespec deadline_after(int wait_ms)
{
    struct timespec deadline;
    (void)clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_sec += wait_ms / 1000;
    deadline.tv_nsec += (long)(wait_ms % 1000) * 1000000;
    if (deadline.tv_nsec >= 1000000000) {
        deadline.tv_sec++;
        deadline.tv_nsec -= 1000000000;
    }
    return deadline;
}

static Status reserve(FramePool *pool, int64_t bytes, const struct timespec *deadline)
{
    (void)pthread_mutex_lock(&pool->lock);
    bool waited = false;
    int error = 0;
    while (!pool->stopped && !fits_locked(pool, bytes) && error != ETIMEDOUT) {
        waited = true;
        error = deadline != NULL ? pthread_cond_timedwait(&pool->changed, &pool->lock, deadline)
                                 : pthread_cond_wait(&pool->changed, &pool->lock);
    }
    pool->stats.waits += waited;
    Status status = STATUS_OK;
    if (pool->stopped) {
        status = STATUS_STOPPED;
    } else if (!fits_locked(pool, bytes)) {
        status = STATUS_AGAIN;
    } else {
        grant_locked(pool, bytes);
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return status;
}

Status frame_pool_reserve(FramePool *pool, int64_t bytes)
{
    return reserve(pool, bytes, NULL);
}

Status frame_pool_reserve_within(FramePool *pool, int64_t bytes, int wait_ms)
{
    const struct timespec deadline = deadline_after(wait_ms);
    return reserve(pool, bytes, &deadline);
}

void frame_pool_release(FramePool *pool, int64_t bytes)
{
    (void)pthread_mutex_lock(&pool->lock);
    pool->stats.reserved_bytes -= bytes;
    (void)pthread_cond_broadcast(&pool->changed);
    (void)pthread_mutex_unlock(&pool->lock);
}

void frame_pool_stop(FramePool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    pool->stopped = true;
    (void)pthread_cond_broadcast(&pool->changed);
    (void)pthread_mutex_unlock(&pool->lock);
}

void frame_pool_set_budget(FramePool *pool, int64_t budget_bytes)
{
    (void)pthread_mutex_lock(&pool->lock);
    if (budget_bytes < pool->stats.budget_bytes) {
        empty_all_locked(pool);
    }
    pool->stats.budget_bytes = budget_bytes;
    (void)pthread_cond_broadcast(&pool->changed);
    (void)pthread_mutex_unlock(&pool->lock);
}

Status frame_pool_new_frame(FramePool *pool, enum AVPixelFormat format, int width, int height, AVFrame *frame,
                            Error *err)
{
    FrameLayout layout;
    if (!lay_out(format, width, height, &layout)) {
        return error_setf(err, ERROR_INTERNAL, "cannot make a frame", NULL, "impossible shape %d x %d", width,
                          height);
    }
    av_frame_unref(frame);
    if (fill_frame(pool, &layout, frame) < 0) {
        return error_setf(err, ERROR_MEMORY, "cannot make a frame", NULL, "no memory for %d x %d pixels",
                          width, height);
    }
    frame->format = format;
    frame->width = width;
    frame->height = height;
    return STATUS_OK;
}

Status frame_pool_make_writable(FramePool *pool, AVFrame *frame, Error *err)
{
    if (av_frame_is_writable(frame)) {
        return STATUS_OK;
    }
    AVFrame *copy = av_frame_alloc();
    if (copy == NULL) {
        return error_set(err, ERROR_MEMORY, "cannot copy a frame", NULL, "no memory");
    }
    Status status =
        frame_pool_new_frame(pool, (enum AVPixelFormat)frame->format, frame->width, frame->height, copy, err);
    if (status == STATUS_OK && (av_frame_copy(copy, frame) < 0 || av_frame_copy_props(copy, frame) < 0)) {
        status = error_set(err, ERROR_MEMORY, "cannot copy a frame", NULL, "no memory");
    }
    if (status == STATUS_OK) {
        av_frame_unref(frame);
        av_frame_move_ref(frame, copy);
    }
    av_frame_free(&copy);
    return status;
}

FramePoolStats frame_pool_stats(FramePool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    const FramePoolStats stats = pool->stats;
    (void)pthread_mutex_unlock(&pool->lock);
    return stats;
}
