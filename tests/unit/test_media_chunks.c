#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/text.h"
#include "media/chunk_file.h"
#include "media_fixtures.h"

#define KEY "0123456789abcdef0123456789abcdef"
#define OTHER_KEY "fedcba9876543210fedcba9876543210"
#define PICTURES "-f lavfi -i testsrc2=s=96x64:r=25:d=5 "

enum { TO_THE_END = 1 << 20, CHUNKS_MOST = 64 };

/* One run of the writer over an input, as a worker would do it. */
typedef struct Run {
    WriterConfig config;
    char input[512]; /* paths of fixtures do not last */
    char output[512];
    char folder[512];   /* empty: no chunks */
    int stop_at;        /* the writer is given up before this frame of the input */
    bool stop_politely; /* by writer_stop_at_chunk instead */
    /* what came of it */
    Status status;
    WriterSummary summary;
    WriterResume resume;
    ChunkInfo chunks[CHUNKS_MOST];
    int made;
    int reused;
} Run;

static void note_chunk(void *context, const ChunkInfo *chunk)
{
    Run *run = context;
    assert_in_range(chunk->index, 0, CHUNKS_MOST - 1);
    assert_int_equal(chunk->index, run->made + run->reused);
    run->chunks[chunk->index] = *chunk;
    run->made += !chunk->reused;
    run->reused += chunk->reused;
}

static const char *chunk_folder(const char *name)
{
    const char *path = fixture_path(name);
    (void)mkdir(path, 0777);
    return path;
}

static void run_writer(Run *run)
{
    Error err = {0};
    char text[1600];
    Reader *reader = NULL;
    Writer *writer = NULL;
    AVFrame *frame = av_frame_alloc();
    const ReaderConfig source = {.path = run->input, .threads = 2};
    run->config.path = run->config.final_name = run->output;
    run->config.input_path = run->input;
    run->config.chunks.folder = run->folder[0] != '\0' ? run->folder : NULL;
    assert_int_equal(reader_open(&reader, &source, &err), STATUS_OK);
    run->config.source = reader_info(reader);
    run->config.chunks.source_origin = reader_info(reader)->first_pts;
    run->config.chunks.done = note_chunk;
    run->config.chunks.context = run;
    run->made = run->reused = 0;
    run->status = writer_open(&writer, &run->config, &err);
    if (run->status != STATUS_OK) {
        fail_msg("%s", error_text(&err, text, sizeof text));
    }
    (void)writer_resume(writer, &run->resume);
    const ChunkCounts counts = {.with_face = 1};
    Status status = run->resume.complete ? STATUS_EOF : STATUS_OK;
    for (int number = 0; status == STATUS_OK; number++) {
        status = reader_next(reader, frame, &err);
        if (status == STATUS_OK && number >= run->stop_at && !run->stop_politely) {
            status = STATUS_STOPPED;
        }
        if (status == STATUS_OK && number == run->stop_at) {
            writer_stop_at_chunk(writer);
        }
        if (status == STATUS_OK && number >= run->resume.from.frame) {
            status = writer_frame(writer, frame, &counts, 0, &err);
        }
        av_frame_unref(frame);
    }
    run->status = status == STATUS_EOF ? writer_finish(writer, &run->summary, &err) : status;
    if (run->status == STATUS_FAILED) {
        fail_msg("%s", error_text(&err, text, sizeof text));
    }
    writer_free(&writer);
    reader_free(&reader);
    av_frame_free(&frame);
}

static Run new_run(const char *input, const char *output, const char *folder)
{
    Run run = {.config = quick_config(input, output), .stop_at = TO_THE_END};
    text_copy(run.input, sizeof run.input, input);
    text_copy(run.output, sizeof run.output, fixture_path(output));
    text_copy(run.folder, sizeof run.folder, folder != NULL ? chunk_folder(folder) : "");
    run.config.preset = "veryfast";
    run.config.chunks.key = KEY;
    run.config.chunks.seconds = 1;
    return run;
}

