/* A chunk file that anybody may have written: read to its end or refused, and never more than it holds. Once
 * as it is, once with the checksum that belongs to it: what that covers is believed no more. */
#include <libavcodec/avcodec.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include "fuzz.h"
#include "media/chunk_format.h"

static void read_chunk(const uint8_t *data, size_t size)
{
    const int fd = memfd_create("chunk", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET) != 0) {
        abort();
    }
    ChunkReader *reader = NULL;
    if (chunk_reader_open_fd(&reader, fd, "chunk", NULL) != STATUS_OK) {
        return;
    }
    AVPacket *packet = av_packet_alloc();
    size_t bytes = 0;
    Status status = STATUS_OK;
    while ((status = chunk_reader_next(reader, packet, NULL)) == STATUS_OK) {
        bytes += (size_t)packet->size;
        if (packet->dts > packet->pts || packet->duration <= 0) {
            abort();
        }
        av_packet_unref(packet);
    }
    ChunkInfo info = {0};
    if (status == STATUS_EOF) {
        chunk_reader_info(reader, &info);
    }
    if (bytes > size || (status == STATUS_EOF && (info.packets < 1 || info.counts.frames < 1))) {
        abort();
    }
    av_packet_free(&packet);
    chunk_reader_free(&reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_chunk(data, size);
    if (size > CHUNK_DIGEST_SIZE) {
        uint8_t *copy = malloc(size);
        XXH128_canonical_t digest;
        if (copy == NULL) {
            abort();
        }
        memcpy(copy, data, size);
        XXH128_canonicalFromHash(&digest, XXH3_128bits(copy, size - CHUNK_DIGEST_SIZE));
        memcpy(copy + size - CHUNK_DIGEST_SIZE, digest.digest, CHUNK_DIGEST_SIZE);
        read_chunk(copy, size);
        free(copy);
    }
    return 0;
}
