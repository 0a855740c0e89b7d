/* Writing videos: what goes in must come out, at the same time, with everything around it. */
#include <libavcodec/avcodec.h>
#include <libavutil/pixdesc.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
/* after those above */
#include <cmocka.h>

#include "base/alloc.h"
#include "base/files.h"
#include "media/compat.h"
#include "media/frame_view.h"
#include "media_fixtures.h"

#define PATTERN "-f lavfi -i testsrc2=s=128x96:r=25:d=2 "
#define TONE "-f lavfi -i sine=440:d=2.2:r=44100 "

static const char *bframes(void)
{
    return fixture_clip("bf.mp4", "-f lavfi -i testsrc2=s=128x96:r=30000/1001:d=3 -f lavfi -i "
                                  "sine=440:d=3.1:r=44100 -c:v libx264 -bf 3 -g 30 -c:a aac");
}

/* ---- pixels ---- */

static void check_lossless(const char *input, const char *output, const char *encoder)
{
    WriterSummary summary;
    WriterConfig config = quick_config(input, output);
    config.encoder = encoder;
    config.quality = 0;
    const char *written = transcode(config, &summary);
    size_t count_in = 0;
    size_t count_out = 0;
    uint32_t *in = frame_checksums(input, &count_in);
    uint32_t *out = frame_checksums(written, &count_out);
    assert_true(count_in > 0);
    assert_int_equal(count_in, count_out);
    assert_int_equal(count_in, summary.frames);
    assert_memory_equal(in, out, count_in * sizeof *in);
    memory_free(in);
    memory_free(out);
}

static void test_lossless(void **state)
{
    (void)state;
    static const char *const formats[] = {"yuv420p", "yuv422p",     "yuv444p10le", "yuv420p10le",
                                          "gray",    "yuv420p16le", "gbrp10le",    "yuvj420p"};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        char name[64];
        char arguments[256];
        (void)snprintf(name, sizeof name, "%s.mkv", formats[i]);
        (void)snprintf(arguments, sizeof arguments,
                       "-f lavfi -i testsrc=s=127x95:r=25:d=0.4 -pix_fmt %s -c:v %s", formats[i],
                       strcmp(formats[i], "yuvj420p") == 0 ? "mjpeg" : "ffv1");
        check_lossless(fixture_clip(name, arguments), "lossless.mkv", "ffv1");
    }
    check_lossless(bframes(), "lossless.mp4", "libx264");
}

/* Encoders that want even sizes get the edge repeated; what was there stays. */
static void test_padding(void **state)
{
    (void)state;
    const char *input =
        fixture_clip("yuv420p.mkv", "-f lavfi -i testsrc=s=127x95:r=25:d=0.4 -pix_fmt yuv420p -c:v ffv1");
    WriterSummary summary;
    WriterConfig config = quick_config(input, "padded.mp4");
    config.quality = 0;
    const char *output = transcode(config, &summary);
    Error err = {0};
    Reader *readers[2] = {NULL, NULL};
    const ReaderConfig in = {.path = input};
    const ReaderConfig out = {.path = output};
    assert_int_equal(reader_open(&readers[0], &in, &err), STATUS_OK);
    assert_int_equal(reader_open(&readers[1], &out, &err), STATUS_OK);
    AVFrame *a = av_frame_alloc();
    AVFrame *b = av_frame_alloc();
    assert_int_equal(reader_next(readers[0], a, &err), STATUS_OK);
    assert_int_equal(reader_next(readers[1], b, &err), STATUS_OK);
    assert_int_equal(b->width, 128);
    assert_int_equal(b->height, 96);
    for (int y = 0; y < 96; y++) {
        for (int x = 0; x < 128; x++) {
            const int from = a->data[0][(y < 95 ? y : 94) * a->linesize[0] + (x < 127 ? x : 126)];
            assert_int_equal(b->data[0][y * b->linesize[0] + x], from);
        }
    }
    for (int p = 1; p < 3; p++) {
        for (int y = 0; y < 48; y++) {
            assert_memory_equal(b->data[p] + y * b->linesize[p], a->data[p] + y * a->linesize[p], 64);
        }
    }
    av_frame_free(&a);
    av_frame_free(&b);
    reader_free(&readers[0]);
    reader_free(&readers[1]);
}

