/* What is carried besides the picture: audio, subtitles, chapters, tags. */
#include <libavcodec/avcodec.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* after those above */
#include <cmocka.h>

#include "base/alloc.h"
#include "base/files.h"
#include "media/compat.h"
#include "media/side_streams.h"
#include "media_fixtures.h"

#define PATTERN "-f lavfi -i testsrc2=s=128x96:r=25:d=2 "
#define TONE "-f lavfi -i sine=440:d=2.2:r=44100 "

/* Second at which the sound of a file begins. */
static double sound_begins(const char *path)
{
    FileNote note = note_file(path);
    const int index = av_find_best_stream(note.format, AVMEDIA_TYPE_AUDIO, -1, -1, NULL, 0);
    AVStream *stream = note.format->streams[index];
    AVCodecContext *decoder = avcodec_alloc_context3(avcodec_find_decoder(stream->codecpar->codec_id));
    assert_int_equal(avcodec_parameters_to_context(decoder, stream->codecpar), 0);
    decoder->pkt_timebase = stream->time_base;
    assert_int_equal(avcodec_open2(decoder, NULL, NULL), 0);
    assert_int_equal(decoder->sample_fmt, AV_SAMPLE_FMT_FLTP);
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    double found = -1;
    assert_true(av_seek_frame(note.format, -1, 0, AVSEEK_FLAG_BACKWARD) >= 0);
    while (found < 0 && av_read_frame(note.format, packet) >= 0) {
        if (packet->stream_index == index && avcodec_send_packet(decoder, packet) >= 0) {
            while (found < 0 && avcodec_receive_frame(decoder, frame) >= 0) {
                const float *samples = (const float *)frame->extended_data[0];
                for (int i = 0; found < 0 && i < frame->nb_samples; i++) {
                    if (fabsf(samples[i]) > 0.05F) {
                        found =
                            (double)frame->pts * av_q2d(stream->time_base) + (double)i / frame->sample_rate;
                    }
                }
            }
        }
        av_packet_unref(packet);
    }
    av_packet_free(&packet);
    av_frame_free(&frame);
    avcodec_free_context(&decoder);
    note_free(&note);
    return found;
}

/* A tone after 0.7 s of silence (a constant level, so that its onset is sharp). */
#define LATE_TONE "-f lavfi -i \"aevalsrc=0.5*gt(t\\,0.7):d=2:s=44100\" "

static void check_reencoded(const char *name, const char *arguments, const char *output, enum AVCodecID codec)
{
    WriterSummary summary;
    WriterConfig config = quick_config(fixture_clip(name, arguments), output);
    if (strstr(output, ".webm") != NULL) {
        config.encoder = "libvpx-vp9";
        config.preset = "ultrafast";
    }
    const char *written = transcode(config, &summary);
    assert_int_equal(summary.audio_streams, 1);
    assert_int_equal(summary.audio_reencoded, 1);
    FileNote note = note_file(written);
    assert_int_equal(note_stream(&note, AVMEDIA_TYPE_AUDIO, 0)->codec, codec);
    note_free(&note);
    const double onset = sound_begins(written);
    if (fabs(onset - 0.7) > 0.004) {
        fail_msg("%s: the sound begins at %.4f s instead of 0.7 s", output, onset);
    }
}

static void test_reencoded_audio(void **state)
{
    (void)state;
    check_reencoded("pcm.avi", PATTERN LATE_TONE "-c:v mpeg4 -c:a pcm_s16le", "pcm.mp4", AV_CODEC_ID_AAC);
    check_reencoded("pcm.mkv",
                    PATTERN "-itsoffset 0.25 -f lavfi -i \"aevalsrc=0.5*gt(t\\,0.45):d=2:s=22050\" -map 0 "
                            "-map 1 -c:a pcm_s24le",
                    "pcm24.mp4", AV_CODEC_ID_AAC);
    check_reencoded("aac.mp4", PATTERN LATE_TONE "-c:a aac", "aac.webm", AV_CODEC_ID_OPUS);
}

static const char *rich(void)
{
    static const char subtitles[] =
        "1\n00:00:00,500 --> 00:00:01,000\nHello\n\n2\n00:00:01,200 --> 00:00:01,900\n"
        "<i>World</i>\n";
    static const char tags[] =
        ";FFMETADATA1\ntitle=Film\ncomment=mine\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\n"
        "END=1000\ntitle=One\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=1000\nEND=2000\ntitle=Two\n";
    fixture_write("s.srt", subtitles, strlen(subtitles));
    fixture_write("tags.txt", tags, strlen(tags));
    return fixture_clip("rich.mkv", PATTERN TONE TONE
                        "-i %D/s.srt -i %D/tags.txt -map 0 -map 1 -map 2 -map 3 -map_metadata 4 "
                        "-c:a aac -c:s srt -metadata:s:a:0 language=deu -metadata:s:a:1 "
                        "language=fra -disposition:a:1 default -disposition:a:0 0 "
                        "-metadata:s:s:0 language=spa -attach %D/s.srt -metadata:s:t "
                        "mimetype=text/plain");
}

static const char *tag_of(const AVDictionary *tags, const char *key)
{
    const AVDictionaryEntry *entry = av_dict_get(tags, key, NULL, 0);
    return entry != NULL ? entry->value : "";
}

