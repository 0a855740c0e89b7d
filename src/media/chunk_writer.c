#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/text.h"
#include "media/chunk_format.h"
#include "media/paced_file.h"

static const char what[] = "cannot write a chunk";

enum { BUFFER = 256 * 1024 };

struct ChunkWriter {
    char *folder;
    char *part; /* NULL once the file has its name */
    PacedFile *file;
    XXH3_state_t *hash;
    ChunkHeader header; /* without the extradata */
    int64_t bytes;
    size_t pending; /* bytes in: */
    uint8_t buffer[BUFFER];
};

char *chunk_file_path(const char *folder, int index, bool finished)
{
    char name[32];
    (void)snprintf(name, sizeof name, "chunk-%06d.%s", index, finished ? "rbc" : "part");
    return path_join(folder, name);
}

static Status fail(const ChunkWriter *writer, int code, Error *err)
{
    return error_set_errno(err, ERROR_ENVIRONMENT, what, writer->part, code);
}

static Status flush(ChunkWriter *writer, Error *err)
{
    const int code = paced_file_write(writer->file, writer->buffer, writer->pending);
    writer->pending = 0;
    return code == 0 ? STATUS_OK : fail(writer, code, err);
}

static Status put(ChunkWriter *writer, const void *data, size_t size, Error *err)
{
    writer->bytes += (int64_t)size;
    if (size > BUFFER - writer->pending && flush(writer, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    if (size > BUFFER) {
        const int code = paced_file_write(writer->file, data, size);
        return code == 0 ? STATUS_OK : fail(writer, code, err);
    }
    if (size > 0) {
        memcpy(writer->buffer + writer->pending, data, size);
        writer->pending += size;
    }
    return STATUS_OK;
}

static Status put_hashed(ChunkWriter *writer, const void *data, size_t size, Error *err)
{
    (void)XXH3_128bits_update(writer->hash, data, size);
    return put(writer, data, size, err);
}

static uint8_t *put_name(uint8_t *at, const char *name, size_t size)
{
    memset(at, 0, size);
    memcpy(at, name, strnlen(name, size));
    return at + size;
}

static uint8_t *put_point(uint8_t *at, const ChunkPoint *point)
{
    at = chunk_put64(at, point->frame);
    at = chunk_put64(at, point->pts);
    at = chunk_put64(at, point->slot);
    return chunk_put64(at, (int64_t)point->check);
}

static Status put_header(ChunkWriter *writer, const ChunkHeader *header, Error *err)
{
    uint8_t bytes[CHUNK_HEADER_SIZE];
    const ChunkStream *stream = &header->stream;
    memcpy(bytes, CHUNK_MAGIC, CHUNK_MAGIC_SIZE);
    uint8_t *at = chunk_put32(bytes + CHUNK_MAGIC_SIZE, CHUNK_VERSION);
    at = chunk_put32(at, LIBAVCODEC_VERSION_MAJOR);
    at = chunk_put32(at, (uint32_t)header->index);
    at = chunk_put32(at, (uint32_t)stream->width);
    at = chunk_put32(at, (uint32_t)stream->height);
    at = chunk_put32(at, (uint32_t)stream->delay);
    at = chunk_put32(at, (uint32_t)stream->time_base.num);
    at = chunk_put32(at, (uint32_t)stream->time_base.den);
    at = chunk_put32(at, (uint32_t)stream->extradata_size);
    at = put_name(at, stream->key, CHUNK_KEY_SIZE - 1);
    at = put_name(at, stream->codec, CHUNK_NAME_SIZE);
    at = put_name(at, stream->format, CHUNK_NAME_SIZE);
    at = chunk_put64(at, stream->shift);
    (void)put_point(at, &header->begin);
    const Status status = put_hashed(writer, bytes, sizeof bytes, err);
    return status == STATUS_OK ? put_hashed(writer, stream->extradata, (size_t)stream->extradata_size, err)
                               : status;
}

Status chunk_writer_open(ChunkWriter **writer, const char *folder, const ChunkHeader *header, Error *err)
{
    *writer = memory_alloc(1, sizeof **writer);
    ChunkWriter *w = *writer;
    w->folder = text_duplicate(folder);
    w->header = *header;
    w->header.stream.extradata = NULL;
    w->hash = XXH3_createState();
    char *part = chunk_file_path(folder, header->index, false);
    Status status = STATUS_OK;
    if (w->hash == NULL) {
        status = error_set(err, ERROR_MEMORY, what, part, "out of memory");
    } else if (header->index > CHUNK_FILE_MAX_INDEX || header->stream.extradata_size > CHUNK_EXTRADATA_MAX) {
        status = error_set(err, ERROR_INTERNAL, what, part, "more than the format holds");
    } else {
        status = paced_file_make(&w->file, part, err);
    }
    if (status == STATUS_OK) {
        w->part = part;
        (void)XXH3_128bits_reset(w->hash);
        status = put_header(w, header, err);
    } else {
        memory_free(part);
    }
    if (status != STATUS_OK) {
        chunk_writer_free(writer);
    }
    return status;
}

Status chunk_writer_packet(ChunkWriter *writer, const AVPacket *packet, Error *err)
{
    const int pieces = FFMIN(packet->side_data_elems, CHUNK_SIDE_MAX);
    uint8_t bytes[CHUNK_PACKET_SIZE];
    uint8_t *at = chunk_put32(bytes, CHUNK_PACKET_TAG);
    at = chunk_put32(at, (uint32_t)packet->size);
    at = chunk_put32(at, (uint32_t)packet->flags);
    at = chunk_put32(at, (uint32_t)pieces);
    at = chunk_put64(at, packet->pts);
    at = chunk_put64(at, packet->dts);
    (void)chunk_put64(at, packet->duration);
    Status status = put_hashed(writer, bytes, sizeof bytes, err);
    for (int i = 0; i < pieces && status == STATUS_OK; i++) {
        const AVPacketSideData *side = &packet->side_data[i];
        uint8_t head[CHUNK_SIDE_SIZE];
        (void)chunk_put32(chunk_put32(head, (uint32_t)side->type), (uint32_t)side->size);
        status = put_hashed(writer, head, sizeof head, err);
        if (status == STATUS_OK) {
            status = put_hashed(writer, side->data, side->size, err);
        }
    }
    return status == STATUS_OK ? put_hashed(writer, packet->data, (size_t)packet->size, err) : status;
}

static Status put_end(ChunkWriter *writer, const ChunkTrailer *trailer, XXH128_canonical_t *digest,
                      Error *err)
{
    uint8_t bytes[CHUNK_END_SIZE];
    const ChunkCounts *counts = &trailer->counts;
    const int64_t numbers[] = {counts->frames,     counts->with_face, counts->changed, counts->isolated_gaps,
                               counts->scene_cuts, counts->dropped,   counts->repeated};
    uint8_t *at = chunk_put32(bytes, CHUNK_END_TAG);
    at = chunk_put32(at, trailer->last);
    at = chunk_put64(at, trailer->packets);
    at = put_point(at, &trailer->next);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        at = chunk_put64(at, numbers[i]);
    }
    if (put_hashed(writer, bytes, sizeof bytes, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    XXH128_canonicalFromHash(digest, XXH3_128bits_digest(writer->hash));
    return put(writer, digest->digest, sizeof digest->digest, err);
}

/* The name lasts through a power cut from here on; where a file system cannot sync folders, the file is
 * there all the same. */
static Status sync_folder(const ChunkWriter *writer, Error *err)
{
    const int fd = open(writer->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const int code = fd < 0 || fsync(fd) != 0 ? errno : 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return code == 0 || code == EINVAL ? STATUS_OK
                                       : error_set_errno(err, ERROR_ENVIRONMENT, what, writer->folder, code);
}

static void fill_info(const ChunkWriter *writer, const ChunkTrailer *trailer,
                      const XXH128_canonical_t *digest, ChunkInfo *info)
{
    *info = (ChunkInfo){.index = writer->header.index,
                        .last = trailer->last,
                        .begin = writer->header.begin,
                        .next = trailer->next,
                        .counts = trailer->counts,
                        .packets = trailer->packets,
                        .bytes = writer->bytes};
    for (size_t i = 0; i < sizeof digest->digest; i++) {
        (void)snprintf(info->checksum + 2 * i, 3, "%02x", digest->digest[i]);
    }
}

Status chunk_writer_finish(ChunkWriter *writer, const ChunkTrailer *trailer, ChunkInfo *info, Error *err)
{
    XXH128_canonical_t digest;
    if (put_end(writer, trailer, &digest, err) != STATUS_OK || flush(writer, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    int code = paced_file_sync(writer->file);
    const int closed = paced_file_close(&writer->file);
    code = code != 0 ? code : closed;
    if (code != 0) {
        return fail(writer, code, err);
    }
    char *name = chunk_file_path(writer->folder, writer->header.index, true);
    if (rename(writer->part, name) != 0) {
        const Status status = fail(writer, errno, err);
        memory_free(name);
        return status;
    }
    memory_free(name);
    memory_free(writer->part);
    writer->part = NULL;
    fill_info(writer, trailer, &digest, info);
    return sync_folder(writer, err);
}

void chunk_writer_free(ChunkWriter **writer)
{
    ChunkWriter *w = *writer;
    if (w == NULL) {
        return;
    }
    (void)paced_file_close(&w->file);
    if (w->part != NULL) {
        (void)unlink(w->part);
    }
    (void)XXH3_freeState(w->hash);
    memory_free(w->part);
    memory_free(w->folder);
    memory_free(w);
    *writer = NULL;
}
