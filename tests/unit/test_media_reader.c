/* Reading videos: real files, good and bad. */
#include <libavutil/crc.h>
#include <libavutil/pixdesc.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
/* after those above */
#include <cmocka.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/text.h"
#include "media/compat.h"
#include "media/frame_pool.h"
#include "media/frame_view.h"
#include "media/reader.h"
#include "media_fixtures.h"

#define PATTERN "-f lavfi -i testsrc2=s=128x96:r=25:d=2 "
#define TONE "-f lavfi -i sine=440:d=2.2:r=44100 "

/* Reads to the end; checks what every frame promises. */
static int64_t read_all(Reader *reader)
{
    Error err = {0};
    AVFrame *frame = av_frame_alloc();
    const MediaInfo *info = reader_info(reader);
    int64_t count = 0;
    int64_t expected = 0;
    Status status = STATUS_OK;
    while ((status = reader_next(reader, frame, &err)) == STATUS_OK) {
        assert_int_equal(frame->width, info->width);
        assert_int_equal(frame->height, info->height);
        assert_int_equal(frame->format, info->format);
        assert_true(frame_duration(frame) > 0);
        if (count > 0) {
            assert_int_equal(frame->pts, expected);
        }
        expected = frame->pts + frame_duration(frame);
        count++;
        av_frame_unref(frame);
    }
    assert_int_equal(status, STATUS_EOF);
    assert_int_equal(reader_next(reader, frame, &err), STATUS_EOF);
    av_frame_free(&frame);
    return count;
}

static void assert_refused(const char *path, const char *reason)
{
    Error err = {0};
    Reader *reader = NULL;
    const ReaderConfig config = {.path = path};
    assert_int_equal(reader_open(&reader, &config, &err), STATUS_FAILED);
    assert_null(reader);
    assert_int_equal(err.class_, ERROR_INPUT);
    if (strstr(err.why, reason) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.why, reason);
    }
    assert_string_equal(err.file, path);
}

static const char *bframes(void)
{
    return fixture_clip("bf.mp4", "-f lavfi -i testsrc2=s=128x96:r=30000/1001:d=3 -f lavfi -i "
                                  "sine=440:d=3.1:r=44100 -c:v libx264 -bf 3 -g 30 -c:a aac");
}

/* ---- what cannot be read ---- */

static void test_bad_files(void **state)
{
    (void)state;
    static const unsigned char noise[64] = {0x90, 0x03, 0xFE, 0x44, 0xC1};
    fixture_write("empty.mp4", "", 0);
    fixture_write("text.mp4", "this is a text, not a video\n", 28);
    fixture_write("noise.mkv", noise, sizeof noise);
    assert_int_equal(mkdir(fixture_path("folder.mp4"), 0700), 0);
    assert_int_equal(mkfifo(fixture_path("pipe.mp4"), 0600), 0);
    assert_refused(fixture_path("missing.mp4"), "no such file");
    assert_refused(fixture_path("empty.mp4"), "empty");
    assert_refused(fixture_path("text.mp4"), "text");
    assert_refused(fixture_path("noise.mkv"), "none of the known kinds");
    assert_refused(fixture_path("folder.mp4"), "folder");
    assert_refused(fixture_path("pipe.mp4"), "regular file");
    assert_refused(fixture_cut(bframes(), "moovless.mp4", 0.6), "moov");
    assert_refused(fixture_clip("audio.mp4", TONE), "audio only");
    assert_refused(fixture_clip("cover.mp4", TONE PATTERN
                                "-map 0 -map 1 -frames:v 1 -c:v mjpeg -disposition:v attached_pic"),
                   "audio only");
    /* an mp3 and a playlist are no videos, whatever they are called */
    assert_refused(fixture_clip("tone.mp3", TONE), "none of the known kinds");
    static const char playlist[] = "#EXTM3U\n#EXTINF:1,\nbf.mp4\n";
    fixture_write("list.mp4", playlist, strlen(playlist));
    assert_refused(fixture_path("list.mp4"), "text");
    assert_refused(fixture_cut(fixture_clip("whole.mkv", PATTERN), "header.mkv", 0.0005), "cut off");
}