static void test_everything_around(void **state)
{
    (void)state;
    static const char *const made[][2] = {{"comment", "made with runbatch"}, {NULL, NULL}};
    static const char *const outputs[] = {"rich.mp4", "rich-out.mkv"};
    for (size_t i = 0; i < 2; i++) {
        WriterSummary summary;
        WriterConfig config = quick_config(rich(), outputs[i]);
        config.metadata = made;
        const char *written = transcode(config, &summary);
        assert_int_equal(summary.audio_streams, 2);
        assert_int_equal(summary.audio_reencoded, 0);
        assert_int_equal(summary.streams_left_out, i == 0 ? 1 : 0); /* the attachment */
        FileNote note = note_file(written);
        const AVFormatContext *format = note.format;
        assert_string_equal(tag_of(format->metadata, "title"), "Film");
        assert_string_equal(tag_of(format->metadata, "comment"), "mine; made with runbatch");
        assert_int_equal(format->nb_chapters, 2);
        assert_string_equal(tag_of(format->chapters[1]->metadata, "title"), "Two");
        assert_int_equal(
            av_compare_ts(format->chapters[1]->start, format->chapters[1]->time_base, 1, (AVRational){1, 1}),
            0);
        assert_int_equal(format->streams[0]->codecpar->codec_type, AVMEDIA_TYPE_VIDEO);
        assert_string_equal(tag_of(format->streams[1]->metadata, "language"), "deu");
        assert_string_equal(tag_of(format->streams[2]->metadata, "language"), "fra");
        assert_int_equal(format->streams[1]->disposition & AV_DISPOSITION_DEFAULT, 0);
        assert_true((format->streams[2]->disposition & AV_DISPOSITION_DEFAULT) != 0);
        assert_string_equal(tag_of(format->streams[3]->metadata, "language"), "spa");
        const StreamNote *text = note_stream(&note, AVMEDIA_TYPE_SUBTITLE, 0);
        assert_int_equal(text->codec, i == 0 ? AV_CODEC_ID_MOV_TEXT : AV_CODEC_ID_SUBRIP);
        FileNote source = note_file(rich());
        const StreamNote *before = note_stream(&source, AVMEDIA_TYPE_SUBTITLE, 0);
        /* mp4 puts empty samples into the pauses */
        const PacketNote *second = &text->packets[i == 0 ? 3 : 1];
        assert_int_equal(
            av_compare_ts(second->pts, text->time_base, before->packets[1].pts, before->time_base), 0);
        assert_int_equal(
            av_compare_ts(second->duration, text->time_base, before->packets[1].duration, before->time_base),
            0);
        note_free(&source);
        note_free(&note);
    }
}

static void test_skip_audio(void **state)
{
    (void)state;
    WriterSummary summary;
    WriterConfig config = quick_config(rich(), "silent.mp4");
    config.skip_audio = true;
    FileNote note = note_file(transcode(config, &summary));
    assert_null(note_stream(&note, AVMEDIA_TYPE_AUDIO, 0));
    assert_non_null(note_stream(&note, AVMEDIA_TYPE_SUBTITLE, 0));
    assert_int_equal(summary.audio_streams, 0);
    note_free(&note);
}

static int broken_read(void *opaque, uint8_t *data, int size)
{
    (void)opaque, (void)data, (void)size;
    return AVERROR(EIO);
}

static int64_t broken_seek(void *opaque, int64_t offset, int whence)
{
    (void)opaque, (void)offset, (void)whence;
    return AVERROR(EIO);
}

/* Carries the sound of a file alone; the disk of the input fails after the beginning when asked to. */
static Status carry_sound(const char *path, bool failing, Error *err)
{
    AVFormatContext *muxer = NULL;
    SideStreams *side = NULL;
    const char *output = fixture_path("carried.mkv");
    assert_true(avformat_alloc_output_context2(&muxer, NULL, "matroska", output) >= 0);
    assert_true(avio_open(&muxer->pb, output, AVIO_FLAG_WRITE) >= 0);
    assert_int_equal(side_streams_open(&side, path, muxer, false, err), STATUS_OK);
    assert_true(avformat_write_header(muxer, NULL) >= 0);
    AVIOContext *io = side_streams_input(side)->pb;
    int (*const read)(void *, uint8_t *, int) = io->read_packet;
    int64_t (*const seek)(void *, int64_t, int) = io->seek;
    if (failing) {
        io->read_packet = broken_read;
        io->seek = broken_seek;
    }
    const Status status = side_streams_pull(side, INT64_MAX, AV_TIME_BASE_Q, err);
    io->read_packet = read;
    io->seek = seek;
    assert_true(av_write_trailer(muxer) >= 0);
    side_streams_free(&side);
    (void)avio_closep(&muxer->pb);
    avformat_free_context(muxer);
    return status;
}

/* A disk that fails must not shorten the sound in silence. */
static void test_sound_that_cannot_be_read(void **state)
{
    (void)state;
    static const char arguments[] = PATTERN "-f lavfi -i sine=440:d=60:r=44100 -c:a pcm_s16le";
    static const char *const names[] = {"long.mkv", "long.mov"};
    for (size_t i = 0; i < 2; i++) {
        Error err = {0};
        const char *path = fixture_clip(names[i], arguments);
        assert_int_equal(carry_sound(path, false, &err), STATUS_OK);
        assert_int_equal(carry_sound(path, true, &err), STATUS_FAILED);
        assert_int_equal(err.class_, ERROR_DISK);
        assert_string_equal(err.what, "the sound cannot be read to its end");
        assert_string_equal(err.file, path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reencoded_audio),
        cmocka_unit_test(test_everything_around),
        cmocka_unit_test(test_skip_audio),
        cmocka_unit_test(test_sound_that_cannot_be_read),
    };
    return cmocka_run_group_tests_name("media_streams", tests, fixtures_make, fixtures_remove);
}
