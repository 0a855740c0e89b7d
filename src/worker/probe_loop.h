/* `runbatch worker --probe SANDBOX`: answers one question (probe, look) after the other until its channel is
 * closed.
 *
 * A sandbox cannot be left, and each question is about other files: each is answered by a child of its own,
 * which sees these files and nothing else, and may take a gigabyte of memory. When a file kills the child the
 * whole ends, as if it had been killed itself. */
#ifndef RUNBATCH_WORKER_PROBE_LOOP_H
#define RUNBATCH_WORKER_PROBE_LOOP_H

#include "worker/message.h"

/* `sandbox`: "strict", "auto", "off". */
void probe_loop(LineBuffer *inbox, int signals, const char *sandbox, void (*send)(const Message *message));

#endif
