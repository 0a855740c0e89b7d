/* Where one chunk ends and the next begins: wherever that is, and however the run ended there, no joint is
 * left.
 */
#include <libavcodec/avcodec.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
/* after those above */
#include <cmocka.h>

#include "base/alloc.h"
#include "chunk_runs.h"
#include "media/chunk_clock.h"
#include "media/chunk_file.h"
#include "media/encoder.h"
#include "media/encoder_options.h"
#include "media_fixtures.h"

/* ---- where the cut is awkward ---- */

/* To a stop at each chunk, until nothing is left. */
static void check_every_joint(Run *whole, Run *parts)
{
    run_expect(whole, STATUS_OK);
    Status status = STATUS_STOPPED;
    Error err = {0};
    parts->stop_after = 0;
    int runs = 0;
    while (status == STATUS_STOPPED) {
        const int before = runs > 0 ? parts->reused + parts->made : 0;
        status = run_go(parts, &err);
        assert_int_equal(parts->reused, before);
        assert_int_equal(parts->made, 1);
        runs++;
    }
    assert_int_equal(status, STATUS_OK);
    assert_int_equal(runs, whole->made);
    assert_same_result(whole, parts);
}

/* A cut a few frames before the joint: whether it gets a key frame is decided in view of what follows. */
static void test_cut_before_a_joint(void **state)
{
    (void)state;
    static const char *const encoders[] = {"libx264", "libx265"};
    static const char *const presets[] = {"slower", "fast"}; /* they look far ahead for it */
    for (size_t e = 0; e < 2; e++) {
        for (int before = 0; before <= 5; before++) {
            char name[64];
            char arguments[512];
            (void)snprintf(name, sizeof name, "before-%d.mkv", before);
            (void)snprintf(arguments, sizeof arguments,
                           "-f lavfi -i testsrc2=s=128x96:r=25:d=%.2f -f lavfi -i mandelbrot=s=128x96:r=25:"
                           "start_scale=1 -filter_complex \"[1:v]trim=duration=1[m];[0:v][m]concat=n=2,"
                           "format=yuv420p\" -c:v ffv1",
                           2 - 0.04 * before);
            WriterConfig config = quick_config(fixture_clip(name, arguments), name);
            config.encoder = encoders[e];
            config.preset = presets[e];
            Run whole = run_new(config, "before-whole.mp4", "before-whole", 2);
            Run parts = run_new(config, "before-parts.mp4", "before-parts", 2);
            check_every_joint(&whole, &parts);
        }
    }
}

/* Pictures that stand longer and longer: chunks of less than the encoder reorders, of one, and the encoder
 * full of them. */
static void test_slide_show(void **state)
{
    (void)state;
    static const char *const encoders[] = {"libx264", "libx265", "libvpx-vp9"};
    for (size_t e = 0; e < 3; e++) {
        WriterConfig config = quick_config(
            fixture_clip("slides.mkv",
                         "-f lavfi -i testsrc2=s=128x96:r=25:d=1.2 -vf setpts='(N*N/100+N/25)/TB' "
                         "-vsync passthrough -enc_time_base 1/1000 -c:v ffv1"),
            "slides");
        config.encoder = encoders[e];
        config.preset = "veryfast";
        Run whole = run_new(config, "slides-whole.mp4", "slides-whole", 0.5);
        Run parts = run_new(config, "slides-parts.mp4", "slides-parts", 0.5);
        check_every_joint(&whole, &parts);
    }
}

/* Frames of one chunk are dropped, of another repeated; the joint may fall on one that is dropped. */
static void test_dropped_at_a_joint(void **state)
{
    (void)state;
    static const AVRational rates[] = {{3, 1}, {7, 2}, {90, 7}};
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        WriterConfig config = quick_config(clip_plain(), "dropped");
        config.preset = "veryfast";
        config.output_fps = rates[i];
        Run whole = run_new(config, "dropped-whole.mp4", "dropped-whole", 1.3);
        Run parts = run_new(config, "dropped-parts.mp4", "dropped-parts", 1.3);
        check_every_joint(&whole, &parts);
    }
}