static void test_unreadable(void **state)
{
    (void)state;
    fixture_write("secret.mp4", "x", 1);
    const char *path = fixture_path("secret.mp4");
    assert_int_equal(chmod(path, 0), 0);
    char *folder = path_folder(path);
    assert_int_equal(chmod(folder, 0755), 0);
    const bool root = geteuid() == 0;
    if (root) {
        assert_int_equal(seteuid(65534), 0);
    }
    assert_refused(path, "permission");
    if (root) {
        assert_int_equal(seteuid(0), 0);
    }
    memory_free(folder);
}

static void test_too_large(void **state)
{
    (void)state;
    Error err = {0};
    Reader *reader = NULL;
    const ReaderConfig config = {.path = bframes(), .max_dimension = 100};
    assert_int_equal(reader_open(&reader, &config, &err), STATUS_FAILED);
    assert_non_null(strstr(err.why, "128x96"));
}

/* ---- what ends early ---- */

static void check_cut(const char *whole, const char *name, double share, bool known_at_open)
{
    Reader *reader = open_clip(whole);
    const int64_t all = read_all(reader);
    assert_false(reader_damage(reader).truncated);
    reader_free(&reader);
    reader = open_clip(fixture_cut(whole, name, share));
    assert_int_equal(reader_damage(reader).truncated, known_at_open);
    const int64_t some = read_all(reader);
    assert_true(some > 0 && some < all);
    assert_true(reader_damage(reader).truncated);
    reader_free(&reader);
}

static void test_cut_files(void **state)
{
    (void)state;
    check_cut(fixture_clip("long.mkv", PATTERN TONE "-g 10"), "cut.mkv", 0.6, true);
    check_cut(fixture_clip("long.webm", PATTERN TONE "-deadline realtime -c:v libvpx -c:a libopus"),
              "cut.webm", 0.6, true);
    check_cut(fixture_clip("fast.mp4", PATTERN TONE "-g 10 -movflags faststart"), "cut.mp4", 0.6, true);
    check_cut(fixture_clip("long.avi", PATTERN TONE "-c:v mpeg4 -c:a mp2"), "cut.avi", 0.6, true);
    check_cut(fixture_clip("long.wmv", PATTERN TONE), "cut.wmv", 0.6, true);
    check_cut(fixture_clip("long.flv", "-f lavfi -i testsrc2=s=128x96:r=25:d=8 -c:v flv"), "cut.flv", 0.5,
              false);
    /* audio that goes on longer than the video does not make a file cut off */
    Reader *reader = open_clip(fixture_clip("hum.flv", PATTERN "-f lavfi -i sine=440:d=9 -c:v flv"));
    assert_int_equal(read_all(reader), 50);
    assert_false(reader_damage(reader).truncated);
    reader_free(&reader);
}

static void test_damaged_middle(void **state)
{
    (void)state;
    char *data = NULL;
    int64_t size = 0;
    assert_int_equal(file_read(fixture_clip("fast.mp4", PATTERN TONE "-g 10 -movflags faststart"), 1 << 24,
                               &data, &size, NULL),
                     STATUS_OK);
    for (int64_t i = size / 2; i < size / 2 + size / 10; i++) {
        data[i] = (char)(data[i] ^ 0x5A);
    }
    fixture_write("damaged.mp4", data, (size_t)size);
    memory_free(data);
    Reader *reader = open_clip(fixture_path("damaged.mp4"));
    assert_true(read_all(reader) > 20);
    assert_true(reader_damage(reader).corrupt_packets > 0);
    reader_free(&reader);
}

/* ---- times ---- */

