#include "ui/output.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/* POLLOUT promises room for so much in a pipe (PIPE_BUF) and, all but surely, on a terminal. */
enum { PIECE_BYTES = 1024 };

bool output_is_crowded(const Output *output)
{
    return output->waiting.length - output->written > OUTPUT_CROWDED_BYTES;
}

/* False when nothing can be written within `wait_ms`. */
static bool write_piece(Output *output, int wait_ms)
{
    struct pollfd file = {.fd = output->fd, .events = POLLOUT};
    const size_t left = output->waiting.length - output->written;
    if (poll(&file, 1, wait_ms) <= 0) {
        return false;
    }
    const ssize_t count =
        write(output->fd, output->waiting.data + output->written, left < PIECE_BYTES ? left : PIECE_BYTES);
    if (count < 0 && errno != EAGAIN && errno != EINTR) {
        output->gone = true;
        return false;
    }
    output->written += count > 0 ? (size_t)count : 0;
    return count > 0;
}

static void flush(Output *output, int wait_ms)
{
    while (!output->gone && output->written < output->waiting.length && write_piece(output, wait_ms)) {
    }
    if (output->gone || output->written == output->waiting.length) {
        output->waiting.length = 0;
        output->written = 0;
    }
}

void output_flush(Output *output)
{
    flush(output, 0);
}

/* Gives room that what is written holds; rarely enough that the moving does not count. */
static void compact(Output *output)
{
    Text *waiting = &output->waiting;
    if (output->written > waiting->length / 2) {
        memmove(waiting->data, waiting->data + output->written, waiting->length - output->written);
        waiting->length -= output->written;
        output->written = 0;
    }
}

void output_write_surely(Output *output, const char *text)
{
    if (!output->gone) {
        compact(output);
        text_append(&output->waiting, text);
    }
    flush(output, 0);
}

void output_write(Output *output, const char *text)
{
    if (output->waiting.length - output->written < OUTPUT_MAX_BYTES) {
        output_write_surely(output, text);
    } else {
        flush(output, 0);
    }
}

void output_finish(Output *output, int wait_ms)
{
    flush(output, wait_ms);
    text_free(&output->waiting);
    output->written = 0;
}