/* Times before zero are moved; a run that goes on moves as much. */
static void test_before_zero(void **state)
{
    (void)state;
    Run runs[2];
    for (int i = 0; i < 2; i++) {
        WriterConfig config = quick_config(clip_plain(), "negative");
        config.preset = "veryfast";
        runs[i] = run_new(config, i == 0 ? "negative-whole.mp4" : "negative-parts.mp4",
                          i == 0 ? "negative-whole" : "negative-parts", 4);
        runs[i].offset = -1777;
    }
    check_every_joint(&runs[0], &runs[1]);
    assert_int_equal(runs[1].summary.first_pts, 0);
}

/* Less memory means fewer threads, of which x265 leaves a note in its header. */
static void test_other_threads(void **state)
{
    (void)state;
    WriterConfig config = quick_config(clip_plain(), "threads");
    config.encoder = "libx265";
    config.preset = "ultrafast";
    Run run = run_new(config, "threads.mp4", "threads", 2);
    run.config.threads = 4;
    run.stop_after = 1;
    run_expect(&run, STATUS_STOPPED);
    run.config.threads = 1;
    run.stop_after = NEVER;
    run_expect(&run, STATUS_OK);
    assert_true(run.reused >= 1);
    assert_continuous(run.output, run.summary.frames);
}

static void test_same_header(void **state)
{
    (void)state;
    static const uint8_t plain_header[] = {0, 0, 0, 1, 64, 1, 7, 0, 0, 1, 66, 1, 8, 9};
    static const uint8_t with_note[] = {0, 0, 0, 1, 64, 1, 7, 0, 0, 0, 1, 78, 1, 5, 5, 0, 0, 1, 66, 1, 8, 9};
    static const uint8_t other_set[] = {0, 0, 0, 1, 64, 1, 7, 0, 0, 1, 66, 1, 8, 8};
    static const uint8_t only_notes[] = {0, 0, 1, 78, 1, 5};
    const size_t size = sizeof plain_header;
    assert_true(encoder_same_header(AV_CODEC_ID_H264, plain_header, size, plain_header, size));
    assert_true(encoder_same_header(AV_CODEC_ID_VP9, NULL, 0, NULL, 0));
    assert_true(encoder_same_header(AV_CODEC_ID_HEVC, plain_header, size, with_note, sizeof with_note));
    assert_true(encoder_same_header(AV_CODEC_ID_HEVC, with_note, sizeof with_note, plain_header, size));
    assert_false(encoder_same_header(AV_CODEC_ID_H264, plain_header, size, with_note, sizeof with_note));
    assert_false(encoder_same_header(AV_CODEC_ID_HEVC, plain_header, size, other_set, sizeof other_set));
    assert_false(encoder_same_header(AV_CODEC_ID_HEVC, plain_header, size, plain_header, 9));
    assert_false(encoder_same_header(AV_CODEC_ID_HEVC, plain_header, size, NULL, 0));
    assert_false(encoder_same_header(AV_CODEC_ID_HEVC, only_notes, 6, only_notes, 3));
}

/* ---- what chunks cost ---- */

/* Checksums of what the encoder made. */
static uint32_t *chunk_packets(const Run *run, size_t *count)
{
    Error err = {0};
    AVPacket *packet = av_packet_alloc();
    uint32_t *sums = NULL;
    *count = 0;
    for (int i = 0; i < run->made; i++) {
        ChunkReader *reader = NULL;
        char *path = chunk_file_path(run->folder, i, true);
        assert_int_equal(chunk_reader_open(&reader, path, &err), STATUS_OK);
        Status status = STATUS_OK;
        while ((status = chunk_reader_next(reader, packet, &err)) == STATUS_OK) {
            sums = memory_resize(sums, *count + 1, sizeof *sums);
            sums[(*count)++] = checksum_of_bytes(packet->data, packet->size);
            av_packet_unref(packet);
        }
        assert_int_equal(status, STATUS_EOF);
        chunk_reader_free(&reader);
        memory_free(path);
    }
    av_packet_free(&packet);
    return sums;
}

