/* Writes to a file descriptor that may be slow, stuck or gone, without waiting for it.
 *
 * What cannot be written now is kept, up to OUTPUT_MAX_BYTES; past that the newest is dropped. SIGPIPE must
 * be ignored. One thread.
 */
#ifndef RUNBATCH_UI_OUTPUT_H
#define RUNBATCH_UI_OUTPUT_H

#include <stdbool.h>

#include "base/text.h"

enum { OUTPUT_MAX_BYTES = 1024 * 1024, OUTPUT_CROWDED_BYTES = 64 * 1024 };

typedef struct Output {
    int fd;
    bool gone; /* the reader closed its end */
    Text waiting;
    size_t written; /* of `waiting` */
} Output;

void output_write(Output *output, const char *text);
/* Keeps it also when that much is waiting: for the few words that must not be lost. */
void output_write_surely(Output *output, const char *text);
/* Whether so much is waiting that what can be left out should be. */
bool output_is_crowded(const Output *output);
/* Writes what can be written now. */
void output_flush(Output *output);
/* Writes all; waits at most `wait_ms` for a reader that makes no progress, -1: for ever. Frees the buffer. */
void output_finish(Output *output, int wait_ms);

#endif