/* A picture of one colour in a format the encoder lacks comes out with that colour. */
static void test_converted_colours(void **state)
{
    (void)state;
    static const int colour[3] = {240, 224, 176};
    static const char *const formats[] = {"yuv410p", "yuv411p", "gbrp", "rgb48le"};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        char name[64];
        char arguments[256];
        (void)snprintf(name, sizeof name, "colour-%s.mkv", formats[i]);
        (void)snprintf(arguments, sizeof arguments,
                       "-f lavfi -i color=c=0xF0E0B0:s=64x48:d=0.2 -pix_fmt %s -c:v ffv1", formats[i]);
        WriterSummary summary;
        WriterConfig config = quick_config(fixture_clip(name, arguments), "colour.mp4");
        config.quality = 0;
        Error err = {0};
        Reader *reader = NULL;
        const ReaderConfig source = {.path = transcode(config, &summary)};
        assert_int_equal(reader_open(&reader, &source, &err), STATUS_OK);
        AVFrame *frame = av_frame_alloc();
        assert_int_equal(reader_next(reader, frame, &err), STATUS_OK);
        Image image = {0};
        assert_int_equal(frame_view_read(frame, (Rect){8, 8, 9, 9}, &image, &err), STATUS_OK);
        for (int p = 0; p < 3; p++) {
            if (fabsf(image.plane[p][0] - (float)colour[p]) > 4) {
                fail_msg("%s: plane %d is %.0f instead of %d", formats[i], p, (double)image.plane[p][0],
                         colour[p]);
            }
        }
        image_free(&image);
        av_frame_free(&frame);
        reader_free(&reader);
    }
}

/* ---- times ---- */

/* Into mp4: every time and every audio packet as it was. */
static void check_exact(const char *input, bool exact_audio)
{
    WriterSummary summary;
    const char *output = transcode(quick_config(input, "exact.mp4"), &summary);
    FileNote a = note_file(input);
    FileNote b = note_file(output);
    const StreamNote *video = note_stream(&b, AVMEDIA_TYPE_VIDEO, 0);
    assert_same_times(note_stream(&a, AVMEDIA_TYPE_VIDEO, 0), video);
    assert_int_equal(summary.frames, video->count);
    if (exact_audio) {
        assert_same_packets(note_stream(&a, AVMEDIA_TYPE_AUDIO, 0), note_stream(&b, AVMEDIA_TYPE_AUDIO, 0));
        assert_int_equal(summary.audio_streams, 1);
    }
    note_free(&a);
    note_free(&b);
}

static void test_exact_times(void **state)
{
    (void)state;
    check_exact(bframes(), true);
    check_exact(fixture_clip("edit.mp4", "-ss 0.71 -i %D/bf.mp4 -c copy"), true);
    check_exact(fixture_clip("late.mp4",
                             "-f lavfi -i testsrc2=s=128x96:r=24000/1001:d=3 -itsoffset 0.5 -f lavfi -i "
                             "sine=440:d=2:r=48000 -map 0 -map 1 -bf 2 -c:a aac"),
                true);
    check_exact(fixture_clip("early.mp4", "-itsoffset 0.3 " PATTERN TONE "-map 0 -map 1 -c:a aac"), true);
    check_exact(fixture_clip("vfr.mp4", "-f lavfi -i testsrc2=s=128x96:r=30:d=4 -vf "
                                        "\"select='not(mod(n,7))+gt(mod(n,5),2)'\" -vsync vfr -enc_time_base "
                                        "1/90000 -video_track_timescale 90000 -bf 2"),
                false);
    check_exact(fixture_clip("opus.webm", PATTERN TONE "-c:v libvpx -deadline realtime -c:a libopus"), true);
    check_exact(fixture_clip("late.ts", "-itsoffset 1.5 " PATTERN "-c:v mpeg2video -bf 2"), false);
    check_exact(fixture_clip("bf.ts", "-i %D/bf.mp4 -c copy"), false); /* begins between two milliseconds */
    check_exact(fixture_clip("old.avi", PATTERN "-c:v mpeg4"), false);
}

