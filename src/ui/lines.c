#include <stdlib.h>

#include "base/clock.h"
#include "base/files.h"
#include "report/format.h"
#include "report/i18n.h"
#include "report/phrase.h"
#include "ui/page.h"
#include "ui/ui_internal.h"

static void append_head(const Ui *ui, Text *text, const VideoReport *video)
{
    if (ui->mode == UI_MODE_QUIET) {
        text_append(text, "runbatch: ");
    } else {
        text_appendf(text, "[%d/%d] ", video->ordinal, ui->batch.videos);
    }
    format_name(text, video->input);
}

static void append_done(Text *text, const VideoReport *video)
{
    const VideoResult *result = &video->result;
    char time[32];
    char size[32];
    char peak[32];
    clock_format_duration(video->elapsed_s, time, sizeof time);
    format_bytes(result->output_bytes, size, sizeof size);
    format_bytes(result->peak_rss_bytes, peak, sizeof peak);
    text_appendf(text,
                 dngettext(I18N_DOMAIN,
                           ": done in %s, %lld frame, a face changed in %lld, %s, peak memory %s",
                           ": done in %s, %lld frames, a face changed in %lld, %s, peak memory %s",
                           (unsigned long)result->frames),
                 time, (long long)result->frames, (long long)result->frames_changed, size, peak);
}

static void append_memory(Text *text, const Event *event)
{
    text_append(text, "  ");
    format_memory(text, &event->memory);
    if (event->moment == MEMORY_MOMENT_BEFORE) {
        text_append(text, _(" before"));
    } else if (event->moment == MEMORY_MOMENT_AFTER) {
        char size[32];
        format_bytes(llabs(event->difference_bytes), size, sizeof size);
        text_appendf(text, _(" after, difference %s%s"), event->difference_bytes < 0 ? "-" : "+", size);
    }
}

static void append_warning(const Ui *ui, Text *text, const Event *event)
{
    if (event->video != NULL) {
        append_head(ui, text, event->video);
        text_append(text, ": ");
    } else if (ui->mode == UI_MODE_QUIET) {
        text_append(text, "runbatch: ");
    }
    char warning[1600];
    text_appendf(text, _("warning: %s"), phrase_text(event->text, warning, sizeof warning));
}

static void append_stopping(Text *text, const Event *event)
{
    text_appendf(text, _("%s: stopping; once more to stop at once"), event->text);
}

/* Whether a line about a video's progress is due where nothing is drawn. */
static bool progress_is_due(Ui *ui, const Event *event)
{
    Running *running = ui_find_running(ui, event->video);
    if (ui->mode != UI_MODE_PLAIN || running == NULL || event->video->frames_done == 0 ||
        output_is_crowded(&ui->out)) {
        return false;
    }
    const double share = progress_share(event->video);
    const int percent = share > 0 ? (int)(100.0 * share) : 0;
    const int64_t silent_ms = event->now_ms - running->told_ms;
    const bool step = percent / PLAIN_STEP_PERCENT > running->told_percent / PLAIN_STEP_PERCENT;
    if (silent_ms < PLAIN_STEP_MS && (!step || silent_ms < PLAIN_LEAST_MS)) {
        return false;
    }
    running->told_ms = event->now_ms;
    running->told_percent = percent;
    return true;
}

static void append_progress(const Ui *ui, Text *text, const Event *event)
{
    enum { PLAIN_COLUMNS = 100 };
    text_appendf(text, "[%d/%d] ", event->video->ordinal, ui->batch.videos);
    progress_video_line(text, event->video, PLAIN_COLUMNS, false);
}