/* ---- what stands in a file ---- */

typedef struct PacketTimes {
    int64_t pts;
    int64_t dts;
    int64_t duration;
    int key;
} PacketTimes;

static PacketTimes *packet_times(const char *path, size_t *count)
{
    AVFormatContext *format = NULL;
    assert_int_equal(avformat_open_input(&format, path, NULL, NULL), 0);
    assert_true(avformat_find_stream_info(format, NULL) >= 0);
    const int video = av_find_best_stream(format, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
    AVPacket *packet = av_packet_alloc();
    PacketTimes *times = NULL;
    *count = 0;
    int64_t last = INT64_MIN;
    while (av_read_frame(format, packet) >= 0) {
        if (packet->stream_index == video) {
            times = memory_resize(times, *count + 1, sizeof *times);
            times[(*count)++] =
                (PacketTimes){packet->pts, packet->dts, packet->duration, packet->flags & AV_PKT_FLAG_KEY};
            assert_true(packet->dts > last);
            last = packet->dts;
        }
        av_packet_unref(packet);
    }
    av_packet_free(&packet);
    avformat_close_input(&format);
    return times;
}

static int by_pts(const void *a, const void *b)
{
    const PacketTimes *x = a;
    const PacketTimes *y = b;
    return (x->pts > y->pts) - (x->pts < y->pts);
}

/* The same pictures at the same times, the same of them key frames, and the same decoding times. Which of the
 * others are sent before their turn is the encoder's choice: with threads it is not always the same. */
static void assert_same_stream(const char *a, const char *b)
{
    size_t count_a = 0;
    size_t count_b = 0;
    PacketTimes *times_a = packet_times(a, &count_a);
    PacketTimes *times_b = packet_times(b, &count_b);
    assert_int_equal(count_a, count_b);
    for (size_t i = 0; i < count_a; i++) {
        assert_int_equal(times_a[i].dts, times_b[i].dts);
    }
    qsort(times_a, count_a, sizeof *times_a, by_pts);
    qsort(times_b, count_b, sizeof *times_b, by_pts);
    for (size_t i = 0; i < count_a; i++) {
        const PacketTimes *x = &times_a[i];
        const PacketTimes *y = &times_b[i];
        if (x->pts != y->pts || x->key != y->key) {
            fail_msg("picture %zu: pts %lld key %d, and pts %lld key %d", i, (long long)x->pts, x->key,
                     (long long)y->pts, y->key);
        }
    }
    memory_free(times_a);
    memory_free(times_b);
}

/* Decodes all with every check on: a broken joint would be an error or a missing frame. */
static size_t decode_strictly(const char *path)
{
    char command[1024];
    const char *log = fixture_path("decode.log");
    (void)snprintf(
        command, sizeof command,
        "ffmpeg -nostdin -v warning -xerror -err_detect explode -i '%s' -fps_mode passthrough -f null - "
        "2>'%s'",
        path, log);
    assert_int_equal(system(command), 0);
    struct stat status;
    assert_int_equal(stat(log, &status), 0);
    assert_int_equal(status.st_size, 0);
    size_t count = 0;
    memory_free(frame_checksums(path, &count));
    return count;
}

/* ---- a run that was cut off, and the one that went on ---- */

static void cut_off_and_go_on(const char *encoder, const char *given, AVRational fps, const char *preset,
                              bool politely)
{
    char input[512]; /* fixtures' paths do not last */
    text_copy(input, sizeof input, given);
    char name[128];
    static int number;
    (void)snprintf(name, sizeof name, "whole-%d.mp4", ++number);
    char folder[128];
    (void)snprintf(folder, sizeof folder, "whole-%d", number);
    Run whole = new_run(input, name, folder);
    whole.config.encoder = encoder;
    whole.config.preset = preset;
    whole.config.output_fps = fps;
    run_writer(&whole);
    assert_int_equal(whole.status, STATUS_OK);
    assert_in_range(whole.made, 4, 6);
    assert_true(whole.chunks[whole.made - 1].last);

    char broken_name[128];
    (void)snprintf(broken_name, sizeof broken_name, "broken-%d.mp4", number);
    (void)snprintf(folder, sizeof folder, "broken-%d", number);
    Run broken = new_run(input, broken_name, folder);
    broken.config.encoder = encoder;
    broken.config.preset = preset;
    broken.config.output_fps = fps;
    broken.stop_at = politely ? 60 : 118; /* frames still in the encoder are lost */
    broken.stop_politely = politely;
    run_writer(&broken);
    assert_int_equal(broken.status, STATUS_STOPPED);
    const int kept = broken.made;
    assert_in_range(kept, 1, whole.made - 1);
    broken.stop_at = TO_THE_END;
    broken.stop_politely = false;
    run_writer(&broken);
    assert_int_equal(broken.status, STATUS_OK);
    assert_int_equal(broken.reused, kept);
    assert_int_equal(broken.reused + broken.made, whole.made);
    assert_int_equal(broken.summary.frames, whole.summary.frames);
    assert_int_equal(broken.summary.first_pts, whole.summary.first_pts);
    assert_int_equal(broken.summary.last_pts, whole.summary.last_pts);
    ChunkCounts sum = {0};
    for (int i = 0; i < whole.made; i++) {
        assert_memory_equal(&broken.chunks[i].begin, &whole.chunks[i].begin, sizeof(ChunkPoint));
        assert_int_equal(broken.chunks[i].packets, whole.chunks[i].packets);
        sum.frames += broken.chunks[i].counts.frames;
        sum.with_face += broken.chunks[i].counts.with_face;
    }
    assert_int_equal(sum.with_face, sum.frames);
    assert_same_stream(whole.output, broken.output);
    assert_int_equal(decode_strictly(broken.output), (size_t)whole.summary.frames);
}

static const char *const encoders[] = {"libx264", "libx265", "libvpx-vp9"};
enum { ENCODERS = sizeof encoders / sizeof encoders[0] };

static void every_encoder_goes_on_at_a_constant_rate(void **state)
{
    (void)state;
    char input[512];
    text_copy(input, sizeof input, fixture_clip("cfr.mp4", PICTURES "-c:v libx264 -bf 3 -pix_fmt yuv420p"));
    for (int i = 0; i < ENCODERS; i++) {
        cut_off_and_go_on(encoders[i], input, (AVRational){0, 1}, i == 2 ? "8" : "veryfast", false);
    }
}

static void every_encoder_goes_on_with_frames_at_any_time(void **state)
{
    (void)state;
    char input[512];
    const char *clip =
        fixture_clip("vfr.mp4", PICTURES
                     "-vf setpts='(N+mod(N\\,3)*0.4)/25/TB' -fps_mode vfr -c:v libx264 -pix_fmt yuv420p "
                     "-video_track_timescale 90000");
    text_copy(input, sizeof input, clip);
    for (int i = 0; i < ENCODERS; i++) {
        cut_off_and_go_on(encoders[i], input, (AVRational){0, 1}, i == 2 ? "8" : "veryfast", false);
    }
}

static void every_encoder_goes_on_while_frames_are_left_out_and_repeated(void **state)
{
    (void)state;
    char input[512];
    text_copy(input, sizeof input, fixture_clip("rate.mp4", PICTURES "-c:v libx264 -pix_fmt yuv420p"));
    for (int i = 0; i < ENCODERS; i++) {
        cut_off_and_go_on(encoders[i], input, (AVRational){30, 1}, i == 2 ? "8" : "veryfast", false);
        cut_off_and_go_on(encoders[i], input, (AVRational){7, 1}, i == 2 ? "8" : "veryfast", false);
    }
}

static void every_encoder_ends_at_a_chunk_when_asked(void **state)
{
    (void)state;
    char input[512];
    text_copy(input, sizeof input, fixture_clip("polite.mp4", PICTURES "-c:v libx264 -pix_fmt yuv420p"));
    for (int i = 0; i < ENCODERS; i++) {
        cut_off_and_go_on(encoders[i], input, (AVRational){0, 1}, i == 2 ? "8" : "ultrafast", true);
    }
}

static void look_ahead_and_reordering_cross_no_joint(void **state)
{
    (void)state;
    /* scene cuts, open GOPs (x265's default), B-pyramids and a long look-ahead */
    const char *input = fixture_clip(
        "cuts.mp4",
        "-f lavfi -i testsrc2=s=96x64:r=25:d=5,hue=h='360*floor(t*1.7)' -c:v libx264 -pix_fmt yuv420p");
    cut_off_and_go_on("libx264", input, (AVRational){0, 1}, "slow", false);
    cut_off_and_go_on("libx265", input, (AVRational){0, 1}, "slow", false);
}

/* ---- what is not to be used ---- */

typedef struct Harm {
    const char *name;
    int chunk;
    int at; /* byte; from the end where negative */
    int kept;
} Harm;

static void copy_folder(const char *from, const char *to)
{
    char command[2048];
    (void)snprintf(command, sizeof command, "rm -rf '%s' && cp -r '%s' '%s'", to, from, to);
    assert_int_equal(system(command), 0);
}

static void harm(const char *folder, const Harm *what)
{
    char *path = chunk_file_path(folder, what->chunk, true);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, what->at, what->at < 0 ? SEEK_END : SEEK_SET), 0);
    const int byte = fgetc(file);
    assert_int_equal(fseek(file, what->at, what->at < 0 ? SEEK_END : SEEK_SET), 0);
    (void)fputc(byte ^ 0x40, file);
    assert_int_equal(fclose(file), 0);
    memory_free(path);
}

