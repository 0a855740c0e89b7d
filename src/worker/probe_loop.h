/* `runbatch worker --probe`: answers one probe message after the other until its channel is closed. */
#ifndef RUNBATCH_WORKER_PROBE_LOOP_H
#define RUNBATCH_WORKER_PROBE_LOOP_H

#include "worker/message.h"

void probe_loop(LineBuffer *inbox, int signals, void (*send)(const Message *message));

#endif
