#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/alloc.h"
#include "base/text.h"
#include "media/chunk_format.h"

static const char what[] = "cannot use a chunk";

enum { BUFFER = 256 * 1024 };

struct ChunkReader {
    char *path;
    int fd;
    int64_t left; /* of the file's size when it was opened: bytes that are not in the buffer yet */
    XXH3_state_t *hash;
    ChunkHeader header;
    uint8_t *extradata;
    ChunkTrailer trailer;
    int64_t size;
    int64_t packets;
    char checksum[CHUNK_CHECKSUM_SIZE];
    bool ended;
    size_t begin; /* of what is still to be read in: */
    size_t end;
    uint8_t buffer[BUFFER];
};

static Status bad(const ChunkReader *reader, const char *why, Error *err)
{
    return error_set(err, ERROR_VERIFY, what, reader->path, why);
}

/* ---- bytes ---- */

static Status fill(ChunkReader *reader, Error *err)
{
    const size_t want = (size_t)FFMIN((int64_t)BUFFER, reader->left);
    ssize_t count = 0;
    do {
        count = want > 0 ? read(reader->fd, reader->buffer, want) : 0;
    } while (count < 0 && errno == EINTR);
    if (count < 0) {
        return error_set_errno(err, ERROR_ENVIRONMENT, what, reader->path, errno);
    }
    if (count == 0) {
        return bad(reader, "it is cut off", err);
    }
    reader->left -= count;
    reader->begin = 0;
    reader->end = (size_t)count;
    return STATUS_OK;
}

static Status get(ChunkReader *reader, uint8_t *target, size_t size, bool hashed, Error *err)
{
    while (size > 0) {
        if (reader->begin == reader->end && fill(reader, err) != STATUS_OK) {
            return STATUS_FAILED;
        }
        const size_t part = FFMIN(size, reader->end - reader->begin);
        const uint8_t *from = reader->buffer + reader->begin;
        if (hashed) {
            (void)XXH3_128bits_update(reader->hash, from, part);
        }
        memcpy(target, from, part);
        target += part;
        reader->begin += part;
        size -= part;
    }
    return STATUS_OK;
}

/* Whether the file holds that many more bytes: what is not there is not allocated either. */
static bool holds(const ChunkReader *reader, uint64_t size)
{
    return size <= (uint64_t)reader->left + (reader->end - reader->begin);
}

static bool is_count(int64_t value)
{
    return value >= 0 && value <= CHUNK_COUNT_MAX;
}

static bool is_time(int64_t value)
{
    return value >= -CHUNK_TIME_MAX && value <= CHUNK_TIME_MAX;
}

/* ---- header ---- */

static void get_name(const uint8_t **at, char *name, size_t size)
{
    memcpy(name, *at, size);
    name[size] = '\0';
    *at += size;
}

static bool get_point(const uint8_t **at, ChunkPoint *point)
{
    point->frame = chunk_get64(at);
    point->pts = chunk_get64(at);
    point->slot = chunk_get64(at);
    point->check = (uint64_t)chunk_get64(at);
    return is_count(point->frame) && is_time(point->pts) && is_time(point->slot);
}

static int get_int(const uint8_t **at, int most)
{
    const uint32_t value = chunk_get32(at);
    return value <= (uint32_t)most ? (int)value : -1;
}

static Status get_extradata(ChunkReader *reader, Error *err)
{
    ChunkStream *stream = &reader->header.stream;
    if (stream->extradata_size == 0) {
        return STATUS_OK;
    }
    if (!holds(reader, (uint64_t)stream->extradata_size)) {
        return bad(reader, "it is cut off", err);
    }
    reader->extradata = memory_alloc((size_t)stream->extradata_size, 1);
    stream->extradata = reader->extradata;
    return get(reader, reader->extradata, (size_t)stream->extradata_size, true, err);
}