static void check_times(const char *path, int64_t frames)
{
    FileNote note = note_file(path);
    StreamNote shown = {.time_base = {0, 1}};
    Reader *reader = open_clip(path);
    Error err = {0};
    AVFrame *frame = av_frame_alloc();
    shown.time_base = reader_info(reader)->time_base;
    while (reader_next(reader, frame, &err) == STATUS_OK) {
        shown.packets = memory_resize(shown.packets, shown.count + 1, sizeof *shown.packets);
        shown.packets[shown.count++] = (PacketNote){.pts = frame->pts};
        av_frame_unref(frame);
    }
    assert_int_equal(shown.count, frames);
    assert_same_times(note_stream(&note, AVMEDIA_TYPE_VIDEO, 0), &shown);
    memory_free(shown.packets);
    av_frame_free(&frame);
    reader_free(&reader);
    note_free(&note);
    reader = open_clip(path);
    assert_int_equal(read_all(reader), frames);
    reader_free(&reader);
}

static void test_times(void **state)
{
    (void)state;
    check_times(bframes(), 90);
    (void)bframes();
    check_times(fixture_clip("edit.mp4", "-ss 0.71 -i %D/bf.mp4 -c copy"), 68);
    check_times(fixture_clip("vfr.mp4", "-f lavfi -i testsrc2=s=128x96:r=30:d=4 -vf "
                                        "\"select='not(mod(n,7))+gt(mod(n,5),2)'\" -vsync vfr -enc_time_base "
                                        "1/90000 -video_track_timescale 90000 -bf 2"),
                59);
    check_times(fixture_clip("late.ts", "-itsoffset 1.5 " PATTERN "-c:v mpeg2video -bf 2"), 50);
}

/* Seconds from the first frame to the end of the last. */
static double shown_length(const char *path)
{
    Reader *reader = open_clip(path);
    Error err = {0};
    AVFrame *frame = av_frame_alloc();
    double first = -1;
    double end = 0;
    while (reader_next(reader, frame, &err) == STATUS_OK) {
        const double base = av_q2d(reader_info(reader)->time_base);
        first = first < 0 ? (double)frame->pts * base : first;
        end = (double)(frame->pts + frame_duration(frame)) * base;
        av_frame_unref(frame);
    }
    av_frame_free(&frame);
    reader_free(&reader);
    return end - first;
}

/* Some headers give the whole file's length for every stream: the sound's, or the end of a late picture. */
static void test_last_duration_elsewhere(void **state)
{
    (void)state;
    const double slack = 0.003;
    const double wmv =
        shown_length(fixture_clip("longer.wmv", PATTERN "-f lavfi -i sine=440:d=3 -c:v wmv2 -c:a wmav2"));
    assert_true(fabs(wmv - 2.0) < slack);
    const double late =
        shown_length(fixture_clip("late.mkv", "-itsoffset 1 " PATTERN "-f lavfi -i sine=440:d=5"));
    assert_true(fabs(late - 2.0) < slack);
}

/* An edit list shows a part of what the track holds. */
static void test_count_of_a_trimmed_clip(void **state)
{
    (void)state;
    (void)fixture_clip("untrimmed.mp4", PATTERN "-g 50 -bf 0");
    char *arguments = text_format("-ss 1.2 -i %s -c copy", fixture_path("untrimmed.mp4"));
    Reader *reader = open_clip(fixture_clip("trimmed.mp4", arguments));
    const int64_t count = reader_info(reader)->frame_count;
    assert_true(count >= 20 && count <= 22);
    reader_free(&reader);
    memory_free(arguments);
}

/* The last frame ends where the stream does. */
static void test_last_duration(void **state)
{
    (void)state;
    const char *path =
        fixture_clip("slides.mp4", "-f lavfi -i testsrc2=s=64x48:r=1:d=3 -vf setpts=PTS*PTS*TB/TB/1 "
                                   "-vsync vfr -bf 0");
    Reader *reader = open_clip(path);
    const MediaInfo *info = reader_info(reader);
    const double duration = info->duration_s;
    Error err = {0};
    AVFrame *frame = av_frame_alloc();
    double end = 0;
    while (reader_next(reader, frame, &err) == STATUS_OK) {
        end = (double)(frame->pts + frame_duration(frame)) * av_q2d(info->time_base);
        av_frame_unref(frame);
    }
    assert_true(duration > 0 && end >= duration - 1e-6);
    av_frame_free(&frame);
    reader_free(&reader);
}

/* ---- shapes and colours ---- */

