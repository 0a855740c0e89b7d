/* Asks a long-lived worker (`worker --probe`) about videos, one question after the other: whether an output
 * is complete, or what an input is.
 *
 * The worker is started by the first question, and again when it dies: a file that kills it is "not
 * complete", or cannot be read. Never waits. One thread.
 */
#ifndef RUNBATCH_BATCH_PROBE_H
#define RUNBATCH_BATCH_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "batch/supervisor.h"
#include "worker/message.h"
#include "worker/process.h"

typedef struct Probe {
    const char *executable; /* NULL: this program */
    const char *sandbox;    /* as Settings has it */
    int timeout_ms;
    Process process;
    LineBuffer inbox;
    bool asked;
    int64_t asked_ms;
} Probe;

void probe_init(Probe *probe, const char *executable, const char *sandbox, int timeout_ms);
Status probe_ask(Probe *probe, const char *input, const char *output, int64_t now_ms, Error *err);
/* STATUS_AGAIN: no answer yet (or nothing was asked); STATUS_OK: `answer` is filled. */
Status probe_poll(Probe *probe, int64_t now_ms, ProbeAnswer *answer);

/* What the input is. */
Status probe_ask_look(Probe *probe, const char *input, int64_t now_ms, Error *err);
/* STATUS_AGAIN: no answer yet; STATUS_OK: `look` is filled; STATUS_FAILED: it cannot be read, `err` tells
 * why: ERROR_INPUT as a job would fail, ERROR_CRASH or ERROR_TIMEOUT where the worker died of it or hung. */
Status probe_poll_look(Probe *probe, const char *input, int64_t now_ms, MediaLook *look, Error *err);

/* Ends the worker; another question would start another. */
void probe_close(Probe *probe);

#endif