/* The time of the first picture, in seconds. */
static double picture_begins(const FileNote *note)
{
    const StreamNote *video = note_stream(note, AVMEDIA_TYPE_VIDEO, 0);
    int64_t first = INT64_MAX;
    for (size_t i = 0; i < video->count; i++) {
        if ((video->packets[i].flags & AV_PKT_FLAG_DISCARD) == 0 && video->packets[i].pts < first) {
            first = video->packets[i].pts;
        }
    }
    return (double)first * av_q2d(video->time_base);
}

/* Every packet of sound keeps its distance to the first picture; some that only prepare the decoder may be
 * gone. */
static void assert_same_offsets(const char *input, const char *output)
{
    FileNote note[2] = {note_file(input), note_file(output)};
    const StreamNote *audio[2];
    double begin[2];
    for (int i = 0; i < 2; i++) {
        audio[i] = note_stream(&note[i], AVMEDIA_TYPE_AUDIO, 0);
        begin[i] = picture_begins(&note[i]);
    }
    assert_true(audio[1]->count > 80 && audio[1]->count <= audio[0]->count);
    /* a player need not know times before zero but as a delay of the codec */
    assert_true(audio[1]->packets[0].pts >= 0 || audio[1]->codec == AV_CODEC_ID_OPUS);
    for (size_t back = 1; back <= audio[1]->count; back++) {
        double offset[2];
        const PacketNote *packet[2];
        for (int i = 0; i < 2; i++) {
            packet[i] = &audio[i]->packets[audio[i]->count - back];
            offset[i] = (double)packet[i]->pts * av_q2d(audio[i]->time_base) - begin[i];
        }
        assert_int_equal(packet[0]->checksum, packet[1]->checksum);
        if (fabs(offset[0] - offset[1]) > 0.0011) {
            fail_msg("%s: packet %zu from the end moved by %.4f s", input, back, offset[1] - offset[0]);
        }
    }
    note_free(&note[0]);
    note_free(&note[1]);
}

static void test_matroska_offset(void **state)
{
    (void)state;
    WriterSummary summary;
    const char *inputs[] = {
        bframes(), fixture_clip("edit.mp4", "-ss 0.71 -i %D/bf.mp4 -c copy"),
        fixture_clip("opus.webm", PATTERN TONE "-c:v libvpx -deadline realtime -c:a libopus"),
        fixture_clip("opus.mp4", PATTERN TONE "-c:a libopus -strict -2")};
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
        assert_same_offsets(inputs[i], transcode(quick_config(inputs[i], "offset.mkv"), &summary));
    }
}

static void test_rate(void **state)
{
    (void)state;
    static const struct {
        AVRational rate;
        int64_t frames, dropped, repeated;
    } cases[] = {{{10, 1}, 20, 30, 0}, {{50, 1}, 100, 0, 50}, {{30000, 1001}, 60, 0, 10}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        WriterSummary summary;
        WriterConfig config = quick_config(fixture_clip("cfr.mp4", PATTERN TONE), "rate.mp4");
        config.output_fps = cases[i].rate;
        const char *output = transcode(config, &summary);
        assert_int_equal(summary.frames, cases[i].frames);
        assert_int_equal(summary.frames_dropped, cases[i].dropped);
        assert_int_equal(summary.frames_repeated, cases[i].repeated);
        FileNote note = note_file(output);
        const StreamNote *video = note_stream(&note, AVMEDIA_TYPE_VIDEO, 0);
        StreamNote regular = {.time_base = av_inv_q(cases[i].rate)};
        regular.packets = memory_alloc((size_t)cases[i].frames, sizeof *regular.packets);
        for (regular.count = 0; regular.count < (size_t)cases[i].frames; regular.count++) {
            regular.packets[regular.count].pts = (int64_t)regular.count;
        }
        assert_same_times(&regular, video);
        memory_free(regular.packets);
        note_free(&note);
    }
}