static void test_sizes(void **state)
{
    (void)state;
    Reader *reader = open_clip(fixture_clip("tiny.mp4", "-f lavfi -i testsrc2=s=16x16:r=25:d=1"));
    assert_int_equal(read_all(reader), 25);
    reader_free(&reader);
    reader = open_clip(fixture_clip("odd.webm",
                                    "-f lavfi -i testsrc=s=127x95:r=25:d=1 -pix_fmt yuv420p -c:v libvpx "
                                    "-deadline realtime"));
    assert_int_equal(reader_info(reader)->width, 127);
    assert_int_equal(reader_info(reader)->height, 95);
    assert_int_equal(read_all(reader), 25);
    reader_free(&reader);
}

static void test_size_change(void **state)
{
    (void)state;
    const char *a = fixture_clip("a.ts", "-f lavfi -i testsrc2=s=64x48:r=25:d=1 -c:v mpeg2video -q:v 3");
    const char *b = fixture_clip("b.ts", "-f lavfi -i testsrc2=s=96x64:r=25:d=1 -c:v mpeg2video -q:v 3");
    char *data[2] = {NULL, NULL};
    int64_t size[2] = {0, 0};
    assert_int_equal(file_read(a, 1 << 24, &data[0], &size[0], NULL), STATUS_OK);
    assert_int_equal(file_read(b, 1 << 24, &data[1], &size[1], NULL), STATUS_OK);
    char *both = memory_alloc((size_t)(size[0] + size[1]), 1);
    memcpy(both, data[0], (size_t)size[0]);
    memcpy(both + size[0], data[1], (size_t)size[1]);
    fixture_write("change.ts", both, (size_t)(size[0] + size[1]));
    memory_free(both);
    memory_free(data[0]);
    memory_free(data[1]);
    Reader *reader = open_clip(fixture_path("change.ts"));
    assert_int_equal(reader_info(reader)->width, 64);
    /* both parts, and the clock that starts again does not run backwards */
    assert_true(read_all(reader) >= 48);
    reader_free(&reader);
}

/* A picture of one colour in a format that has to be converted shows that colour. */
static void check_colour(const char *name, const char *arguments, const int rgb[3], int tolerance)
{
    Error err = {0};
    Reader *reader = open_clip(fixture_clip(name, arguments));
    assert_true(frame_view_supports(reader_info(reader)->format));
    AVFrame *frame = av_frame_alloc();
    assert_int_equal(reader_next(reader, frame, &err), STATUS_OK);
    Image image = {0};
    assert_int_equal(frame_view_read(frame, (Rect){8, 8, 9, 9}, &image, &err), STATUS_OK);
    for (int i = 0; i < 3; i++) {
        const int found = (int)(image.plane[i][0] + 0.5F);
        if (abs(found - rgb[i]) > tolerance) {
            fail_msg("%s: plane %d is %d instead of %d", name, i, found, rgb[i]);
        }
    }
    image_free(&image);
    av_frame_free(&frame);
    reader_free(&reader);
}

static void test_odd_formats(void **state)
{
    (void)state;
    check_colour("pal8.avi", "-f lavfi -i color=c=yellow:s=64x48:d=0.2 -c:v rawvideo -pix_fmt pal8",
                 (int[]){255, 255, 0}, 20); /* through a coarse palette */
    check_colour("mono.nut", "-f lavfi -i color=c=white:s=64x48:d=0.2 -c:v rawvideo -pix_fmt monow",
                 (int[]){255, 255, 255}, 8);
    check_colour("rgb565.nut", "-f lavfi -i color=c=red:s=64x48:d=0.2 -c:v rawvideo -pix_fmt rgb565le",
                 (int[]){255, 0, 0}, 8);
    check_colour("uyvy.mov", "-f lavfi -i color=c=blue:s=64x48:d=0.2 -c:v rawvideo -pix_fmt uyvy422",
                 (int[]){0, 0, 254}, 8);
    check_colour("x2.mkv", "-f lavfi -i color=c=0xF0E0D0:s=64x48:d=0.2 -pix_fmt yuv410p -c:v ffv1",
                 (int[]){240, 224, 208}, 5);
}