/* The same of an encoder that knows nothing of chunks, but is told where to put key frames. */
static uint32_t *encoder_packets(const Run *run, EncoderConfig config, size_t *count)
{
    Error err = {0};
    Reader *reader = NULL;
    Encoder *encoder = NULL;
    const ReaderConfig source = {.path = run->input, .threads = 2};
    assert_int_equal(reader_open(&reader, &source, &err), STATUS_OK);
    const MediaInfo *info = reader_info(reader);
    config.source = info;
    config.time_base = info->time_base;
    config.frame_rate = info->frame_rate;
    config.grid_rate = info->grid_rate;
    config.global_header = true;
    assert_int_equal(encoder_open(&encoder, &config, &err), STATUS_OK);
    const ChunkClock clock = chunk_clock(info->time_base, info->first_pts, run->seconds);
    AVFrame *frame = av_frame_alloc();
    AVPacket *packet = av_packet_alloc();
    uint32_t *sums = NULL;
    int64_t before = AV_NOPTS_VALUE;
    *count = 0;
    for (bool more = true; more;) {
        more = reader_next(reader, frame, &err) == STATUS_OK;
        const bool key = more && chunk_clock_begins(&clock, frame->pts, before);
        assert_int_equal(encoder_send(encoder, more ? frame : NULL, frame->pts, 1, key, &err), STATUS_OK);
        before = frame->pts;
        av_frame_unref(frame);
        while (encoder_receive(encoder, packet, &err) == STATUS_OK) {
            sums = memory_resize(sums, *count + 1, sizeof *sums);
            sums[(*count)++] = checksum_of_bytes(packet->data, packet->size);
            av_packet_unref(packet);
        }
    }
    av_packet_free(&packet);
    av_frame_free(&frame);
    encoder_free(&encoder);
    reader_free(&reader);
    return sums;
}

/* Between chunks the encoder is not drained: its packets are those of one that is told where to put key
 * frames and knows nothing of chunks. */
static void test_not_drained(void **state)
{
    (void)state;
    static const char *const encoders[] = {"libx264", "libx265", "libvpx-vp9"};
    for (size_t i = 0; i < sizeof encoders / sizeof encoders[0]; i++) {
        WriterConfig writer = quick_config(clip_plain(), "undrained");
        writer.encoder = encoders[i];
        writer.preset = "veryfast";
        writer.threads = 1;
        Run run = run_new(writer, "undrained.mkv", "undrained", 2);
        run_expect(&run, STATUS_OK);
        const EncoderConfig config = {
            .name = writer.encoder, .quality = run.config.quality, .preset = writer.preset, .threads = 1};
        size_t counts[2] = {0, 0};
        uint32_t *in_chunks = chunk_packets(&run, &counts[0]);
        uint32_t *undisturbed = encoder_packets(&run, config, &counts[1]);
        assert_int_equal(counts[0], run.summary.frames);
        assert_int_equal(counts[0], counts[1]);
        assert_memory_equal(in_chunks, undisturbed, counts[0] * sizeof *in_chunks);
        memory_free(in_chunks);
        memory_free(undisturbed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut_before_a_joint), cmocka_unit_test(test_slide_show),
        cmocka_unit_test(test_dropped_at_a_joint), cmocka_unit_test(test_before_zero),
        cmocka_unit_test(test_other_threads),      cmocka_unit_test(test_same_header),
        cmocka_unit_test(test_not_drained),
    };
    return cmocka_run_group_tests_name("chunk_joints", tests, fixtures_make, fixtures_remove);
}