static Run stopped_run(const char *folder)
{
    const char *input = fixture_clip("harm.mp4", PICTURES "-c:v libx264 -pix_fmt yuv420p");
    Run run = new_run(input, "harm-out.mp4", folder);
    run.config.preset = "ultrafast";
    run.stop_at = 118;
    run_writer(&run);
    assert_int_equal(run.status, STATUS_STOPPED);
    assert_in_range(run.made, 3, 5);
    return run;
}

static void only_what_is_whole_is_used_again(void **state)
{
    (void)state;
    static const Harm harms[] = {
        {"magic", 0, 0, 0},     {"header", 1, 20, 1},   {"key", 1, 48, 1},       {"a packet", 2, 3000, 2},
        {"trailer", 1, -60, 1}, {"checksum", 0, -1, 0}, {"a length", 1, 330, 1},
    };
    const Run stopped = stopped_run("harmed");
    char whole[512];
    text_copy(whole, sizeof whole, fixture_path("kept"));
    copy_folder(stopped.folder, whole);
    for (size_t i = 0; i < sizeof harms / sizeof harms[0]; i++) {
        Run run = stopped;
        copy_folder(whole, run.folder);
        harm(run.folder, &harms[i]);
        run.stop_at = TO_THE_END;
        run_writer(&run);
        assert_int_equal(run.status, STATUS_OK);
        if (run.reused != harms[i].kept) {
            fail_msg("%s: %d chunks were used again instead of %d", harms[i].name, run.reused, harms[i].kept);
        }
        assert_int_equal(decode_strictly(run.output), 125);
    }
}

