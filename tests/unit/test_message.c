#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "worker/log_limit.h"
#include "worker/message.h"
#include "worker/rate.h"

#define KEY "0123456789abcdef0123456789abcdef"

static void through(const Message *message, Message *back)
{
    size_t length = 0;
    Error err = {0};
    char *line = message_write(message, &length);
    assert_non_null(line);
    assert_int_equal(strlen(line), length);
    assert_int_equal(line[length - 1], '\n');
    assert_ptr_equal(memchr(line, '\n', length), line + length - 1);
    assert_int_equal(message_parse(line, length - 1, back, &err), STATUS_OK);
    assert_int_equal(back->kind, message->kind);
    memory_free(line);
}

static void a_job_keeps_its_paths(void **state)
{
    (void)state;
    char latin[] = "in/caf\xE9.mp4";
    char quoted[] = "out/a \"b\"\n\033.mp4";
    json_t *settings = json_pack("{s:i}", "jobs", 3);
    const Message job = {.kind = MESSAGE_JOB,
                         .settings = settings,
                         .input = latin,
                         .output = quoted,
                         .temporary = latin,
                         .folder = quoted,
                         .key = KEY};
    Message back;
    through(&job, &back);
    assert_string_equal(back.input, latin);
    assert_string_equal(back.output, quoted);
    assert_string_equal(back.temporary, latin);
    assert_string_equal(back.folder, quoted);
    assert_string_equal(back.key, KEY);
    assert_null(back.source);
    assert_int_equal(json_integer_value(json_object_get(back.settings, "jobs")), 3);
    message_free(&back);
    json_decref(settings);
}

static void a_start_keeps_shape_and_estimate(void **state)
{
    (void)state;
    const Message started = {.kind = MESSAGE_STARTED,
                             .look = {.codec = "h264", .width = 64, .height = 48},
                             .shape = {.execution_threads = 3,
                                       .decoder_threads = 2,
                                       .encoder_threads = 5,
                                       .frame_budget_bytes = INT64_C(1) << 40},
                             .estimate = {.total_bytes = 28, .part_bytes = {1, 2, 3, 4, 5, 6, 7}}};
    Message back;
    through(&started, &back);
    assert_int_equal(back.shape.execution_threads, 3);
    assert_int_equal(back.shape.decoder_threads, 2);
    assert_int_equal(back.shape.encoder_threads, 5);
    assert_int_equal(back.shape.frame_budget_bytes, INT64_C(1) << 40);
    assert_int_equal(back.estimate.total_bytes, 28);
    for (int i = 0; i < MEMORY_PART_COUNT; i++) {
        assert_int_equal(back.estimate.part_bytes[i], i + 1);
    }
    message_free(&back);
}

static void a_result_keeps_every_figure(void **state)
{
    (void)state;
    Message done = {.kind = MESSAGE_DONE};
    done.result = (VideoResult){.frames = 1,
                                .frames_with_face = 2,
                                .frames_changed = 3,
                                .isolated_gaps = 4,
                                .scene_cuts = 5,
                                .frames_dropped = 6,
                                .frames_repeated = 7,
                                .corrupt_packets = 8,
                                .output_bytes = 1LL << 40,
                                .peak_rss_bytes = 10,
                                .frame_budget_bytes = 11,
                                .pool_peak_bytes = 12,
                                .max_in_flight = 13,
                                .audio_streams = 14,
                                .audio_reencoded = 15,
                                .streams_left_out = 16,
                                .elapsed_s = 17.25,
                                .busy_s = {18.5, 19.5, 20.5, 21.5}};
    Message back;
    through(&done, &back);
    assert_memory_equal(&back.result, &done.result, sizeof done.result);
    message_free(&back);
}

static void a_failure_keeps_its_reason(void **state)
{
    (void)state;
    Message failed = {.kind = MESSAGE_FAILED};
    (void)error_set(&failed.error, ERROR_SPACE, "cannot write", "a\xFF.mp4", "disk full");
    error_advise(&failed.error, "make room");
    Message back;
    through(&failed, &back);
    assert_int_equal(back.error.class_, ERROR_SPACE);
    assert_string_equal(back.error.file, "a\xEF\xBF\xBD.mp4");
    assert_string_equal(back.error.why, "disk full");
    assert_string_equal(back.error.todo, "make room");
    message_free(&back);
}

