#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <libavutil/imgutils.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>

#include "base/clock.h"
#include "media/frame_pool.h"

/* A short clip as packets, made here so that the test needs no file. */
typedef struct Clip {
    AVPacket *packet[64];
    int count;
    AVCodecParameters *parameters;
} Clip;

static void paint(AVFrame *frame, int number)
{
    const int planes = av_pix_fmt_count_planes((enum AVPixelFormat)frame->format);
    for (int i = 0; i < planes; i++) {
        const int height = i == 0 ? frame->height : AV_CEIL_RSHIFT(frame->height, 1);
        const int bytes = av_image_get_linesize((enum AVPixelFormat)frame->format, frame->width, i);
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < bytes; x++) {
                frame->data[i][y * frame->linesize[i] + x] = (uint8_t)(x * 3 + y * 5 + number * 7 + i * 50);
            }
        }
    }
}

static void encode(AVCodecContext *encoder, const AVFrame *frame, Clip *clip)
{
    assert_true(avcodec_send_frame(encoder, frame) >= 0);
    for (;;) {
        AVPacket *packet = av_packet_alloc();
        if (avcodec_receive_packet(encoder, packet) < 0) {
            av_packet_free(&packet);
            return;
        }
        clip->packet[clip->count++] = packet;
    }
}

static void make_clip(Clip *clip, enum AVCodecID id, int width, int height, int frames)
{
    *clip = (Clip){.parameters = avcodec_parameters_alloc()};
    const AVCodec *codec = avcodec_find_encoder(id);
    assert_non_null(codec);
    AVCodecContext *encoder = avcodec_alloc_context3(codec);
    encoder->width = width;
    encoder->height = height;
    encoder->pix_fmt = AV_PIX_FMT_YUV420P;
    encoder->time_base = (AVRational){1, 25};
    encoder->max_b_frames = id == AV_CODEC_ID_MPEG4 ? 2 : 0;
    assert_true(avcodec_open2(encoder, codec, NULL) >= 0);
    assert_true(avcodec_parameters_from_context(clip->parameters, encoder) >= 0);
    AVFrame *frame = av_frame_alloc();
    frame->format = AV_PIX_FMT_YUV420P;
    frame->width = width;
    frame->height = height;
    assert_true(av_frame_get_buffer(frame, 0) >= 0);
    for (int i = 0; i < frames; i++) {
        assert_true(av_frame_make_writable(frame) >= 0);
        paint(frame, i);
        frame->pts = i;
        encode(encoder, frame, clip);
    }
    encode(encoder, NULL, clip);
    av_frame_free(&frame);
    avcodec_free_context(&encoder);
}

static void free_clip(Clip *clip)
{
    for (int i = 0; i < clip->count; i++) {
        av_packet_free(&clip->packet[i]);
    }
    avcodec_parameters_free(&clip->parameters);
}

/* Decodes all into `frames` and returns how many; `pool` may be NULL. */
static int decode(const Clip *clip, FramePool *pool, int threads, AVFrame *frames[64])
{
    AVCodecContext *decoder = avcodec_alloc_context3(avcodec_find_decoder(clip->parameters->codec_id));
    assert_true(avcodec_parameters_to_context(decoder, clip->parameters) >= 0);
    decoder->thread_count = threads;
    if (pool != NULL) {
        frame_pool_attach(pool, decoder);
    }
    assert_true(avcodec_open2(decoder, NULL, NULL) >= 0);
    int count = 0;
    for (int i = 0; i <= clip->count; i++) {
        assert_true(avcodec_send_packet(decoder, i < clip->count ? clip->packet[i] : NULL) >= 0);
        for (;;) {
            frames[count] = av_frame_alloc();
            if (avcodec_receive_frame(decoder, frames[count]) < 0) {
                av_frame_free(&frames[count]);
                break;
            }
            count++;
        }
    }
    avcodec_free_context(&decoder);
    return count;
}

static void free_frames(AVFrame **frames, int count)
{
    for (int i = 0; i < count; i++) {
        av_frame_free(&frames[i]);
    }
}

static void assert_same_picture(const AVFrame *a, const AVFrame *b)
{
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    assert_int_equal(a->format, b->format);
    assert_int_equal(a->pts, b->pts);
    for (int i = 0; i < 3; i++) {
        const int bytes = av_image_get_linesize((enum AVPixelFormat)a->format, a->width, i);
        const int height = i == 0 ? a->height : AV_CEIL_RSHIFT(a->height, 1);
        for (int y = 0; y < height; y++) {
            assert_memory_equal(a->data[i] + y * a->linesize[i], b->data[i] + y * b->linesize[i],
                                (size_t)bytes);
        }
    }
}

