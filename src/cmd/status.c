#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "cmd/command.h"
#include "cmd/terminal.h"
#include "cmd/view.h"
#include "ui/progress.h"
#include "ui/snapshot_json.h"

static volatile sig_atomic_t interrupted; /* the signal; 0 none */
static volatile sig_atomic_t continued;   /* what was drawn may be anywhere now */

typedef struct Watch {
    const Settings *settings;
    View shown; /* what was printed last */
    bool has_shown;
    Text drawn;
} Watch;

static void note_signal(int number)
{
    if (number == SIGCONT) {
        continued = 1;
    } else if (number != SIGWINCH) {
        interrupted = number;
    }
}

static void append_view(const View *view, const Settings *settings, const PageFrame *frame, Text *page)
{
    if (settings->json) {
        json_t *object = snapshot_to_json(&view->snapshot, view->chosen);
        json_append_line(page, object);
        json_decref(object);
    } else {
        status_page(&view->snapshot, view->chosen, frame, page);
    }
}

/* ---- once ---- */

static int show_once(const Settings *settings)
{
    View view;
    Error err = {0};
    if (view_open(&view, settings, false, &err) != STATUS_OK) {
        return print_error(&err);
    }
    Text page = {0};
    PageFrame frame = terminal_frame();
    frame.rows = settings->verbose ? SIZE_MAX : frame.rows;
    append_view(&view, settings, &frame, &page);
    const int code = print_page(&page, EXIT_CODE_DONE);
    text_free(&page);
    view_close(&view);
    return code;
}

/* ---- again and again ---- */

/* Goes back over what was drawn. A screen that became narrower has wrapped it. */
static void append_erase(Watch *watch, size_t columns, Text *out)
{
    size_t rows = 0;
    for (char *rest = watch->drawn.data, *line = NULL;
         (line = strsep(&rest, "\n")) != NULL && rest != NULL;) {
        const size_t width = (size_t)progress_line_width(line);
        rows += width > columns ? (width + columns - 1) / columns : 1;
    }
    if (rows > 0 && !continued) {
        text_appendf(out, "\r\033[%zuA\033[J", rows);
    }
    continued = 0;
    text_free(&watch->drawn);
}

static int draw(Watch *watch, const View *view)
{
    const PageFrame frame = terminal_frame();
    Text page = {0};
    Text out = {0};
    append_view(view, watch->settings, &frame, &page);
    append_erase(watch, frame.columns, &out);
    text_append(&out, page.data);
    watch->drawn = page;
    const int code = print_page(&out, EXIT_CODE_DONE);
    text_free(&out);
    return code;
}

/* A block for each change, with an empty line between. */
static int print_change(Watch *watch, const View *view)
{
    const bool json = watch->settings->json;
    if (watch->has_shown && !json && !status_differs(&watch->shown.snapshot, &view->snapshot)) {
        return EXIT_CODE_DONE;
    }
    const PageFrame frame = terminal_frame();
    Text page = {0};
    text_append(&page, watch->has_shown && !json ? "\n" : "");
    append_view(view, watch->settings, &frame, &page);
    const int code = print_page(&page, EXIT_CODE_DONE);
    text_free(&page);
    return code;
}

/* False when it is over: the batch has ended, or something went wrong (*code). */
static bool look_again(Watch *watch, int *code)
{
    View view;
    Error err = {0};
    if (view_open(&view, watch->settings, false, &err) != STATUS_OK) {
        *code = print_error(&err);
        return false;
    }
    const bool screen = terminal_is_screen() && !watch->settings->json;
    *code = screen ? draw(watch, &view) : print_change(watch, &view);
    const bool goes_on = snapshot_is_live(&view.snapshot) || view.snapshot.run_state == RUN_STARTING;
    view_close(&watch->shown);
    watch->shown = view;
    watch->has_shown = true;
    return goes_on && *code == EXIT_CODE_DONE;
}

static int watch_on(const Settings *settings)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGCONT, SIGWINCH};
    const struct timespec second = {.tv_sec = 1};
    const struct sigaction action = {.sa_handler = note_signal};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        (void)sigaction(signals[i], &action, NULL);
    }
    Watch watch = {.settings = settings};
    int code = EXIT_CODE_DONE;
    while (interrupted == 0 && look_again(&watch, &code) && interrupted == 0) {
        (void)nanosleep(&second, NULL); /* a signal ends it */
    }
    view_close(&watch.shown);
    text_free(&watch.drawn);
    return interrupted != 0 ? EXIT_CODE_INTERRUPTED : code;
}

int cmd_status(int argc, char **argv)
{
    Settings settings;
    int code = EXIT_CODE_DONE;
    if (command_begin("status", argc, argv, &settings, &code)) {
        code = settings.watch ? watch_on(&settings) : show_once(&settings);
        settings_free(&settings);
    }
    return code;
}