static Status get_header(ChunkReader *reader, Error *err)
{
    uint8_t bytes[CHUNK_HEADER_SIZE];
    if (get(reader, bytes, sizeof bytes, true, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    const uint8_t *at = bytes + CHUNK_MAGIC_SIZE;
    if (memcmp(bytes, CHUNK_MAGIC, CHUNK_MAGIC_SIZE) != 0) {
        return bad(reader, "it is no chunk", err);
    }
    if (chunk_get32(&at) != CHUNK_VERSION || chunk_get32(&at) != LIBAVCODEC_VERSION_MAJOR) {
        return bad(reader, "another version wrote it", err);
    }
    ChunkHeader *header = &reader->header;
    ChunkStream *stream = &header->stream;
    char names[2][CHUNK_NAME_SIZE + 1];
    header->index = get_int(&at, CHUNK_FILE_MAX_INDEX);
    stream->width = get_int(&at, CHUNK_DIMENSION_MAX);
    stream->height = get_int(&at, CHUNK_DIMENSION_MAX);
    stream->delay = get_int(&at, CHUNK_DELAY_MAX);
    stream->time_base.num = get_int(&at, INT32_MAX);
    stream->time_base.den = get_int(&at, INT32_MAX);
    stream->extradata_size = get_int(&at, CHUNK_EXTRADATA_MAX);
    get_name(&at, stream->key, CHUNK_KEY_SIZE - 1);
    get_name(&at, names[0], CHUNK_NAME_SIZE);
    get_name(&at, names[1], CHUNK_NAME_SIZE);
    stream->shift = chunk_get64(&at);
    const bool point = get_point(&at, &header->begin);
    text_copy(stream->codec, sizeof stream->codec, names[0]);
    text_copy(stream->format, sizeof stream->format, names[1]);
    if (header->index < 0 || stream->width <= 0 || stream->height <= 0 || stream->delay < 0 ||
        stream->time_base.num <= 0 || stream->time_base.den <= 0 || stream->extradata_size < 0 ||
        stream->shift < 0 || !is_time(stream->shift) || !point) {
        return bad(reader, "its header is damaged", err);
    }
    return get_extradata(reader, err);
}

Status chunk_reader_open_fd(ChunkReader **reader, int fd, const char *path, Error *err)
{
    *reader = memory_alloc(1, sizeof **reader);
    ChunkReader *r = *reader;
    r->fd = fd;
    r->path = text_duplicate(path);
    r->hash = XXH3_createState();
    struct stat status;
    Status result = STATUS_OK;
    if (r->hash == NULL) {
        result = error_set(err, ERROR_MEMORY, what, path, "out of memory");
    } else if (fstat(fd, &status) != 0) {
        result = error_set_errno(err, ERROR_ENVIRONMENT, what, path, errno);
    } else if (!S_ISREG(status.st_mode)) {
        result = bad(r, "it is no regular file", err);
    } else {
        (void)XXH3_128bits_reset(r->hash);
        r->left = r->size = status.st_size;
        result = get_header(r, err);
    }
    if (result != STATUS_OK) {
        chunk_reader_free(reader);
    }
    return result;
}

Status chunk_reader_open(ChunkReader **reader, const char *path, Error *err)
{
    *reader = NULL;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return errno == ENOENT ? STATUS_EOF : error_set_errno(err, ERROR_ENVIRONMENT, what, path, errno);
    }
    return chunk_reader_open_fd(reader, fd, path, err);
}

const ChunkHeader *chunk_reader_header(const ChunkReader *reader)
{
    return &reader->header;
}

/* ---- packets ---- */

static Status get_side_data(ChunkReader *reader, AVPacket *packet, Error *err)
{
    uint8_t bytes[CHUNK_SIDE_SIZE];
    if (get(reader, bytes, sizeof bytes, true, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    const uint8_t *at = bytes;
    const uint32_t kind = chunk_get32(&at);
    const uint32_t size = chunk_get32(&at);
    if (kind >= AV_PKT_DATA_NB || size > INT32_MAX || !holds(reader, size)) {
        return bad(reader, "side data of a packet is damaged", err);
    }
    uint8_t *target = av_packet_new_side_data(packet, (enum AVPacketSideDataType)kind, size);
    if (target == NULL) {
        return error_set(err, ERROR_MEMORY, what, reader->path, "out of memory");
    }
    return get(reader, target, size, true, err);
}

static Status get_packet(ChunkReader *reader, const uint8_t *head, AVPacket *packet, Error *err)
{
    uint8_t bytes[CHUNK_PACKET_SIZE];
    memcpy(bytes, head, 4);
    if (get(reader, bytes + 4, sizeof bytes - 4, true, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    const uint8_t *at = bytes + 4;
    const uint32_t size = chunk_get32(&at);
    const uint32_t flags = chunk_get32(&at);
    const uint32_t pieces = chunk_get32(&at);
    const int64_t pts = chunk_get64(&at);
    const int64_t dts = chunk_get64(&at);
    const int64_t duration = chunk_get64(&at);
    if (size > INT32_MAX - AV_INPUT_BUFFER_PADDING_SIZE || !holds(reader, size) || pieces > CHUNK_SIDE_MAX ||
        !is_time(pts) || !is_time(dts) || dts > pts || duration <= 0 || duration > CHUNK_TIME_MAX) {
        return bad(reader, "a packet's header is damaged", err);
    }
    if (reader->packets == 0 && (flags & AV_PKT_FLAG_KEY) == 0) {
        return bad(reader, "it does not begin with a key frame", err);
    }
    if (av_new_packet(packet, (int)size) < 0) {
        return error_set(err, ERROR_MEMORY, what, reader->path, "out of memory");
    }
    packet->pts = pts;
    packet->dts = dts;
    packet->duration = duration;
    packet->flags = (int)(flags & (AV_PKT_FLAG_KEY | AV_PKT_FLAG_DISPOSABLE));
    for (uint32_t i = 0; i < pieces; i++) {
        if (get_side_data(reader, packet, err) != STATUS_OK) {
            return STATUS_FAILED;
        }
    }
    reader->packets++;
    return get(reader, packet->data, size, true, err);
}

static bool is_consistent(const ChunkReader *reader)
{
    const ChunkTrailer *trailer = &reader->trailer;
    const ChunkPoint *begin = &reader->header.begin;
    const ChunkPoint *next = &trailer->next;
    const ChunkCounts *counts = &trailer->counts;
    const int64_t numbers[] = {counts->frames,     counts->with_face, counts->changed, counts->isolated_gaps,
                               counts->scene_cuts, counts->dropped,   counts->repeated};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (!is_count(numbers[i])) {
            return false;
        }
    }
    return trailer->packets == reader->packets && reader->packets > 0 && counts->frames > 0 &&
           (trailer->last || (next->frame == begin->frame + counts->frames && next->pts > begin->pts &&
                              next->slot >= begin->slot));
}

static Status get_end(ChunkReader *reader, const uint8_t *head, Error *err)
{
    uint8_t bytes[CHUNK_END_SIZE];
    XXH128_canonical_t digest;
    memcpy(bytes, head, 4);
    if (get(reader, bytes + 4, sizeof bytes - 4, true, err) != STATUS_OK ||
        get(reader, digest.digest, sizeof digest.digest, false, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    const XXH128_hash_t hash = XXH128_hashFromCanonical(&digest);
    if (!XXH128_isEqual(hash, XXH3_128bits_digest(reader->hash))) {
        return bad(reader, "its checksum is wrong", err);
    }
    const uint8_t *at = bytes + 4;
    ChunkTrailer *trailer = &reader->trailer;
    trailer->last = chunk_get32(&at) != 0;
    trailer->packets = chunk_get64(&at);
    const bool point = get_point(&at, &trailer->next);
    int64_t *const numbers[] = {&trailer->counts.frames,     &trailer->counts.with_face,
                                &trailer->counts.changed,    &trailer->counts.isolated_gaps,
                                &trailer->counts.scene_cuts, &trailer->counts.dropped,
                                &trailer->counts.repeated};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        *numbers[i] = chunk_get64(&at);
    }
    if (!point || !is_consistent(reader) || holds(reader, 1)) {
        return bad(reader, "its end is damaged", err);
    }
    for (size_t i = 0; i < sizeof digest.digest; i++) {
        (void)snprintf(reader->checksum + 2 * i, 3, "%02x", digest.digest[i]);
    }
    reader->ended = true;
    return STATUS_EOF;
}

Status chunk_reader_next(ChunkReader *reader, AVPacket *packet, Error *err)
{
    if (reader->ended) {
        return STATUS_EOF;
    }
    uint8_t head[4];
    if (get(reader, head, sizeof head, true, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    const uint8_t *at = head;
    const uint32_t tag = chunk_get32(&at);
    Status status = STATUS_FAILED;
    if (tag == CHUNK_END_TAG) {
        return get_end(reader, head, err);
    }
    if (tag == CHUNK_PACKET_TAG) {
        status = get_packet(reader, head, packet, err);
    } else {
        (void)bad(reader, "it is damaged", err);
    }
    if (status != STATUS_OK) {
        av_packet_unref(packet);
    }
    return status;
}

void chunk_reader_info(const ChunkReader *reader, ChunkInfo *info)
{
    *info = (ChunkInfo){.index = reader->header.index,
                        .last = reader->trailer.last,
                        .begin = reader->header.begin,
                        .next = reader->trailer.next,
                        .counts = reader->trailer.counts,
                        .packets = reader->trailer.packets,
                        .bytes = reader->size};
    text_copy(info->checksum, sizeof info->checksum, reader->checksum);
}

void chunk_reader_free(ChunkReader **reader)
{
    ChunkReader *r = *reader;
    if (r == NULL) {
        return;
    }
    if (r->fd >= 0) {
        (void)close(r->fd);
    }
    (void)XXH3_freeState(r->hash);
    memory_free(r->extradata);
    memory_free(r->path);
    memory_free(r);
    *reader = NULL;
}