/* A frame that stands for ten minutes is written thousands of times: that can be stopped. */
static void test_stop_while_repeating(void **state)
{
    (void)state;
    Error err = {0};
    atomic_bool stop = true;
    Reader *reader = NULL;
    Writer *writer = NULL;
    AVFrame *frame = av_frame_alloc();
    const char *input = fixture_clip("cfr.mp4", PATTERN TONE);
    const ReaderConfig source = {.path = input};
    WriterConfig config = quick_config(input, "stopped.mp4");
    assert_int_equal(reader_open(&reader, &source, &err), STATUS_OK);
    config.source = reader_info(reader);
    config.output_fps = (AVRational){50, 1};
    config.stop = &stop;
    assert_int_equal(writer_open(&writer, &config, &err), STATUS_OK);
    assert_int_equal(reader_next(reader, frame, &err), STATUS_OK);
    frame_set_duration(frame, av_rescale_q(600, (AVRational){1, 1}, config.source->time_base));
    assert_int_equal(writer_frame(writer, frame, NULL, 0, &err), STATUS_STOPPED);
    assert_false(error_is_set(&err));
    av_frame_free(&frame);
    writer_free(&writer);
    reader_free(&reader);
}

/* Frames before zero: all moves together, nothing is cut off. */
static void test_negative_start(void **state)
{
    (void)state;
    Error err = {0};
    const MediaInfo info = {.width = 64,
                            .height = 48,
                            .format = AV_PIX_FMT_YUV420P,
                            .bit_depth = 8,
                            .time_base = {1, 1000},
                            .frame_rate = {25, 1},
                            .grid_rate = {25, 1},
                            .sample_aspect_ratio = {0, 1}};
    WriterConfig config = quick_config(NULL, "negative.mp4");
    config.source = &info;
    Writer *writer = NULL;
    WriterSummary summary;
    assert_int_equal(writer_open(&writer, &config, &err), STATUS_OK);
    AVFrame *frame = av_frame_alloc();
    frame->format = info.format;
    frame->width = info.width;
    frame->height = info.height;
    assert_int_equal(av_frame_get_buffer(frame, 0), 0);
    for (int i = 0; i < 30; i++) {
        assert_int_equal(av_frame_make_writable(frame), 0);
        memset(frame->data[0], i * 8, (size_t)frame->linesize[0] * 48);
        memset(frame->data[1], 128, (size_t)frame->linesize[1] * 24);
        memset(frame->data[2], 128, (size_t)frame->linesize[2] * 24);
        frame->pts = -500 + i * 40;
        frame_set_duration(frame, 40);
        assert_int_equal(writer_frame(writer, frame, NULL, 0, &err), STATUS_OK);
    }
    assert_int_equal(writer_finish(writer, &summary, &err), STATUS_OK);
    assert_int_equal(summary.first_pts, 0);
    assert_int_equal(summary.last_pts, 29 * 40);
    assert_true(fabs(summary.duration_s - 1.2) < 1e-9);
    size_t count = 0;
    memory_free(frame_checksums(config.path, &count));
    assert_int_equal(count, 30);
    av_frame_free(&frame);
    writer_free(&writer);
}

/* ---- what the picture is ---- */

static void check_description(const char *input, const char *output, const char *encoder, const char *preset)
{
    WriterSummary summary;
    WriterConfig config = quick_config(input, output);
    config.encoder = encoder;
    config.preset = preset;
    const char *written = transcode(config, &summary);
    Error err = {0};
    Reader *readers[2] = {NULL, NULL};
    const ReaderConfig in = {.path = input};
    const ReaderConfig out = {.path = written};
    assert_int_equal(reader_open(&readers[0], &in, &err), STATUS_OK);
    assert_int_equal(reader_open(&readers[1], &out, &err), STATUS_OK);
    const MediaInfo *a = reader_info(readers[0]);
    const MediaInfo *b = reader_info(readers[1]);
    assert_int_equal(a->format, b->format);
    assert_int_equal(a->color_range, b->color_range);
    assert_int_equal(a->color_space, b->color_space);
    assert_int_equal(a->color_primaries, b->color_primaries);
    assert_int_equal(a->color_transfer, b->color_transfer);
    assert_int_equal(av_cmp_q(a->sample_aspect_ratio, b->sample_aspect_ratio), 0);
    assert_int_equal(a->orientation.quarter_turns, b->orientation.quarter_turns);
    assert_int_equal(a->has_light, b->has_light);
    assert_int_equal(a->light.MaxCLL, b->light.MaxCLL);
    assert_int_equal(a->field_order, b->field_order);
    assert_int_equal(a->frame_count, b->frame_count);
    assert_true(fabs(a->duration_s - b->duration_s) < 0.001);
    assert_int_equal(av_cmp_q(a->frame_rate, b->frame_rate), 0);
    reader_free(&readers[0]);
    reader_free(&readers[1]);
}

