/* A chunk file that anybody may have written: read to its end or refused, and never more than it holds. */
#include <libavcodec/avcodec.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "media/chunk_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const int fd = memfd_create("chunk", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET) != 0) {
        abort();
    }
    ChunkReader *reader = NULL;
    if (chunk_reader_open_fd(&reader, fd, "chunk", NULL) != STATUS_OK) {
        return 0;
    }
    AVPacket *packet = av_packet_alloc();
    size_t bytes = 0;
    Status status = STATUS_OK;
    while ((status = chunk_reader_next(reader, packet, NULL)) == STATUS_OK) {
        bytes += (size_t)packet->size;
        av_packet_unref(packet);
    }
    ChunkInfo info = {0};
    if (status == STATUS_EOF) {
        chunk_reader_info(reader, &info);
    }
    if (bytes > size || (status == STATUS_EOF && info.packets < 1)) {
        abort();
    }
    av_packet_free(&packet);
    chunk_reader_free(&reader);
    return 0;
}