/* The pool's own accounting: with nothing out, a smaller budget gives all memory back. */
static void assert_all_given_back(FramePool *pool)
{
    frame_pool_set_budget(pool, frame_pool_stats(pool).budget_bytes - 1);
    const FramePoolStats stats = frame_pool_stats(pool);
    assert_int_equal(stats.allocated_bytes, 0);
    assert_int_equal(stats.reserved_bytes, 0);
}

static void decoders_get_their_buffers(void **state)
{
    (void)state;
    static const struct {
        enum AVCodecID id;
        int width, height, threads;
    } cases[] = {
        {AV_CODEC_ID_MPEG4, 176, 144, 1}, {AV_CODEC_ID_MPEG4, 50, 38, 1}, {AV_CODEC_ID_FFV1, 97, 33, 1},
        {AV_CODEC_ID_MPEG4, 50, 38, 3},   {AV_CODEC_ID_FFV1, 97, 33, 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Clip clip;
        make_clip(&clip, cases[i].id, cases[i].width, cases[i].height, 20);
        FramePool *pool = frame_pool_new(1000000);
        AVFrame *expected[64];
        AVFrame *got[64];
        assert_int_equal(decode(&clip, NULL, 1, expected), 20);
        assert_int_equal(decode(&clip, pool, cases[i].threads, got), 20);
        for (int k = 0; k < 20; k++) {
            assert_same_picture(expected[k], got[k]);
            assert_int_equal((uintptr_t)got[k]->data[0] % 32, 0);
            assert_int_equal(got[k]->linesize[1] % 64, 0);
        }
        assert_true(frame_pool_stats(pool).allocated_bytes >= 20 * cases[i].width * cases[i].height);
        free_frames(expected, 20);
        free_frames(got, 20);
        assert_all_given_back(pool);
        frame_pool_free(&pool);
        free_clip(&clip);
    }
}

static void decoding_recycles(void **state)
{
    (void)state;
    Clip clip;
    make_clip(&clip, AV_CODEC_ID_MPEG4, 64, 48, 40);
    FramePool *pool = frame_pool_new(1000000);
    int64_t peak = 0;
    for (int round = 0; round < 3; round++) {
        AVFrame *frames[64];
        assert_int_equal(decode(&clip, pool, 1, frames), 40);
        free_frames(frames, 40);
        const int64_t now = frame_pool_stats(pool).peak_allocated_bytes;
        assert_true(round == 0 || now == peak);
        peak = now;
    }
    frame_pool_free(&pool);
    free_clip(&clip);
}

static void frames_outlive_the_pool(void **state)
{
    (void)state;
    Clip clip;
    make_clip(&clip, AV_CODEC_ID_FFV1, 64, 48, 5);
    FramePool *pool = frame_pool_new(1000000);
    AVFrame *frames[64];
    assert_int_equal(decode(&clip, pool, 1, frames), 5);
    frame_pool_free(&pool);
    assert_null(pool);
    frame_pool_free(&pool);
    for (int i = 0; i < 5; i++) {
        frames[i]->data[0][0]++;
    }
    free_frames(frames, 5);
    free_clip(&clip);
}

static void new_frames_are_laid_out_as_told(void **state)
{
    (void)state;
    static const enum AVPixelFormat formats[] = {AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUV420P10LE,
                                                 AV_PIX_FMT_NV12,    AV_PIX_FMT_RGB24,
                                                 AV_PIX_FMT_YUV410P, AV_PIX_FMT_GBRAP};
    FramePool *pool = frame_pool_new(0);
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        AVFrame *frame = av_frame_alloc();
        assert_int_equal(frame_pool_new_frame(pool, formats[i], 101, 37, frame, NULL), STATUS_OK);
        const int64_t bytes = frame_pool_frame_bytes(formats[i], 101, 37);
        assert_int_equal(frame_pool_stats(pool).allocated_bytes, bytes);
        assert_int_equal(frame->buf[0]->size, bytes);
        assert_true(av_frame_is_writable(frame));
        const int planes = av_pix_fmt_count_planes(formats[i]);
        for (int k = 0; k < planes; k++) {
            assert_int_equal((uintptr_t)frame->data[k] % 64, 0);
            assert_int_equal(frame->linesize[k] % 64, 0);
            assert_true(frame->linesize[k] >= av_image_get_linesize(formats[i], 101, k));
            const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(formats[i]);
            const int height = k == 1 || k == 2 ? AV_CEIL_RSHIFT(37, desc->log2_chroma_h) : 37;
            const uint8_t *end = frame->data[k] + (ptrdiff_t)frame->linesize[k] * height;
            assert_true(end <= (k + 1 < planes ? frame->data[k + 1] : frame->buf[0]->data + bytes));
        }
        av_frame_free(&frame);
        assert_all_given_back(pool);
    }
    assert_int_equal(frame_pool_frame_bytes(AV_PIX_FMT_YUV420P, 0, 10), 0);
    assert_int_equal(frame_pool_frame_bytes(AV_PIX_FMT_NONE, 10, 10), 0);
    AVFrame *frame = av_frame_alloc();
    Error err = {0};
    assert_int_equal(frame_pool_new_frame(pool, AV_PIX_FMT_VAAPI, 10, 10, frame, &err), STATUS_FAILED);
    assert_int_equal(err.class_, ERROR_INTERNAL);
    av_frame_free(&frame);
    frame_pool_free(&pool);
}