static void test_description(void **state)
{
    (void)state;
    Reader *reader = open_clip(fixture_clip(
        "tags.mp4", PATTERN "-vf setsar=16/11 -color_primaries bt2020 -color_trc smpte2084 -colorspace "
                            "bt2020nc -color_range tv -pix_fmt yuv420p10le -c:v libx265 -x265-params "
                            "log-level=none:max-cll=1000,400"));
    const MediaInfo *info = reader_info(reader);
    assert_string_equal(info->codec, "hevc");
    assert_int_equal(info->bit_depth, 10);
    assert_int_equal(info->color_space, AVCOL_SPC_BT2020_NCL);
    assert_int_equal(info->color_transfer, AVCOL_TRC_SMPTE2084);
    assert_int_equal(info->color_primaries, AVCOL_PRI_BT2020);
    assert_int_equal(info->color_range, AVCOL_RANGE_MPEG);
    assert_int_equal(info->sample_aspect_ratio.num, 16);
    assert_int_equal(info->sample_aspect_ratio.den, 11);
    assert_int_equal(info->frame_count, 50);
    assert_true(info->has_light);
    assert_int_equal(info->light.MaxCLL, 1000);
    assert_false(info->has_display_matrix);
    reader_free(&reader);
}

/* The turn is the one with which the ffmpeg program shows the clip. */
static void test_turned(void **state)
{
    (void)state;
    Error err = {0};
    (void)bframes();
    const char *path = fixture_clip("turned.mp4", "-i %D/bf.mp4 -c copy -metadata:s:v rotate=270");
    const char *shown =
        fixture_clip("turned.gray", "-i %D/turned.mp4 -frames:v 1 -f rawvideo -pix_fmt yuv420p");
    char *data = NULL;
    int64_t size = 0;
    assert_int_equal(file_read(shown, 1 << 24, &data, &size, NULL), STATUS_OK);
    assert_int_equal(size, 96 * 128 * 3 / 2);
    Reader *reader = open_clip(path);
    const MediaInfo *info = reader_info(reader);
    assert_true(info->has_display_matrix);
    assert_int_equal(info->audio_streams, 1);
    assert_int_equal(info->orientation.quarter_turns % 2, 1);
    assert_false(info->orientation.mirrored);
    AVFrame *frame = av_frame_alloc();
    assert_int_equal(reader_next(reader, frame, &err), STATUS_OK);
    for (int y = 0; y < frame->height; y++) {
        for (int x = 0; x < frame->width; x++) {
            const bool clockwise = info->orientation.quarter_turns == 1;
            const int shown_x = clockwise ? frame->height - 1 - y : y;
            const int shown_y = clockwise ? x : frame->width - 1 - x;
            assert_int_equal((unsigned char)data[shown_y * 96 + shown_x],
                             frame->data[0][y * frame->linesize[0] + x]);
        }
    }
    av_frame_free(&frame);
    reader_free(&reader);
    memory_free(data);
}

static void test_pool(void **state)
{
    (void)state;
    Error err = {0};
    FramePool *pool = frame_pool_new(1 << 24);
    Reader *reader = NULL;
    const ReaderConfig config = {.path = bframes(), .threads = 3, .pool = pool};
    assert_int_equal(reader_open(&reader, &config, &err), STATUS_OK);
    assert_int_equal(read_all(reader), 90);
    assert_true(frame_pool_stats(pool).peak_allocated_bytes > 0);
    reader_free(&reader);
    frame_pool_free(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_unreadable),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_cut_files),
        cmocka_unit_test(test_damaged_middle),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_last_duration),
        cmocka_unit_test(test_last_duration_elsewhere),
        cmocka_unit_test(test_count_of_a_trimmed_clip),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_size_change),
        cmocka_unit_test(test_odd_formats),
        cmocka_unit_test(test_description),
        cmocka_unit_test(test_turned),
        cmocka_unit_test(test_pool),
    };
    return cmocka_run_group_tests_name("media_reader", tests, fixtures_make, fixtures_remove);
}
