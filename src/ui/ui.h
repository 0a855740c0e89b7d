/* What a user sees of a batch: progress on a terminal, plain lines elsewhere, or JSON events.
 *
 * Takes the supervisor's events by the hooks it gives. Owns standard output while the batch runs; writes
 * never block for long: when the reader of a pipe is slow, progress is dropped, and when it is gone
 * (`| head`) the batch goes on in silence. One thread.
 */
#ifndef RUNBATCH_UI_UI_H
#define RUNBATCH_UI_UI_H

#include <stdbool.h>

#include "batch/supervisor.h"

typedef struct UiConfig {
    bool quiet;   /* failures and warnings only, on standard error */
    bool verbose; /* the workers' log lines too */
    bool json;    /* one JSON object per event on standard output and nothing else there */
} UiConfig;

typedef struct Ui Ui;

/* Whether to draw (terminal, width, colour) is found out from standard output, TERM and NO_COLOR. */
Ui *ui_new(const UiConfig *config);
/* Fills context, event, tick and suspend; the rest is zero. */
BatchHooks ui_hooks(Ui *ui);
/* Writes what is still waiting, then frees. The statistics were shown by EVENT_BATCH_DONE. */
void ui_free(Ui **ui);

#endif