static void make_writable_copies_only_what_is_shared(void **state)
{
    (void)state;
    FramePool *pool = frame_pool_new(0);
    AVFrame *frame = av_frame_alloc();
    AVFrame *other = av_frame_alloc();
    assert_int_equal(frame_pool_new_frame(pool, AV_PIX_FMT_YUV420P, 33, 17, frame, NULL), STATUS_OK);
    paint(frame, 1);
    frame->pts = 1234;
    frame->colorspace = AVCOL_SPC_BT709;
    frame->sample_aspect_ratio = (AVRational){4, 3};
    const uint8_t *data = frame->data[0];
    assert_int_equal(frame_pool_make_writable(pool, frame, NULL), STATUS_OK);
    assert_ptr_equal(frame->data[0], data);

    assert_true(av_frame_ref(other, frame) >= 0);
    assert_int_equal(frame_pool_make_writable(pool, frame, NULL), STATUS_OK);
    assert_ptr_not_equal(frame->data[0], data);
    assert_true(av_frame_is_writable(frame));
    assert_true(av_frame_is_writable(other));
    assert_same_picture(frame, other);
    assert_int_equal(frame->pts, 1234);
    assert_int_equal(frame->colorspace, AVCOL_SPC_BT709);
    assert_int_equal(frame->sample_aspect_ratio.num, 4);
    assert_int_equal(frame_pool_stats(pool).allocated_bytes,
                     2 * frame_pool_frame_bytes(AV_PIX_FMT_YUV420P, 33, 17));
    av_frame_free(&frame);
    av_frame_free(&other);
    assert_all_given_back(pool);
    frame_pool_free(&pool);
}

static void ask_for(FramePool *pool, int width, int times)
{
    AVFrame *frame = av_frame_alloc();
    for (int i = 0; i < times; i++) {
        assert_int_equal(frame_pool_new_frame(pool, AV_PIX_FMT_GRAY8, width, 64, frame, NULL), STATUS_OK);
        av_frame_unref(frame);
    }
    av_frame_free(&frame);
}

static void buffers_of_old_sizes_are_freed(void **state)
{
    (void)state;
    FramePool *pool = frame_pool_new(0);
    AVFrame *old[8];
    for (int i = 0; i < 8; i++) {
        old[i] = av_frame_alloc();
        assert_int_equal(frame_pool_new_frame(pool, AV_PIX_FMT_GRAY8, 640, 64, old[i], NULL), STATUS_OK);
    }
    free_frames(old, 8);
    assert_int_equal(frame_pool_stats(pool).allocated_bytes,
                     8 * frame_pool_frame_bytes(AV_PIX_FMT_GRAY8, 640, 64));
    ask_for(pool, 320, 100);
    assert_int_equal(frame_pool_stats(pool).allocated_bytes,
                     frame_pool_frame_bytes(AV_PIX_FMT_GRAY8, 320, 64));
    /* More sizes at a time than are kept. */
    for (int width = 64; width <= 64 * 9; width += 64) {
        ask_for(pool, width, 1);
    }
    assert_true(frame_pool_stats(pool).allocated_bytes <=
                4 * frame_pool_frame_bytes(AV_PIX_FMT_GRAY8, 64 * 9, 64));
    assert_all_given_back(pool);
    frame_pool_free(&pool);
}

static void a_lone_reservation_is_always_granted(void **state)
{
    (void)state;
    FramePool *pool = frame_pool_new(100);
    assert_int_equal(frame_pool_reserve(pool, 60), STATUS_OK);
    assert_int_equal(frame_pool_reserve(pool, 40), STATUS_OK);
    assert_int_equal(frame_pool_stats(pool).over_budget, 0);
    assert_int_equal(frame_pool_reserve_within(pool, 1, 1), STATUS_AGAIN);
    frame_pool_release(pool, 60);
    assert_int_equal(frame_pool_reserve_within(pool, 61, 0), STATUS_AGAIN);
    assert_int_equal(frame_pool_reserve_within(pool, 60, 0), STATUS_OK);
    frame_pool_release(pool, 100);
    assert_int_equal(frame_pool_reserve(pool, 101), STATUS_OK);
    FramePoolStats stats = frame_pool_stats(pool);
    assert_int_equal(stats.over_budget, 1);
    assert_int_equal(stats.peak_reserved_bytes, 101);
    assert_int_equal(stats.waits, 2);
    frame_pool_release(pool, 101);
    assert_all_given_back(pool);
    frame_pool_free(&pool);
}

