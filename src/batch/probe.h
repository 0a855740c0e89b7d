/* Asks a long-lived worker (`worker --probe`) whether outputs are complete, one after the other.
 *
 * The worker is started by the first question, and again when it dies: a file that kills it is "not
 * complete". Never waits. The supervisor's thread only.
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
/* Ends the worker; probe_ask would start another. */
void probe_close(Probe *probe);

#endif
