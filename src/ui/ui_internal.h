/* The state of the user interface, shared by ui.c (events), lines.c (lines that stay) and terminal.c (those
 * that are drawn again). */
#ifndef RUNBATCH_UI_UI_INTERNAL_H
#define RUNBATCH_UI_UI_INTERNAL_H

#include <signal.h>

#include "ui/output.h"
#include "ui/progress.h"
#include "ui/ui.h"

typedef enum UiMode {
    UI_MODE_NONE = 0,
    UI_MODE_TERMINAL,
    UI_MODE_PLAIN,
    UI_MODE_QUIET,
    UI_MODE_JSON,
} UiMode;

/* --json tells a video's progress at most so often; plain lines after a tenth of it or ten seconds. */
enum { JSON_STEP_MS = 1000, PLAIN_STEP_MS = 10000, PLAIN_LEAST_MS = 1000, PLAIN_STEP_PERCENT = 10 };

/* The drawn lines' widths are kept, so that they can be found again after a resize. */
enum { DRAWN_MAX = 64 };

typedef struct Running {
    char *input; /* owned; report.input is it */
    VideoReport report;
    int64_t told_ms; /* of the last line or event about its progress */
    int told_percent;
} Running;

struct Ui {
    UiMode mode;
    bool verbose;
    bool colour;
    bool stopping;
    Output out;
    struct sigaction pipe_before;
    Running *running;
    size_t running_count;
    BatchProgress batch;
    int64_t began_ms;
    int64_t finished_bytes; /* of the inputs of finished videos */
    int drawn[DRAWN_MAX];   /* columns of each line on the screen */
    int drawn_count;
};

Running *ui_find_running(Ui *ui, const VideoReport *video);
void ui_update_batch(Ui *ui, int64_t now_ms);

/* The lines that an event leaves behind. */
void ui_write_lines(Ui *ui, const Event *event);

/* A line per running video and one for the batch, over those drawn before. */
void ui_draw(Ui *ui);
void ui_erase(Ui *ui);

#endif