static void test_descriptions(void **state)
{
    (void)state;
    const char *hdr = fixture_clip(
        "hdr.mp4", PATTERN "-vf setsar=16/11 -color_primaries bt2020 -color_trc smpte2084 -colorspace "
                           "bt2020nc -color_range tv -pix_fmt yuv420p10le -c:v libx265 -x265-params "
                           "log-level=none:max-cll=1000,400");
    check_description(hdr, "hdr264.mp4", "libx264", "ultrafast");
    check_description(hdr, "hdr265.mp4", "libx265", "ultrafast");
    check_description(hdr, "hdr9.mp4", "libvpx-vp9", "8");
    check_description(fixture_clip("full.mp4", PATTERN "-pix_fmt yuvj420p"), "full.mp4.mov", "libx264",
                      "veryfast");
    (void)bframes();
    check_description(fixture_clip("turned.mp4", "-i %D/bf.mp4 -c copy -metadata:s:v rotate=270"),
                      "turned-out.mp4", "libx264", NULL);
    check_description(fixture_clip("fields.mp4",
                                   "-f lavfi -i testsrc2=s=128x96:r=50:d=2 -vf interlace -flags "
                                   "+ildct+ilme -x264-params tff=1"),
                      "fields-out.mp4", "libx264", "ultrafast");
}

/* Full range goes into the tags where the encoder has no pixel format for it. */
static void test_full_range(void **state)
{
    (void)state;
    WriterSummary summary;
    WriterConfig config = quick_config(fixture_clip("full.mp4", PATTERN "-pix_fmt yuvj420p"), "full9.mkv");
    config.encoder = "libvpx-vp9";
    config.preset = "8";
    FileNote note = note_file(transcode(config, &summary));
    assert_int_equal(note.format->streams[0]->codecpar->color_range, AVCOL_RANGE_JPEG);
    assert_int_equal(note.format->streams[0]->codecpar->format, AV_PIX_FMT_YUV420P);
    note_free(&note);
}

/* The notes inside the stream tell the frame rate, not the time base. */
static void test_stream_rate(void **state)
{
    (void)state;
    WriterSummary summary;
    FileNote note = note_file(transcode(quick_config(bframes(), "rate-note.mp4"), &summary));
    const StreamNote *video = note_stream(&note, AVMEDIA_TYPE_VIDEO, 0);
    for (size_t i = 0; i < video->count; i++) {
        assert_int_equal(
            av_compare_ts(video->packets[i].duration, video->time_base, 1001, (AVRational){1, 30000}), 0);
    }
    note_free(&note);
}

/* ---- what cannot be written ---- */

static void assert_not_opened(WriterConfig config, ErrorClass class_, const char *reason, const char *advice)
{
    Error err = {0};
    Reader *reader = NULL;
    const ReaderConfig source = {.path = bframes()};
    assert_int_equal(reader_open(&reader, &source, &err), STATUS_OK);
    config.source = reader_info(reader);
    Writer *writer = NULL;
    assert_int_equal(writer_open(&writer, &config, &err), STATUS_FAILED);
    assert_null(writer);
    assert_int_equal(err.class_, class_);
    if (strstr(err.why, reason) == NULL || strstr(err.todo, advice) == NULL) {
        fail_msg("\"%s\" (%s) does not say \"%s\" (%s)", err.why, err.todo, reason, advice);
    }
    assert_false(file_exists(config.path) && file_size(config.path) >= 0);
    reader_free(&reader);
}

