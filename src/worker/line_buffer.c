#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "worker/message.h"

Status line_buffer_fill(LineBuffer *buffer, int fd)
{
    if (buffer->data == NULL) {
        buffer->data = memory_alloc(MESSAGE_MAX_BYTES, 1);
    }
    if (buffer->start > 0) {
        memmove(buffer->data, buffer->data + buffer->start, buffer->length);
        buffer->start = 0;
    }
    if (buffer->length == MESSAGE_MAX_BYTES) {
        return STATUS_OK; /* line_buffer_next tells that the line is too long */
    }
    const ssize_t count = read(fd, buffer->data + buffer->length, MESSAGE_MAX_BYTES - buffer->length);
    if (count > 0) {
        buffer->length += (size_t)count;
        return STATUS_OK;
    }
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
        return STATUS_AGAIN;
    }
    return STATUS_EOF;
}

Status line_buffer_next(LineBuffer *buffer, const char **line, size_t *length)
{
    if (buffer->length == 0) {
        return STATUS_AGAIN;
    }
    char *begin = buffer->data + buffer->start;
    char *end = memchr(begin, '\n', buffer->length);
    if (end == NULL) {
        return buffer->length == MESSAGE_MAX_BYTES ? STATUS_OVER_BUDGET : STATUS_AGAIN;
    }
    *end = '\0';
    *line = begin;
    *length = (size_t)(end - begin);
    buffer->start += *length + 1;
    buffer->length -= *length + 1;
    return STATUS_OK;
}

void line_buffer_free(LineBuffer *buffer)
{
    memory_free(buffer->data);
    *buffer = (LineBuffer){0};
}
