#include "media/chunk_past.h"

#include <string.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/log.h"

static bool same_point(const ChunkPoint *a, const ChunkPoint *b)
{
    return a->frame == b->frame && a->pts == b->pts && a->slot == b->slot && a->check == b->check;
}

/* Why the chunk cannot follow, NULL when it can. */
static const char *find_difference(const ChunkPast *past, const ChunkPastConfig *config,
                                   const ChunkHeader *header)
{
    const ChunkStream *stream = &header->stream;
    const ChunkStream *wanted = config->stream;
    const ChunkPoint *begin = &header->begin;
    if (strcmp(stream->key, wanted->key) != 0) {
        return "it is of another video, or made with other settings";
    }
    if (strcmp(stream->codec, wanted->codec) != 0 || strcmp(stream->format, wanted->format) != 0 ||
        stream->width != wanted->width || stream->height != wanted->height ||
        stream->delay != wanted->delay || av_cmp_q(stream->time_base, wanted->time_base) != 0 ||
        !encoder_continues(config->encoder, stream->extradata, (size_t)stream->extradata_size)) {
        return "the encoder here makes another stream";
    }
    if (past->chunks == 0) {
        return header->index == 0 && begin->frame == 0 && begin->pts == config->origin
                   ? NULL
                   : "it does not begin where the video does";
    }
    return header->index == past->chunks && stream->shift == past->shift && same_point(begin, &past->next)
               ? NULL
               : "it does not go on where the one before ends";
}

/* Reads all of it: only then its checksum is known. */
static Status read_through(const ChunkPast *past, ChunkReader *reader, AVPacket *packet, Error *err)
{
    for (;;) {
        const Status status = chunk_reader_next(reader, packet, err);
        if (status != STATUS_OK) {
            return status;
        }
        const bool follows = past->pictures.frames == 0 || packet->pts > past->pictures.pts[0];
        av_packet_unref(packet);
        if (!follows) {
            return error_set(err, ERROR_VERIFY, "cannot use a chunk", NULL,
                             "it goes back behind the one before");
        }
    }
}

static Status check(const ChunkPast *past, const ChunkPastConfig *config, const char *path, AVPacket *packet,
                    ChunkReader **reader, Error *err)
{
    const Status status = chunk_reader_open(reader, path, err);
    if (status != STATUS_OK) {
        return status;
    }
    const char *difference = find_difference(past, config, chunk_reader_header(*reader));
    if (difference != NULL) {
        return error_set(err, ERROR_VERIFY, "cannot use a chunk", path, difference);
    }
    return read_through(past, *reader, packet, err) == STATUS_EOF ? STATUS_OK : STATUS_FAILED;
}

/* Keeps the latest pictures, the latest first; packets come in the order of decoding. */
static void note_picture(ChunkPast *past, const AVPacket *packet)
{
    EncoderPast *pictures = &past->pictures;
    const int kept = (int)FFMIN(pictures->frames, ENCODER_DELAY_MAX);
    int place = 0;
    while (place < kept && pictures->pts[place] > packet->pts) {
        place++;
    }
    if (place == 0) {
        past->end = packet->pts + packet->duration;
    }
    if (place < ENCODER_DELAY_MAX) {
        memmove(&pictures->pts[place + 1], &pictures->pts[place],
                (size_t)(FFMIN(kept, ENCODER_DELAY_MAX - 1) - place) * sizeof pictures->pts[0]);
        pictures->pts[place] = packet->pts;
    }
    pictures->first_pts = pictures->frames == 0 ? packet->pts : pictures->first_pts;
    pictures->frames++;
}

static Status use(ChunkPast *past, const ChunkPastConfig *config, const char *path, AVPacket *packet,
                  Error *err)
{
    ChunkReader *reader = NULL;
    Status status = chunk_reader_open(&reader, path, err);
    while (status == STATUS_OK && (status = chunk_reader_next(reader, packet, err)) == STATUS_OK) {
        note_picture(past, packet);
        status = config->sink(config->context, packet, err);
        av_packet_unref(packet);
    }
    if (status == STATUS_EOF) {
        status = reader != NULL
                     ? STATUS_OK
                     : error_set(err, ERROR_ENVIRONMENT, "cannot use a chunk", path, "it vanished");
    }
    chunk_reader_free(&reader);
    return status;
}

Status chunk_past_take(ChunkPast *past, const ChunkPastConfig *config, ChunkInfo *info, Error *err)
{
    AVPacket *packet = av_packet_alloc();
    if (packet == NULL) {
        return error_set(err, ERROR_MEMORY, "cannot use a chunk", config->folder, "out of memory");
    }
    char *path = chunk_file_path(config->folder, past->chunks, true);
    ChunkReader *reader = NULL;
    Error trouble = {0};
    Status status = check(past, config, path, packet, &reader, &trouble);
    if (status == STATUS_FAILED && trouble.class_ == ERROR_MEMORY) {
        (void)error_set(err, trouble.class_, trouble.what, trouble.file, trouble.why);
    } else if (status == STATUS_FAILED) {
        log_warn("%s of an earlier run is not used: %s", path_name(path), trouble.why);
        status = STATUS_EOF;
    } else if (status == STATUS_OK) {
        chunk_reader_info(reader, info);
        info->reused = true;
        past->chunks++;
        past->complete = info->last;
        past->next = info->next;
        past->shift = chunk_reader_header(reader)->stream.shift;
        chunk_counts_add(&past->counts, &info->counts);
        status = use(past, config, path, packet, err);
    }
    chunk_reader_free(&reader);
    av_packet_free(&packet);
    memory_free(path);
    return status;
}