static void log_lines_lose_their_control_characters(void **state)
{
    (void)state;
    char text[] = "a\033[2Jb";
    Message back;
    through(&(Message){.kind = MESSAGE_LOG, .level = LOG_LEVEL_WARN, .text = text}, &back);
    assert_int_equal(back.level, LOG_LEVEL_WARN);
    assert_string_equal(back.text, "a?[2Jb");
    message_free(&back);
}

static void a_chunk_keeps_every_figure(void **state)
{
    (void)state;
    const Message told = {.kind = MESSAGE_CHUNK,
                          .chunk = {.index = 7,
                                    .reused = true,
                                    .last = true,
                                    .first_frame = 1680,
                                    .frames = 240,
                                    .packets = 241,
                                    .bytes = 123456789,
                                    .checksum = KEY}};
    Message back;
    through(&told, &back);
    assert_memory_equal(&back.chunk, &told.chunk, sizeof told.chunk);
    message_free(&back);
}

static void a_look_keeps_every_figure(void **state)
{
    (void)state;
    const Message told = {.kind = MESSAGE_LOOKED,
                          .look = {.container = "mov,mp4",
                                   .codec = "hevc",
                                   .pixel_format = "yuv420p10le",
                                   .bit_depth = 10,
                                   .chroma_width_shift = 1,
                                   .chroma_height_shift = 2,
                                   .width = 3840,
                                   .height = 2160,
                                   .rotation = 270,
                                   .reordered_frames = 2,
                                   .reference_frames = 5,
                                   .frame_rate = 29.97,
                                   .duration_s = 12.5,
                                   .frames = 375,
                                   .audio_streams = 2,
                                   .subtitle_streams = 1,
                                   .cut_off = true}};
    Message back;
    through(&told, &back);
    assert_memory_equal(&back.look, &told.look, sizeof told.look);
    message_free(&back);
    char latin[] = "in/caf\xE9.mp4";
    through(&(Message){.kind = MESSAGE_LOOK, .input = latin}, &back);
    assert_string_equal(back.input, latin);
    message_free(&back);
}

