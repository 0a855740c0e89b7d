#include "media_fixtures.h"

#include <ftw.h>
#include <libavutil/crc.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* after those above */
#include <cmocka.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/text.h"
#include "media/media_log.h"
#include "media/reader.h"

/* libx265 keeps a few kilobytes for good, FFmpeg's wrapper of it a few bytes of every frame that was in it.
 */
const char *__lsan_default_suppressions(void); // NOLINT(bugprone-reserved-identifier,cert-*)
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void) // NOLINT
{
    return "leak:libx265\nleak:avcodec_send_frame\n";
}

static char folder[64];

int fixtures_make(void **state)
{
    (void)state;
    media_log_init();
    (void)snprintf(folder, sizeof folder, "/tmp/runbatch-media-XXXXXX");
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status, (void)kind, (void)walk;
    return remove(path);
}

int fixtures_remove(void **state)
{
    (void)state;
    return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *fixture_path(const char *name)
{
    enum { PATHS = 16 };
    static char paths[PATHS][512];
    static unsigned turn;
    char *path = paths[turn++ % PATHS];
    (void)snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

const char *fixture_clip(const char *name, const char *arguments)
{
    const char *path = fixture_path(name);
    if (file_exists(path)) {
        return path;
    }
    Text command = {0};
    text_append(&command, "ffmpeg -nostdin -v error -y ");
    for (const char *c = arguments; *c != '\0'; c++) {
        if (c[0] == '%' && c[1] == 'D') {
            text_append(&command, folder);
            c++;
        } else {
            text_append_bytes(&command, c, 1);
        }
    }
    text_appendf(&command, " %s", path);
    if (system(command.data) != 0) {
        fail_msg("%s", command.data);
    }
    text_free(&command);
    return path;
}

void fixture_write(const char *name, const void *data, size_t size)
{
    FILE *file = fopen(fixture_path(name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

const char *fixture_cut(const char *from, const char *to, double share)
{
    char *data = NULL;
    int64_t size = 0;
    assert_int_equal(file_read(from, 1 << 26, &data, &size, NULL), STATUS_OK);
    fixture_write(to, data, (size_t)((double)size * share));
    memory_free(data);
    return fixture_path(to);
}

uint32_t checksum_of_bytes(const uint8_t *data, int size)
{
    return av_crc(av_crc_get_table(AV_CRC_32_IEEE_LE), 0, data, (size_t)size);
}

FileNote note_file(const char *path)
{
    FileNote note = {0};
    assert_true(avformat_open_input(&note.format, path, NULL, NULL) >= 0);
    assert_true(avformat_find_stream_info(note.format, NULL) >= 0);
    note.streams = memory_alloc(note.format->nb_streams, sizeof *note.streams);
    for (unsigned i = 0; i < note.format->nb_streams; i++) {
        const AVStream *stream = note.format->streams[i];
        note.streams[i].type = stream->codecpar->codec_type;
        note.streams[i].codec = stream->codecpar->codec_id;
        note.streams[i].time_base = stream->time_base;
    }
    AVPacket *packet = av_packet_alloc();
    while (av_read_frame(note.format, packet) >= 0) {
        StreamNote *stream = &note.streams[packet->stream_index];
        stream->packets = memory_resize(stream->packets, stream->count + 1, sizeof *stream->packets);
        stream->packets[stream->count++] =
            (PacketNote){packet->pts, packet->dts, packet->duration,
                         checksum_of_bytes(packet->data, packet->size), packet->flags};
        av_packet_unref(packet);
    }
    av_packet_free(&packet);
    return note;
}

void note_free(FileNote *note)
{
    for (unsigned i = 0; i < note->format->nb_streams; i++) {
        memory_free(note->streams[i].packets);
    }
    memory_free(note->streams);
    avformat_close_input(&note->format);
}

const StreamNote *note_stream(const FileNote *note, enum AVMediaType type, int nth)
{
    for (unsigned i = 0; i < note->format->nb_streams; i++) {
        if (note->streams[i].type == type && nth-- == 0) {
            return &note->streams[i];
        }
    }
    return NULL;
}

static int by_time(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a;
    const int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int64_t *shown_times(const StreamNote *stream, size_t *count)
{
    int64_t *times = memory_alloc(stream->count, sizeof *times);
    *count = 0;
    for (size_t i = 0; i < stream->count; i++) {
        if ((stream->packets[i].flags & AV_PKT_FLAG_DISCARD) == 0) {
            times[(*count)++] = stream->packets[i].pts;
        }
    }
    qsort(times, *count, sizeof *times, by_time);
    return times;
}

void assert_same_times(const StreamNote *a, const StreamNote *b)
{
    size_t count_a = 0;
    size_t count_b = 0;
    int64_t *times_a = shown_times(a, &count_a);
    int64_t *times_b = shown_times(b, &count_b);
    assert_int_equal(count_a, count_b);
    for (size_t i = 0; i < count_a; i++) {
        if (av_compare_ts(times_a[i], a->time_base, times_b[i], b->time_base) != 0) {
            fail_msg("frame %zu: %lld * %d/%d is not %lld * %d/%d", i, (long long)times_a[i],
                     a->time_base.num, a->time_base.den, (long long)times_b[i], b->time_base.num,
                     b->time_base.den);
        }
    }
    memory_free(times_a);
    memory_free(times_b);
}

void assert_same_packets(const StreamNote *a, const StreamNote *b)
{
    assert_non_null(a);
    assert_non_null(b);
    assert_int_equal(a->codec, b->codec);
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        assert_int_equal(a->packets[i].checksum, b->packets[i].checksum);
        if (av_compare_ts(a->packets[i].pts, a->time_base, b->packets[i].pts, b->time_base) != 0) {
            fail_msg("packet %zu: %lld * %d/%d is not %lld * %d/%d", i, (long long)a->packets[i].pts,
                     a->time_base.num, a->time_base.den, (long long)b->packets[i].pts, b->time_base.num,
                     b->time_base.den);
        }
    }
}

Reader *open_clip(const char *path)
{
    Error err = {0};
    char text[1600];
    Reader *reader = NULL;
    const ReaderConfig config = {.path = path, .threads = 2};
    if (reader_open(&reader, &config, &err) != STATUS_OK) {
        fail_msg("%s", error_text(&err, text, sizeof text));
    }
    return reader;
}

WriterConfig quick_config(const char *input, const char *output)
{
    const char *path = fixture_path(output);
    return (WriterConfig){.path = path,
                          .final_name = path,
                          .input_path = input,
                          .encoder = "libx264",
                          .quality = 60,
                          .preset = NULL,
                          .threads = 2,
                          .output_fps = {0, 1}};
}

const char *transcode(WriterConfig config, WriterSummary *summary)
{
    Error err = {0};
    char text[1600];
    Reader *reader = NULL;
    Writer *writer = NULL;
    AVFrame *frame = av_frame_alloc();
    const ReaderConfig source = {.path = config.input_path, .threads = 2};
    Status status = reader_open(&reader, &source, &err);
    if (status == STATUS_OK) {
        config.source = reader_info(reader);
        status = writer_open(&writer, &config, &err);
    }
    while (status == STATUS_OK) {
        status = reader_next(reader, frame, &err);
        if (status == STATUS_OK) {
            status = writer_frame(writer, frame, NULL, 0, &err);
            av_frame_unref(frame);
        }
    }
    if (status == STATUS_EOF) {
        status = writer_finish(writer, summary, &err);
    }
    if (status != STATUS_OK) {
        fail_msg("%s", error_text(&err, text, sizeof text));
    }
    writer_free(&writer);
    reader_free(&reader);
    av_frame_free(&frame);
    return config.path;
}

static char complaint[512];

static void note_complaint(void *context, int level, const char *format, va_list arguments)
{
    int prefix = 1;
    if (level <= AV_LOG_WARNING && complaint[0] == '\0') {
        av_log_format_line(context, level, format, arguments, complaint, sizeof complaint, &prefix);
    }
}

static int64_t decode_all(const char *path)
{
    AVFormatContext *format = NULL;
    assert_true(avformat_open_input(&format, path, NULL, NULL) >= 0);
    assert_true(avformat_find_stream_info(format, NULL) >= 0);
    const int index = av_find_best_stream(format, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
    assert_true(index >= 0);
    const AVCodecParameters *par = format->streams[index]->codecpar;
    AVCodecContext *decoder = avcodec_alloc_context3(avcodec_find_decoder(par->codec_id));
    assert_true(avcodec_parameters_to_context(decoder, par) >= 0);
    decoder->err_recognition = AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER | AV_EF_EXPLODE;
    assert_true(avcodec_open2(decoder, NULL, NULL) >= 0);
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    int64_t frames = 0;
    for (bool more = true; more;) {
        more = av_read_frame(format, packet) >= 0;
        if (!more || packet->stream_index == index) {
            assert_true(avcodec_send_packet(decoder, more ? packet : NULL) >= 0);
            for (; avcodec_receive_frame(decoder, frame) >= 0; frames++) {
                assert_int_equal(frame->decode_error_flags, 0);
            }
        }
        av_packet_unref(packet);
    }
    av_frame_free(&frame);
    av_packet_free(&packet);
    avcodec_free_context(&decoder);
    avformat_close_input(&format);
    return frames;
}

int64_t decode_cleanly(const char *path)
{
    complaint[0] = '\0';
    av_log_set_callback(note_complaint);
    const int64_t frames = decode_all(path);
    media_log_init();
    if (complaint[0] != '\0') {
        fail_msg("%s: %s", path, complaint);
    }
    return frames;
}

static uint32_t checksum_of(const AVFrame *frame)
{
    const enum AVPixelFormat format = (enum AVPixelFormat)frame->format;
    const int size = av_image_get_buffer_size(format, frame->width, frame->height, 1);
    assert_true(size > 0);
    uint8_t *bytes = memory_alloc((size_t)size, 1);
    assert_true(av_image_copy_to_buffer(bytes, size, (const uint8_t *const *)frame->data, frame->linesize,
                                        format, frame->width, frame->height, 1) == size);
    const uint32_t checksum = av_crc(av_crc_get_table(AV_CRC_32_IEEE_LE), 0, bytes, (size_t)size);
    memory_free(bytes);
    return checksum;
}

uint32_t *frame_checksums(const char *path, size_t *count)
{
    Error err = {0};
    Reader *reader = NULL;
    const ReaderConfig source = {.path = path, .threads = 2};
    assert_int_equal(reader_open(&reader, &source, &err), STATUS_OK);
    AVFrame *frame = av_frame_alloc();
    uint32_t *sums = NULL;
    *count = 0;
    while (reader_next(reader, frame, &err) == STATUS_OK) {
        sums = memory_resize(sums, *count + 1, sizeof *sums);
        sums[(*count)++] = checksum_of(frame);
        av_frame_unref(frame);
    }
    av_frame_free(&frame);
    reader_free(&reader);
    return sums;
}