static void append_event(Ui *ui, Text *text, const Event *event, const char **colour)
{
    char reason[1600];
    const VideoReport *video = event->video;
    switch (event->kind) {
    case EVENT_BATCH_STARTED:
        text_appendf(text, _("%d of %d videos into %s"), event->videos, event->found, event->output_dir);
        break;
    case EVENT_BATCH_PAUSED:
        text_appendf(text, _("Paused: %s"), phrase_text(event->text, reason, sizeof reason));
        *colour = COLOUR_WARN;
        break;
    case EVENT_BATCH_RESUMED:
        text_append(text, _("The batch goes on"));
        break;
    case EVENT_VIDEO_SKIPPED:
        append_head(ui, text, video);
        text_append(text, _(": skipped, its output is complete"));
        break;
    case EVENT_VIDEO_STARTED:
        append_head(ui, text, video);
        text_append(text, " -> ");
        format_name(text, video->output);
        if (video->chunks > 0) {
            text_appendf(text, _(", goes on from chunk %d"), video->chunks);
        }
        break;
    case EVENT_PROGRESS:
        if (progress_is_due(ui, event)) {
            append_progress(ui, text, event);
        }
        break;
    case EVENT_VIDEO_DONE:
        append_head(ui, text, video);
        append_done(text, video);
        *colour = COLOUR_GOOD;
        break;
    case EVENT_VIDEO_FAILED:
        append_head(ui, text, video);
        text_appendf(text, _(": failed: %s"),
                     format_reason(&video->error, video->input, reason, sizeof reason));
        *colour = COLOUR_BAD;
        break;
    case EVENT_VIDEO_SET_ASIDE:
        append_head(ui, text, video);
        text_appendf(text, _(": set aside: %s"),
                     format_reason(&video->error, video->input, reason, sizeof reason));
        *colour = COLOUR_BAD;
        break;
    case EVENT_VIDEO_REFUSED:
        append_head(ui, text, video);
        text_appendf(text, ": %s", format_reason(&video->error, video->input, reason, sizeof reason));
        *colour = COLOUR_WARN;
        break;
    case EVENT_VIDEO_RETRY:
        append_head(ui, text, video);
        text_appendf(text, ": %s", phrase_text(event->text, reason, sizeof reason));
        text_appendf(text, ": %s", format_reason(&video->error, video->input, reason, sizeof reason));
        *colour = COLOUR_WARN;
        break;
    case EVENT_VIDEO_PAUSED:
        append_head(ui, text, video);
        text_append(text, _(": paused"));
        *colour = COLOUR_WARN;
        break;
    case EVENT_VIDEO_CANCELLED:
        append_head(ui, text, video);
        text_append(text, _(": cancelled"));
        *colour = COLOUR_WARN;
        break;
    case EVENT_VIDEO_STOPPED:
        append_head(ui, text, video);
        text_append(text, _(": stopped, not finished"));
        break;
    case EVENT_MEMORY:
        append_memory(text, event);
        break;
    case EVENT_NOTE:
        text_append(text, event->text);
        break;
    case EVENT_WARNING:
        append_warning(ui, text, event);
        *colour = COLOUR_WARN;
        break;
    case EVENT_LOG:
        append_head(ui, text, video);
        text_appendf(text, ": %s: %s", log_level_name(event->level), event->text);
        break;
    case EVENT_BATCH_STOPPING:
        append_stopping(text, event);
        *colour = COLOUR_WARN;
        break;
    case EVENT_BATCH_DONE:
        statistics_to_text(event->statistics, text);
        break;
    default:
        break;
    }
}

static bool is_shown(const Ui *ui, const Event *event)
{
    if (ui->mode == UI_MODE_QUIET) {
        return event->kind == EVENT_VIDEO_FAILED || event->kind == EVENT_VIDEO_SET_ASIDE ||
               event->kind == EVENT_VIDEO_REFUSED || event->kind == EVENT_WARNING;
    }
    if (event->kind == EVENT_BATCH_STOPPING && event->level == LOG_LEVEL_ERROR) {
        return false; /* the command tells the error when all is over */
    }
    const LogLevel least = event->kind == EVENT_LOG    ? LOG_LEVEL_WARN
                           : event->kind == EVENT_NOTE ? LOG_LEVEL_INFO
                                                       : LOG_LEVEL_DEBUG;
    return ui->verbose || event->level <= least;
}

void ui_write_lines(Ui *ui, const Event *event)
{
    const char *colour = NULL;
    Text text = {0};
    if (is_shown(ui, event)) {
        append_event(ui, &text, event, &colour);
    }
    if (text.length > 0) {
        Text line = {0};
        ui_erase(ui);
        text_append(&line, ui->colour && colour != NULL ? colour : "");
        text_append(&line, text.data);
        text_append(&line, ui->colour && colour != NULL ? COLOUR_OFF : "");
        text_append(&line, text.data[text.length - 1] == '\n' ? "" : "\n");
        output_write(&ui->out, line.data);
        text_free(&line);
    }
    text_free(&text);
}