static void hostile_lines_are_refused(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "",
        "null",
        "[]",
        "{",
        "{\"type\":\"hello\"",
        "{}",
        "{\"type\":7}",
        "{\"type\":\"\"}",
        "{\"type\":\"launch\"}",
        "{\"type\":\"hello\"}",
        "{\"type\":\"hello\",\"version\":\"1\",\"program\":\"x\"}",
        "{\"type\":\"hello\",\"version\":-1,\"program\":\"x\"}",
        "{\"type\":\"hello\",\"version\":99999999999,\"program\":\"x\"}",
        "{\"type\":\"hello\",\"type\":\"stop\",\"version\":1,\"program\":\"x\"}",
        "{\"type\":\"stop\"}",
        "{\"type\":\"share\",\"percent\":0}",
        "{\"type\":\"share\",\"percent\":101}",
        "{\"type\":\"stop\",\"grace_ms\":-1}",
        "{\"type\":\"chunk\",\"index\":0,\"first_frame\":0,\"frames\":1,\"packets\":1,\"bytes\":1,"
        "\"checksum\":\"\"}",
        "{\"type\":\"chunk\",\"index\":-1,\"first_frame\":0,\"frames\":1,\"packets\":1,\"bytes\":1,"
        "\"checksum\":\"" KEY "\"}",
        "{\"type\":\"job\",\"settings\":{},\"input\":\"a\",\"output\":\"b\",\"temporary\":\"c\",\"folder\":"
        "\"d\",\"key\":\"xyz\",\"source\":null}",
        "{\"type\":\"progress\",\"work\":0,\"frames\":-1,\"fps\":1.0}",
        "{\"type\":\"progress\",\"work\":1,\"frames\":9223372036854775807,\"fps\":1.0}",
        "{\"type\":\"progress\",\"work\":1,\"frames\":1e3,\"fps\":1.0}",
        "{\"type\":\"progress\",\"work\":1,\"frames\":1,\"fps\":-2.0}",
        "{\"type\":\"progress\",\"work\":1,\"frames\":1,\"fps\":1e999}",
        "{\"type\":\"progress\",\"work\":1,\"frames\":1}",
        "{\"type\":\"log\",\"level\":\"loud\",\"text\":\"x\"}",
        "{\"type\":\"log\",\"level\":\"none\",\"text\":\"x\"}",
        "{\"type\":\"log\",\"level\":\"info\",\"text\":\"\\u0000\"}",
        "{\"type\":\"log\",\"level\":\"info\",\"text\":\"\xFF\"}",
        "{\"type\":\"done\"}",
        "{\"type\":\"failed\",\"class\":3}",
        "{\"type\":\"look\"}",
        "{\"type\":\"looked\"}",
        "{\"type\":\"looked\",\"container\":\"\",\"codec\":\"\",\"pixel_format\":\"\",\"bit_depth\":8,"
        "\"chroma_width_shift\":1,\"chroma_height_shift\":1,"
        "\"width\":-1,\"height\":1,\"rotation\":0,\"reordered_frames\":0,\"frame_rate\":1,\"duration_s\":1,"
        "\"frames\":1,\"audio_streams\":0,\"subtitle_streams\":0}",
        "{\"type\":\"probed\",\"complete\":1,\"why\":\"\"}",
        "{\"type\":\"job\",\"settings\":[],\"input\":\"a\",\"output\":\"b\",\"temporary\":\"c\",\"folder\":"
        "\"d\",\"key\":\"" KEY "\",\"source\":"
        "null}",
        "{\"type\":\"job\",\"settings\":{},\"input\":\"\",\"output\":\"b\",\"temporary\":\"c\",\"folder\":"
        "\"d\",\"key\":\"" KEY "\",\"source\":"
        "null}",
        "{\"type\":\"job\",\"settings\":{},\"input\":\"a\",\"output\":\"b\",\"temporary\":\"c\",\"folder\":"
        "\"d\",\"key\":\"" KEY "\"}",
        "{\"type\":\"probe\",\"input\":{\"hex\":\"6\"},\"output\":\"b\"}",
        "{\"type\":\"probe\",\"input\":{\"hex\":\"zz\"},\"output\":\"b\"}",
        "{\"type\":\"probe\",\"input\":{\"hex\":\"6100\"},\"output\":\"b\"}",
        "{\"type\":\"probe\",\"input\":{\"hex\":\"\"},\"output\":\"b\"}",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        Message message;
        Error err = {0};
        if (message_parse(lines[i], strlen(lines[i]), &message, &err) != STATUS_FAILED) {
            fail_msg("accepted: %s", lines[i]);
        }
        assert_int_equal(message.kind, MESSAGE_NONE);
        assert_null(message.input);
        assert_null(message.settings);
        assert_int_equal(err.class_, ERROR_CRASH);
        assert_int_not_equal(err.why[0], '\0');
    }
}

static void unknown_fields_are_for_later_versions(void **state)
{
    (void)state;
    static const char line[] = "{\"type\":\"progress\",\"work\":1,\"frames\":5,\"fps\":2,\"mood\":\"good\"}";
    Message message;
    assert_int_equal(message_parse(line, sizeof line - 1, &message, NULL), STATUS_OK);
    assert_int_equal(message.frames, 5);
    assert_true(message.fps > 1.9 && message.fps < 2.1);
    message_free(&message);
}

static void what_is_too_long_is_not_sent(void **state)
{
    (void)state;
    size_t length = 0;
    char *text = memory_alloc(MESSAGE_MAX_BYTES + 1, 1);
    memset(text, 'x', MESSAGE_MAX_BYTES);
    assert_null(
        message_write(&(Message){.kind = MESSAGE_LOG, .level = LOG_LEVEL_INFO, .text = text}, &length));
    memory_free(text);
}

