/* Clips made with the ffmpeg program in a folder of their own, and what a test wants to know of a media file.
 */
#ifndef RUNBATCH_TESTS_MEDIA_FIXTURES_H
#define RUNBATCH_TESTS_MEDIA_FIXTURES_H

#include <libavformat/avformat.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/writer.h"

/* A new folder under the system's for temporary files; remove with fixtures_remove. For cmocka's group
 * set-up. */
int fixtures_make(void **state);
int fixtures_remove(void **state);

/* The path of a file in the folder; valid until some calls later. */
const char *fixture_path(const char *name);

/* Runs "ffmpeg <arguments> <name>" once for each name; arguments may hold %D for the folder. Returns the
 * path. Fails the test when it does not work. */
const char *fixture_clip(const char *name, const char *arguments);

void fixture_write(const char *name, const void *data, size_t size);
/* Copies the first `share` (0..1) of a file. */
const char *fixture_cut(const char *from, const char *to, double share);

typedef struct PacketNote {
    int64_t pts; /* in nanosecond-free units: see `time_base` of its StreamNote */
    int64_t dts;
    int64_t duration;
    uint32_t checksum; /* of the payload */
    int flags;
} PacketNote;

typedef struct StreamNote {
    enum AVMediaType type;
    enum AVCodecID codec;
    AVRational time_base;
    PacketNote *packets; /* in file order */
    size_t count;
} StreamNote;

typedef struct FileNote {
    AVFormatContext *format;
    StreamNote *streams;
} FileNote;

FileNote note_file(const char *path);
void note_free(FileNote *note);
/* The nth stream of a type, NULL when there is none. */
const StreamNote *note_stream(const FileNote *note, enum AVMediaType type, int nth);

/* Whether the pictures (not those an edit list hides) stand at the same times, as exact fractions. */
void assert_same_times(const StreamNote *a, const StreamNote *b);
/* Whether the packets are the same, byte for byte, at the same times. */
void assert_same_packets(const StreamNote *a, const StreamNote *b);

/* The test fails when the clip does not open. */
Reader *open_clip(const char *path);

/* A writer configuration from `input` to fixture `output` with fast, small settings. */
WriterConfig quick_config(const char *input, const char *output);

/* Reads config->input_path and writes it by the real reader and writer; the path of the output. */
const char *transcode(WriterConfig config, WriterSummary *summary);

/* As in PacketNote. */
uint32_t checksum_of_bytes(const uint8_t *data, int size);

/* Decodes the video as FFmpeg's program does; fails the test where the demuxer or the decoder says a word of
 * warning. The number of frames. */
int64_t decode_cleanly(const char *path);

/* Checksum of each decoded frame's visible samples. The caller frees; *count frames. */
uint32_t *frame_checksums(const char *path, size_t *count);

#endif