static void a_file_that_is_cut_off_or_missing_ends_what_is_used(void **state)
{
    (void)state;
    const Run stopped = stopped_run("cut");
    char whole[512];
    text_copy(whole, sizeof whole, fixture_path("cut-kept"));
    copy_folder(stopped.folder, whole);
    for (int share = 0; share <= 9; share += 3) {
        Run run = stopped;
        copy_folder(whole, run.folder);
        char *path = chunk_file_path(run.folder, 1, true);
        struct stat status;
        assert_int_equal(stat(path, &status), 0);
        if (share == 0) {
            assert_int_equal(unlink(path), 0);
        } else {
            assert_int_equal(truncate(path, status.st_size * share / 10), 0);
        }
        memory_free(path);
        run.stop_at = TO_THE_END;
        run_writer(&run);
        assert_int_equal(run.status, STATUS_OK);
        assert_int_equal(run.reused, 1);
        assert_int_equal(decode_strictly(run.output), 125);
    }
}

static void chunks_of_another_recipe_are_thrown_away(void **state)
{
    (void)state;
    Run run = stopped_run("foreign");
    run.config.chunks.key = OTHER_KEY;
    run.stop_at = TO_THE_END;
    run_writer(&run);
    assert_int_equal(run.status, STATUS_OK);
    assert_int_equal(run.reused, 0);
    assert_int_equal(decode_strictly(run.output), 125);
}