static void put(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void lines_come_whole_however_they_are_cut(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    LineBuffer buffer = {0};
    const char *line = NULL;
    size_t length = 0;
    assert_int_equal(line_buffer_fill(&buffer, ends[0]), STATUS_AGAIN);
    put(ends[1], "one\ntw");
    assert_int_equal(line_buffer_fill(&buffer, ends[0]), STATUS_OK);
    assert_int_equal(line_buffer_next(&buffer, &line, &length), STATUS_OK);
    assert_string_equal(line, "one");
    assert_int_equal(line_buffer_next(&buffer, &line, &length), STATUS_AGAIN);
    put(ends[1], "o\n\nend");
    assert_int_equal(line_buffer_fill(&buffer, ends[0]), STATUS_OK);
    assert_int_equal(line_buffer_next(&buffer, &line, &length), STATUS_OK);
    assert_string_equal(line, "two");
    assert_int_equal(line_buffer_next(&buffer, &line, &length), STATUS_OK);
    assert_int_equal(length, 0);
    close(ends[1]);
    assert_int_equal(line_buffer_fill(&buffer, ends[0]), STATUS_EOF);
    assert_int_equal(line_buffer_next(&buffer, &line, &length), STATUS_AGAIN);
    line_buffer_free(&buffer);
    close(ends[0]);
}

static void an_endless_line_is_noticed(void **state)
{
    (void)state;
    int ends[2];
    char block[4096];
    memset(block, 'x', sizeof block);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    LineBuffer buffer = {0};
    const char *line = NULL;
    size_t length = 0;
    size_t sent = 0;
    while (line_buffer_next(&buffer, &line, &length) == STATUS_AGAIN) {
        assert_int_equal(write(ends[1], block, sizeof block), (ssize_t)sizeof block);
        sent += sizeof block;
        assert_int_equal(line_buffer_fill(&buffer, ends[0]), STATUS_OK);
        assert_true(sent <= 2 * (size_t)MESSAGE_MAX_BYTES);
    }
    assert_int_equal(line_buffer_next(&buffer, &line, &length), STATUS_OVER_BUDGET);
    line_buffer_free(&buffer);
    close(ends[0]);
    close(ends[1]);
}

static void a_reader_that_is_gone_is_a_state(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    close(ends[1]);
    assert_int_equal(message_send(ends[0], &(Message){.kind = MESSAGE_STOP}, NULL), STATUS_EOF);
    close(ends[0]);
}

static void the_rate_is_that_of_the_last_seconds(void **state)
{
    (void)state;
    RateWindow window = {0};
    assert_true(rate_per_second(&window, 0, 0) < 0.001);
    for (int i = 0; i <= 100; i++) { /* 10 frames a second for ten seconds */
        rate_add(&window, 100 * i, i);
    }
    assert_true(rate_per_second(&window, 10000, 100) > 9.9 && rate_per_second(&window, 10000, 100) < 10.1);
    for (int i = 1; i <= 100; i++) { /* then 20 */
        rate_add(&window, 10000 + 100 * i, 100 + 2 * i);
        const double rate = rate_per_second(&window, 10000 + 100 * i, 100 + 2 * i);
        assert_true(rate > 9.9 && rate < 20.1);
        assert_true(i < 70 || rate > 19.9);
    }
}

static void log_lines_are_bounded(void **state)
{
    (void)state;
    LogLimit limit = {0};
    int counts[3] = {0};
    for (int i = 0; i < 1000; i++) {
        counts[log_limit_ask(&limit, LOG_LEVEL_DEBUG, 5500)]++;
    }
    assert_int_equal(counts[LOG_LIMIT_SEND], LOG_LIMIT_A_SECOND);
    assert_int_equal(counts[LOG_LIMIT_TELL], 1);
    assert_int_equal(log_limit_ask(&limit, LOG_LEVEL_ERROR, 5500), LOG_LIMIT_SEND);
    for (int i = 0; i < 100000; i++) {
        counts[log_limit_ask(&limit, LOG_LEVEL_DEBUG, 6000 + 10 * i)]++;
    }
    assert_int_equal(counts[LOG_LIMIT_SEND], LOG_LIMIT_A_JOB);
    assert_int_equal(counts[LOG_LIMIT_TELL], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(log_lines_are_bounded),
        cmocka_unit_test(a_job_keeps_its_paths),
        cmocka_unit_test(a_start_keeps_shape_and_estimate),
        cmocka_unit_test(a_result_keeps_every_figure),
        cmocka_unit_test(a_failure_keeps_its_reason),
        cmocka_unit_test(log_lines_lose_their_control_characters),
        cmocka_unit_test(a_chunk_keeps_every_figure),
        cmocka_unit_test(a_look_keeps_every_figure),
        cmocka_unit_test(hostile_lines_are_refused),
        cmocka_unit_test(unknown_fields_are_for_later_versions),
        cmocka_unit_test(what_is_too_long_is_not_sent),
        cmocka_unit_test(lines_come_whole_however_they_are_cut),
        cmocka_unit_test(an_endless_line_is_noticed),
        cmocka_unit_test(a_reader_that_is_gone_is_a_state),
        cmocka_unit_test(the_rate_is_that_of_the_last_seconds),
    };
    return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