static void test_not_opened(void **state)
{
    (void)state;
    WriterConfig config = quick_config(bframes(), "never.mp4");
    config.encoder = "libx999";
    assert_not_opened(config, ERROR_ENCODER, "libx999", "libx264, libx265");
    config.encoder = "aac";
    assert_not_opened(config, ERROR_ENCODER, "aac", "libx264");
    config.encoder = "h264_nvenc"; /* no device where tests run, or it opens: then nothing to test */
    if (!writer_has_encoder("h264_nvenc") || access("/dev/nvidia0", F_OK) != 0) {
        assert_not_opened(config, ERROR_ENCODER, "", "libx264");
    }
    config = quick_config(bframes(), "never.mp4");
    config.preset = "warp";
    assert_not_opened(config, ERROR_ENCODER, "warp", "ultrafast");
    config = quick_config(bframes(), "never.txt");
    assert_not_opened(config, ERROR_ENCODER, ".txt", ".mp4");
    config = quick_config(bframes(), "never.webm");
    assert_not_opened(config, ERROR_ENCODER, "webm cannot hold", "another encoder");
    config = quick_config(fixture_path("nothing-there.mp4"), "never.mp4");
    assert_not_opened(config, ERROR_INPUT, "no such file", "");
    config = quick_config(bframes(), "no-folder/never.mp4");
    assert_not_opened(config, ERROR_ENVIRONMENT, "No such file", "");
}

static void check_full_disk(const char *input, const char *name)
{
    Error err = {0};
    Reader *reader = NULL;
    const ReaderConfig source = {.path = input};
    assert_int_equal(reader_open(&reader, &source, &err), STATUS_OK);
    WriterConfig config = quick_config(input, name);
    config.path = "/dev/full";
    config.source = reader_info(reader);
    Writer *writer = NULL;
    WriterSummary summary;
    AVFrame *frame = av_frame_alloc();
    Status status = writer_open(&writer, &config, &err);
    while (status == STATUS_OK && (status = reader_next(reader, frame, &err)) == STATUS_OK) {
        status = writer_frame(writer, frame, NULL, 0, &err);
        av_frame_unref(frame);
    }
    if (status == STATUS_EOF) {
        status = writer_finish(writer, &summary, &err);
    }
    assert_int_equal(status, STATUS_FAILED);
    assert_int_equal(err.class_, ERROR_SPACE);
    assert_true(file_exists("/dev/full"));
    av_frame_free(&frame);
    writer_free(&writer);
    reader_free(&reader);
}

static void test_full_disk(void **state)
{
    (void)state;
    check_full_disk(bframes(), "full-disk.mp4");
    check_full_disk(bframes(), "full-disk.mkv");
    /* so small that nothing is written before the end */
    check_full_disk(fixture_clip("tiny.mp4", "-f lavfi -i testsrc2=s=16x16:r=25:d=1"), "full-tiny.mp4");
    check_full_disk(fixture_path("tiny.mp4"), "full-tiny.mkv");
    check_full_disk(fixture_path("tiny.mp4"), "full-tiny.avi");
}

/* A file that was begun and cannot be goes away. */
static void test_header_fails(void **state)
{
    (void)state;
    struct rlimit old;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    const char *input = bframes();
    WriterConfig config = quick_config(input, "limited.mkv");
    Error err = {0};
    Reader *reader = NULL;
    Writer *writer = NULL;
    const ReaderConfig source = {.path = input};
    assert_int_equal(reader_open(&reader, &source, &err), STATUS_OK);
    config.source = reader_info(reader);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){10, old.rlim_max}), 0);
    const Status status = writer_open(&writer, &config, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    (void)signal(SIGXFSZ, handler);
    assert_int_equal(status, STATUS_FAILED);
    assert_null(writer);
    assert_false(file_exists(config.path));
    reader_free(&reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lossless),
        cmocka_unit_test(test_padding),
        cmocka_unit_test(test_converted_colours),
        cmocka_unit_test(test_exact_times),
        cmocka_unit_test(test_matroska_offset),
        cmocka_unit_test(test_rate),
        cmocka_unit_test(test_stop_while_repeating),
        cmocka_unit_test(test_negative_start),
        cmocka_unit_test(test_descriptions),
        cmocka_unit_test(test_stream_rate),
        cmocka_unit_test(test_not_opened),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_header_fails),
        cmocka_unit_test(test_full_range),
    };
    return cmocka_run_group_tests_name("media_writer", tests, fixtures_make, fixtures_remove);
}