typedef struct Waiter {
    FramePool *pool;
    int64_t bytes;
    atomic_int status; /* 100 until it returns */
    pthread_t thread;
} Waiter;

static void *wait_for_room(void *context)
{
    Waiter *waiter = context;
    atomic_store(&waiter->status, (int)frame_pool_reserve(waiter->pool, waiter->bytes));
    return NULL;
}

static void start_waiter(Waiter *waiter, FramePool *pool, int64_t bytes)
{
    waiter->pool = pool;
    waiter->bytes = bytes;
    atomic_init(&waiter->status, 100);
    assert_int_equal(pthread_create(&waiter->thread, NULL, wait_for_room, waiter), 0);
}

static void pause_ms(int ms)
{
    (void)usleep((useconds_t)ms * 1000);
}

static void waiters_wake(void **state)
{
    (void)state;
    FramePool *pool = frame_pool_new(100);
    assert_int_equal(frame_pool_reserve(pool, 90), STATUS_OK);
    Waiter a;
    start_waiter(&a, pool, 50);
    pause_ms(20);
    assert_int_equal(atomic_load(&a.status), 100);
    frame_pool_release(pool, 90);
    assert_int_equal(pthread_join(a.thread, NULL), 0);
    assert_int_equal(atomic_load(&a.status), STATUS_OK);

    start_waiter(&a, pool, 80);
    pause_ms(20);
    assert_int_equal(atomic_load(&a.status), 100);
    frame_pool_set_budget(pool, 130);
    assert_int_equal(pthread_join(a.thread, NULL), 0);
    assert_int_equal(atomic_load(&a.status), STATUS_OK);

    Waiter b;
    start_waiter(&a, pool, 1);
    start_waiter(&b, pool, 2);
    pause_ms(20);
    frame_pool_stop(pool);
    assert_int_equal(pthread_join(a.thread, NULL), 0);
    assert_int_equal(pthread_join(b.thread, NULL), 0);
    assert_int_equal(atomic_load(&a.status), STATUS_STOPPED);
    assert_int_equal(atomic_load(&b.status), STATUS_STOPPED);
    frame_pool_release(pool, 130);
    assert_int_equal(frame_pool_reserve(pool, 1), STATUS_STOPPED);
    frame_pool_free(&pool);
}

/* Many threads reserve, make frames, share and release; the sums must come out even. */
static void *churn(void *context)
{
    FramePool *pool = context;
    unsigned seed = (unsigned)(uintptr_t)&seed;
    AVFrame *frame = av_frame_alloc();
    AVFrame *other = av_frame_alloc();
    for (int i = 0; i < 300; i++) {
        const int width = 32 + 64 * (rand_r(&seed) % 6);
        const int64_t bytes = frame_pool_frame_bytes(AV_PIX_FMT_YUV420P, width, 16);
        if (frame_pool_reserve(pool, bytes) != STATUS_OK ||
            frame_pool_new_frame(pool, AV_PIX_FMT_YUV420P, width, 16, frame, NULL) != STATUS_OK ||
            av_frame_ref(other, frame) < 0 || frame_pool_make_writable(pool, frame, NULL) != STATUS_OK) {
            abort();
        }
        frame->data[0][0] = 1;
        av_frame_unref(frame);
        av_frame_unref(other);
        frame_pool_release(pool, bytes);
    }
    av_frame_free(&frame);
    av_frame_free(&other);
    return NULL;
}

static void threads_share_the_pool(void **state)
{
    (void)state;
    FramePool *pool = frame_pool_new(20000);
    pthread_t threads[6];
    for (int i = 0; i < 6; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, churn, pool), 0);
    }
    for (int i = 0; i < 6; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    const FramePoolStats stats = frame_pool_stats(pool);
    assert_true(stats.peak_reserved_bytes <= 20000 || stats.over_budget > 0);
    assert_all_given_back(pool);
    frame_pool_free(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoders_get_their_buffers),
        cmocka_unit_test(decoding_recycles),
        cmocka_unit_test(frames_outlive_the_pool),
        cmocka_unit_test(new_frames_are_laid_out_as_told),
        cmocka_unit_test(make_writable_copies_only_what_is_shared),
        cmocka_unit_test(buffers_of_old_sizes_are_freed),
        cmocka_unit_test(a_lone_reservation_is_always_granted),
        cmocka_unit_test(waiters_wake),
        cmocka_unit_test(threads_share_the_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
