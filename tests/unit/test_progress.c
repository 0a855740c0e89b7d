#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "ui/output.h"
#include "ui/progress.h"

static const VideoReport video = {
    .input = "in/clip12.mp4",
    .frames_total = 300,
    .frames_done = 120,
    .fps = 24.04,
    .eta_s = 7.5,
    .rss_bytes = 851443712,
};

static void assert_line(const VideoReport *report, int width, const char *expected)
{
    Text text = {0};
    progress_video_line(&text, report, width, false);
    assert_string_equal(text.data, expected);
    text_free(&text);
}

static void lines_drop_what_does_not_fit(void **state)
{
    (void)state;
    assert_line(&video, 120,
                "clip12.mp4 [###############-----------------------]  frame 120 of 300  ETA 0:08  24.0 fps  "
                "812.0 MB");
    assert_line(&video, 79,
                "clip12.mp4 [#######-----------]  frame 120 of 300  ETA 0:08  24.0 fps  812.0 MB");
    assert_line(&video, 66, "clip12.mp4 [######---------]  frame 120 of 300  ETA 0:08  24.0 fps");
    assert_line(&video, 45, "clip12.mp4 [######--------]  frame 120 of 300");
    assert_line(&video, 30, "clip12.mp4 [#######----------]");
    assert_line(&video, 16, "cl~p4 [###-----]");
}

static void no_line_is_wider_than_asked(void **state)
{
    (void)state;
    VideoReport long_one = video;
    long_one.input =
        "in/\xC3\xA9t\xC3\xA9 a very long name that somebody gave to a video of the summer 0017.mp4";
    for (int width = 1; width < 200; width++) {
        for (int colour = 0; colour < 2; colour++) {
            Text text = {0};
            progress_video_line(&text, &long_one, width, colour != 0);
            assert_true(progress_line_width(text.data) <= width);
            text_free(&text);
            const BatchProgress batch = {.videos = 65,
                                         .settled = 12,
                                         .failed = 3,
                                         .bytes_to_do = 10,
                                         .bytes_done = 5,
                                         .elapsed_s = 100};
            progress_batch_line(&text, &batch, width, colour != 0);
            assert_true(progress_line_width(text.data) <= width);
            text_free(&text);
        }
    }
}

static void names_cannot_steer_the_terminal(void **state)
{
    (void)state;
    VideoReport hostile = video;
    hostile.input = "in/a\033[2J\r\nb.mp4";
    Text text = {0};
    progress_video_line(&text, &hostile, 120, false);
    assert_null(strchr(text.data, '\033'));
    assert_null(strchr(text.data, '\r'));
    assert_null(strchr(text.data, '\n'));
    text_free(&text);
}

static void an_unknown_length_has_no_bar(void **state)
{
    (void)state;
    VideoReport unknown = video;
    unknown.frames_total = 0;
    unknown.eta_s = -1.0;
    assert_line(&unknown, 79, "clip12.mp4  frame 120  ETA -:--  24.0 fps  812.0 MB");
    assert_true(progress_share(&unknown) < 0);
    VideoReport over = video;
    over.frames_done = 310;
    assert_true(progress_share(&over) < 1.001);
}

static void the_estimate_leaves_out_the_start(void **state)
{
    (void)state;
    BatchProgress batch = {.videos = 2, .bytes_to_do = 1000, .elapsed_s = 5.0};
    assert_true(progress_eta(&batch) < 0); /* nothing done yet */
    batch.has_begun = true;
    batch.begun_s = 4.0;
    batch.begun_bytes = 10.0;
    batch.bytes_done = 10.0;
    assert_true(progress_eta(&batch) < 0); /* no second of work yet */
    batch.elapsed_s = 6.0;
    batch.bytes_done = 110.0; /* 100 bytes in 2 s, 890 left */
    assert_true(progress_eta(&batch) > 17.7 && progress_eta(&batch) < 17.9);
    batch.bytes_to_do = 100; /* videos failed meanwhile */
    assert_true(progress_eta(&batch) < 0.001 && progress_eta(&batch) >= 0);
}