static void another_encoder_setting_takes_no_old_chunk(void **state)
{
    (void)state;
    Run run = stopped_run("settings");
    run.config.encoder = "libx265"; /* with the same key, as if that had been forgotten */
    run.stop_at = TO_THE_END;
    run_writer(&run);
    assert_int_equal(run.status, STATUS_OK);
    assert_int_equal(run.reused, 0);
    assert_int_equal(decode_strictly(run.output), 125);
}

static void a_run_that_was_cut_off_at_its_very_end_needs_no_frame(void **state)
{
    (void)state;
    const char *input = fixture_clip("end.mp4", PICTURES "-c:v libx264 -pix_fmt yuv420p");
    Run run = new_run(input, "end-out.mp4", "end");
    run_writer(&run);
    assert_int_equal(run.status, STATUS_OK);
    const int made = run.made;
    run_writer(&run);
    assert_int_equal(run.status, STATUS_OK);
    assert_true(run.resume.complete);
    assert_int_equal(run.reused, made);
    assert_int_equal(run.made, 0);
    assert_int_equal(run.summary.frames, 125);
    assert_int_equal(decode_strictly(run.output), 125);
}

/* Chunks change nothing but that key frames stand where they begin: the encoder is not drained. */
static void chunks_cost_key_frames_and_no_more(void **state)
{
    (void)state;
    const char *input = fixture_clip("cost.mp4", PICTURES "-c:v libx264 -pix_fmt yuv420p");
    Run chunked = new_run(input, "cost-chunked.mp4", "cost");
    chunked.config.threads = 1;
    run_writer(&chunked);
    Run plain = new_run(input, "cost-plain.mp4", NULL);
    plain.config.threads = 1;
    run_writer(&plain);
    size_t count = 0;
    PacketTimes *times = packet_times(chunked.output, &count);
    int keys = 0;
    for (size_t i = 0; i < count; i++) {
        keys += times[i].key != 0;
    }
    memory_free(times);
    assert_int_equal(keys, 5);
    assert_int_equal(plain.made, 0);
    assert_int_equal(plain.summary.frames, chunked.summary.frames);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_encoder_goes_on_at_a_constant_rate),
        cmocka_unit_test(every_encoder_goes_on_with_frames_at_any_time),
        cmocka_unit_test(every_encoder_goes_on_while_frames_are_left_out_and_repeated),
        cmocka_unit_test(every_encoder_ends_at_a_chunk_when_asked),
        cmocka_unit_test(look_ahead_and_reordering_cross_no_joint),
        cmocka_unit_test(only_what_is_whole_is_used_again),
        cmocka_unit_test(a_file_that_is_cut_off_or_missing_ends_what_is_used),
        cmocka_unit_test(chunks_of_another_recipe_are_thrown_away),
        cmocka_unit_test(another_encoder_setting_takes_no_old_chunk),
        cmocka_unit_test(a_run_that_was_cut_off_at_its_very_end_needs_no_frame),
        cmocka_unit_test(chunks_cost_key_frames_and_no_more),
    };
    return cmocka_run_group_tests(tests, fixtures_make, fixtures_remove);
}
