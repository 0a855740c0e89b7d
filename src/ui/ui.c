#include "ui/ui.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/text.h"
#include "report/format.h"
#include "report/i18n.h"
#include "ui/ui_internal.h"

enum { SLOW_READER_MS = 200, REAL_DIGITS = 12 };

static bool wants_colour(void)
{
    const char *no_colour = getenv("NO_COLOR");
    return no_colour == NULL || no_colour[0] == '\0';
}

static UiMode choose_mode(const UiConfig *config)
{
    const char *terminal = getenv("TERM");
    if (config->json) {
        return UI_MODE_JSON;
    }
    if (config->quiet) {
        return UI_MODE_QUIET;
    }
    const bool can_draw = isatty(STDOUT_FILENO) != 0 && terminal != NULL && strcmp(terminal, "dumb") != 0;
    return can_draw ? UI_MODE_TERMINAL : UI_MODE_PLAIN;
}

Ui *ui_new(const UiConfig *config)
{
    Ui *ui = memory_alloc(1, sizeof *ui);
    (void)fflush(stdout);
    ui->mode = choose_mode(config);
    ui->verbose = config->verbose;
    ui->colour = ui->mode == UI_MODE_TERMINAL && wants_colour();
    ui->out.fd = ui->mode == UI_MODE_QUIET ? STDERR_FILENO : STDOUT_FILENO;
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    (void)sigaction(SIGPIPE, &ignore, &ui->pipe_before);
    return ui;
}

void ui_free(Ui **ui)
{
    if (*ui == NULL) {
        return;
    }
    ui_erase(*ui);
    output_finish(&(*ui)->out, (*ui)->stopping ? SLOW_READER_MS : -1);
    (void)sigaction(SIGPIPE, &(*ui)->pipe_before, NULL);
    for (size_t i = 0; i < (*ui)->running_count; i++) {
        memory_free((*ui)->running[i].input);
    }
    memory_free((*ui)->running);
    memory_free(*ui);
    *ui = NULL;
}

/* ---- what is running ---- */

Running *ui_find_running(Ui *ui, const VideoReport *video)
{
    for (size_t i = 0; i < ui->running_count; i++) {
        if (ui->running[i].report.ordinal == video->ordinal) {
            return &ui->running[i];
        }
    }
    return NULL;
}

static void add_running(Ui *ui, const Event *event)
{
    ui->running = memory_resize(ui->running, ui->running_count + 1, sizeof *ui->running);
    Running *running = &ui->running[ui->running_count++];
    *running = (Running){.input = text_duplicate(event->video->input), .told_ms = event->now_ms};
    running->report = *event->video;
    running->report.input = running->input;
}

static void update_running(Ui *ui, const VideoReport *video)
{
    Running *running = ui_find_running(ui, video);
    if (running != NULL) {
        running->report = *video;
        running->report.input = running->input;
    }
}

static void remove_running(Ui *ui, const VideoReport *video)
{
    Running *running = ui_find_running(ui, video);
    if (running != NULL) {
        memory_free(running->input);
        const size_t index = (size_t)(running - ui->running);
        memmove(running, running + 1, (ui->running_count - index - 1) * sizeof *running);
        ui->running_count--;
    }
}

/* ---- how the batch stands ---- */

static int64_t size_of(const VideoReport *video)
{
    return video->size_bytes > 0 ? video->size_bytes : 0;
}

static void settle(Ui *ui, const Event *event)
{
    remove_running(ui, event->video);
    ui->batch.settled++;
    if (event->kind == EVENT_VIDEO_DONE) {
        ui->finished_bytes += size_of(event->video);
    } else {
        ui->batch.bytes_to_do -= size_of(event->video);
        ui->batch.failed += event->kind == EVENT_VIDEO_FAILED || event->kind == EVENT_VIDEO_SET_ASIDE;
    }
}

void ui_update_batch(Ui *ui, int64_t now_ms)
{
    BatchProgress *batch = &ui->batch;
    int64_t frames = 0;
    double bytes = (double)ui->finished_bytes;
    for (size_t i = 0; i < ui->running_count; i++) {
        const VideoReport *video = &ui->running[i].report;
        const double share = progress_share(video);
        bytes += share > 0 ? share * (double)size_of(video) : 0.0;
        frames += video->frames_done;
    }
    batch->bytes_done = bytes;
    batch->elapsed_s = (double)(now_ms - ui->began_ms) / 1000.0;
    if (!batch->has_begun && frames > 0) {
        batch->has_begun = true;
        batch->begun_s = batch->elapsed_s;
        batch->begun_bytes = bytes;
    }
}

static void keep_state(Ui *ui, const Event *event)
{
    switch (event->kind) {
    case EVENT_BATCH_STARTED:
        ui->began_ms = event->now_ms;
        ui->batch.videos = event->videos;
        ui->batch.bytes_to_do = event->input_bytes;
        break;
    case EVENT_VIDEO_STARTED:
        add_running(ui, event);
        break;
    case EVENT_VIDEO_OPENED:
    case EVENT_PROGRESS:
        update_running(ui, event->video);
        break;
    case EVENT_VIDEO_DONE:
    case EVENT_VIDEO_FAILED:
    case EVENT_VIDEO_SET_ASIDE:
    case EVENT_VIDEO_REFUSED:
    case EVENT_VIDEO_CANCELLED:
    case EVENT_VIDEO_SKIPPED:
        settle(ui, event);
        break;
    case EVENT_VIDEO_RETRY:
    case EVENT_VIDEO_PAUSED:
    case EVENT_VIDEO_STOPPED:
        remove_running(ui, event->video);
        break;
    case EVENT_BATCH_STOPPING:
        ui->stopping = true;
        break;
    default:
        break;
    }
}

/* ---- the hooks ---- */

static void write_json(Ui *ui, const Event *event)
{
    if (event->kind == EVENT_LOG && !ui->verbose) {
        return;
    }
    if (event->kind == EVENT_PROGRESS) {
        Running *running = ui_find_running(ui, event->video);
        if (running == NULL || output_is_crowded(&ui->out) ||
            event->now_ms - running->told_ms < JSON_STEP_MS) {
            return;
        }
        running->told_ms = event->now_ms;
    }
    json_t *object = event_to_json(event);
    char *line = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(REAL_DIGITS));
    json_decref(object);
    if (line != NULL) {
        Text text = {0};
        text_append(&text, line);
        text_append(&text, "\n");
        if (event->kind == EVENT_BATCH_DONE) {
            output_write_surely(&ui->out, text.data);
        } else {
            output_write(&ui->out, text.data);
        }
        text_free(&text);
    }
    memory_free(line);
}

static void on_event(void *context, const Event *event)
{
    Ui *ui = context;
    keep_state(ui, event);
    if (ui->mode == UI_MODE_JSON) {
        write_json(ui, event);
    } else {
        ui_write_lines(ui, event);
    }
}

static void on_tick(void *context, int64_t now_ms)
{
    Ui *ui = context;
    if (ui->mode == UI_MODE_TERMINAL && !output_is_crowded(&ui->out)) {
        ui_update_batch(ui, now_ms);
        ui_draw(ui);
    }
    output_flush(&ui->out);
}

static void on_suspend(void *context)
{
    ui_erase(context);
}

BatchHooks ui_hooks(Ui *ui)
{
    return (BatchHooks){.context = ui, .event = on_event, .tick = on_tick, .suspend = on_suspend};
}
