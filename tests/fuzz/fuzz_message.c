/* What comes over a worker's channel: lines are cut, parsed, written and parsed again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "fuzz.h"
#include "worker/message.h"

/* What was understood once can be written, and says the same when it is read again. */
static void through(const Message *message)
{
    size_t length = 0;
    char *line = message_write(message, &length);
    if (line == NULL) {
        return;
    }
    Message again;
    size_t second_length = 0;
    if (message_parse(line, length - 1, &again, NULL) != STATUS_OK || again.kind != message->kind) {
        abort();
    }
    char *second = message_write(&again, &second_length);
    if (second == NULL || second_length != length || memcmp(line, second, length) != 0) {
        abort();
    }
    memory_free(second);
    memory_free(line);
    message_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    while (size > 0) {
        const uint8_t *end = memchr(data, '\n', size);
        const size_t length = end != NULL ? (size_t)(end - data) : size;
        Message message;
        if (message_parse((const char *)data, length, &message, NULL) == STATUS_OK) {
            through(&message);
        }
        message_free(&message);
        const size_t used = end != NULL ? length + 1 : length;
        data += used;
        size -= used;
    }
    return 0;
}
