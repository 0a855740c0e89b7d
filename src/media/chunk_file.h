/* Chunk files: writing one so that it is there whole or not at all, and reading one that anybody may have
 * written. Layout: docs/architecture.md.
 *
 * One thread. Memory: one packet and a buffer of 256 KiB. Private to src/media.
 */
#ifndef RUNBATCH_MEDIA_CHUNK_FILE_H
#define RUNBATCH_MEDIA_CHUNK_FILE_H

#include <libavcodec/avcodec.h>
#include <stdbool.h>
#include <stdint.h>

#include "media/chunk.h"

enum { CHUNK_NAME_SIZE = 32, CHUNK_EXTRADATA_MAX = 1 << 20 };

/* What all chunks of a video have in common. */
typedef struct ChunkStream {
    char key[CHUNK_KEY_SIZE];    /* see WriterChunks */
    char codec[CHUNK_NAME_SIZE]; /* FFmpeg's names */
    char format[CHUNK_NAME_SIZE];
    int width;
    int height;
    int delay;            /* of the encoder, see encoder_delay */
    AVRational time_base; /* of the packets */
    int64_t shift;        /* added to the input's pts, in its time base */
    const uint8_t *extradata;
    int extradata_size;
} ChunkStream;

typedef struct ChunkHeader {
    ChunkStream stream;
    int index;
    ChunkPoint begin;
} ChunkHeader;

typedef struct ChunkTrailer {
    bool last;
    ChunkPoint next; /* zeroed for the last */
    ChunkCounts counts;
    int64_t packets;
} ChunkTrailer;

/* "folder/chunk-000012.rbc", or ".part", in new memory that the caller frees. */
char *chunk_file_path(const char *folder, int index, bool finished);

/* ---- writing ---- */

typedef struct ChunkWriter ChunkWriter;

/* ERROR_SPACE, ERROR_DISK or ERROR_ENVIRONMENT, as the disk says; so for all that follow. */
Status chunk_writer_open(ChunkWriter **writer, const char *folder, const ChunkHeader *header, Error *err);
Status chunk_writer_packet(ChunkWriter *writer, const AVPacket *packet, Error *err);

/* Writes the trailer, syncs the file, gives it its name and syncs the folder. Fills all of `info`. */
Status chunk_writer_finish(ChunkWriter *writer, const ChunkTrailer *trailer, ChunkInfo *info, Error *err);

/* Removes the file where it is not finished. */
void chunk_writer_free(ChunkWriter **writer);

/* ---- reading ---- */

typedef struct ChunkReader ChunkReader;

/* Reads the header. STATUS_EOF when there is no such file; ERROR_VERIFY for what is not a chunk of this
 * version, ERROR_DISK or ERROR_ENVIRONMENT for what cannot be read. */
Status chunk_reader_open(ChunkReader **reader, const char *path, Error *err);
/* The same of an open regular file, from its beginning; takes `fd` in any case. `path` is for messages. */
Status chunk_reader_open_fd(ChunkReader **reader, int fd, const char *path, Error *err);

/* Valid until the reader is freed, as is its extradata. */
const ChunkHeader *chunk_reader_header(const ChunkReader *reader);

/* The next packet (`packet` is empty before). STATUS_EOF at the end: then the file was whole and its checksum
 * is right. ERROR_VERIFY where it is not. */
Status chunk_reader_next(ChunkReader *reader, AVPacket *packet, Error *err);

/* After STATUS_EOF. */
void chunk_reader_info(const ChunkReader *reader, ChunkInfo *info);

void chunk_reader_free(ChunkReader **reader);

#endif