static void the_batch_line_counts(void **state)
{
    (void)state;
    const BatchProgress batch = {.videos = 10,
                                 .settled = 3,
                                 .failed = 1,
                                 .bytes_to_do = 1000,
                                 .bytes_done = 300.0,
                                 .elapsed_s = 125.0};
    Text text = {0};
    progress_batch_line(&text, &batch, 70, false);
    assert_string_equal(text.data, "Batch: 3 of 10, 1 failed [####---------]  30 %  ETA -:--  elapsed 2:05");
    text_free(&text);
}

static void a_stuck_reader_never_makes_us_wait(void **state)
{
    (void)state;
    int ends[2];
    char kilobyte[1025];
    memset(kilobyte, 'x', 1024);
    kilobyte[1024] = '\0';
    assert_int_equal(pipe(ends), 0);
    Output output = {.fd = ends[1]};
    for (int i = 0; i < 4096; i++) { /* 4 MB into a pipe that nobody reads */
        output_write(&output, kilobyte);
    }
    assert_true(output_is_crowded(&output));
    assert_true(output.waiting.length <= OUTPUT_MAX_BYTES + sizeof kilobyte);
    output_finish(&output, 0);
    close(ends[0]);
    close(ends[1]);
}

/* Reads what there is, at most `size` bytes; adds to the counts of lines. */
static void read_some(int fd, size_t size, int counts[256])
{
    static char bytes[64 * 1024];
    const ssize_t count = read(fd, bytes, size < sizeof bytes ? size : sizeof bytes);
    for (ssize_t i = 0; i < count; i++) {
        counts[(unsigned char)bytes[i]]++;
    }
}

static void a_slow_reader_gets_every_line_and_a_stuck_one_the_last(void **state)
{
    (void)state;
    int ends[2];
    int counts[256] = {0};
    char kilobyte[1025];
    memset(kilobyte, 'x', 1024);
    kilobyte[0] = '!';
    kilobyte[1024] = '\0';
    assert_int_equal(pipe(ends), 0);
    Output output = {.fd = ends[1]};
    /* 256 kB ahead of the reader, 16 times the buffer's limit in all */
    for (int i = 0; i < 256; i++) {
        output_write(&output, kilobyte);
    }
    for (int i = 0; i < 16 * 1024; i++) {
        output_write(&output, kilobyte);
        read_some(ends[0], 1024, counts);
    }
    assert_true(output.waiting.length <= OUTPUT_MAX_BYTES);
    for (int i = 0; i < 4096; i++) {
        output_write(&output,
                     "stuck, stuck, stuck, stuck, stuck, stuck, stuck, stuck, stuck, stuck, stuck, stuck, "
                     "stuck, stuck, stuck, stuck, stuck, stuck, stuck, stuck, stuck, stuck, stuck, stuck, "
                     "stuck, stuck, stuck, stuck, stuck, stuck, stuck, stuck, stuck, stuck, stuck, stuck, "
                     "stuck, stuck, stuck, stuck, stuck, stuck, stuck, stuck, stuck, stuck, stuck, stuck");
    }
    output_write_surely(&output, "#");
    while (output.waiting.length > 0) {
        read_some(ends[0], 4096, counts);
        output_flush(&output);
    }
    assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    for (int i = 0; i < 1024; i++) {
        read_some(ends[0], 4096, counts);
    }
    assert_int_equal(counts['!'], 256 + 16 * 1024);
    assert_int_equal(counts['#'], 1);
    output_finish(&output, 0);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_drop_what_does_not_fit),
        cmocka_unit_test(no_line_is_wider_than_asked),
        cmocka_unit_test(names_cannot_steer_the_terminal),
        cmocka_unit_test(an_unknown_length_has_no_bar),
        cmocka_unit_test(the_estimate_leaves_out_the_start),
        cmocka_unit_test(the_batch_line_counts),
        cmocka_unit_test(a_stuck_reader_never_makes_us_wait),
        cmocka_unit_test(a_slow_reader_gets_every_line_and_a_stuck_one_the_last),
    };
    return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}
