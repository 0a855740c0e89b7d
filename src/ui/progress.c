#include "ui/progress.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "report/format.h"
#include "report/i18n.h"

enum { PARTS_MAX = 6, PART_BYTES = 96, BAR_LEAST = 10, BAR_MOST = 40, NAME_MOST = 32 };

#define COLOUR_BAR "\033[32m"
#define COLOUR_OFF "\033[0m"

double progress_share(const VideoReport *video)
{
    if (video->frames_total <= 0) {
        return -1.0;
    }
    const double share = (double)video->frames_done / (double)video->frames_total;
    return share < 1.0 ? share : 1.0;
}

double progress_eta(const BatchProgress *batch)
{
    const double worked_s = batch->elapsed_s - batch->begun_s;
    const double worked_bytes = batch->bytes_done - batch->begun_bytes;
    if (!batch->has_begun || worked_s < 1.0 || worked_bytes <= 0.0) {
        return -1.0;
    }
    const double left = (double)batch->bytes_to_do - batch->bytes_done;
    return left > 0.0 ? left * worked_s / worked_bytes : 0.0;
}

int progress_line_width(const char *line)
{
    int width = 0;
    for (const unsigned char *c = (const unsigned char *)line; *c != '\0'; c++) {
        if (*c == '\033') {
            while (*c != '\0' && *c != 'm') {
                c++;
            }
            if (*c == '\0') {
                break;
            }
        } else {
            width += (*c & 0xC0U) != 0x80U;
        }
    }
    return width;
}

/* A name of at most `width` columns; its end counts (clip_0017.mp4), so the middle is left out. */
static void append_name(Text *text, const char *path, size_t width)
{
    Text name = {0};
    format_name(&name, path);
    const size_t columns = text_width(name.data);
    if (columns <= width) {
        text_append(text, name.data);
        text_free(&name);
        return;
    }
    const size_t head = width > 1 ? (width - 1) / 2 : 0;
    const size_t tail = width > 1 ? width - 1 - head : 0;
    size_t column = 0;
    for (const char *c = name.data; *c != '\0'; c++) {
        const bool begins = ((unsigned char)*c & 0xC0U) != 0x80U;
        column += begins;
        if (begins && column == head + 1) {
            text_append(text, "~");
        }
        if (column <= head || column > columns - tail) {
            text_append_bytes(text, c, 1);
        }
    }
    text_free(&name);
}

void progress_bar(Text *text, double share, int width, bool colour)
{
    const int inside = width - 2;
    const int filled = (int)(share * inside + 0.5);
    text_append(text, colour ? "[" COLOUR_BAR : "[");
    for (int i = 0; i < inside; i++) {
        text_append(text, i < filled ? "#" : "-");
    }
    text_append(text, colour ? COLOUR_OFF "]" : "]");
}

typedef struct Line {
    double share; /* -1: no bar */
    char parts[PARTS_MAX][PART_BYTES];
    int count;
} Line;

static void add_part(Line *line, const char *text)
{
    text_copy(line->parts[line->count++], PART_BYTES, text);
}

static int parts_width(const Line *line, int count)
{
    int width = 0;
    for (int i = 0; i < count; i++) {
        width += 2 + (int)text_width(line->parts[i]);
    }
    return width;
}

/* `text` has the head already, `head` columns wide: adds the bar and as many parts as fit. */
static void finish_line(Text *text, int head, const Line *line, int width, bool colour)
{
    const bool wants_bar = line->share >= 0;
    int count = line->count;
    while (count > 0 && head + parts_width(line, count) + (wants_bar ? BAR_LEAST + 1 : 0) > width) {
        count--;
    }
    const int room = width - head - parts_width(line, count) - 1;
    if (wants_bar && room >= BAR_LEAST) {
        text_append(text, " ");
        progress_bar(text, line->share, room < BAR_MOST ? room : BAR_MOST, colour);
    }
    for (int i = 0; i < count; i++) {
        text_appendf(text, "  %s", line->parts[i]);
    }
}

void progress_video_line(Text *text, const VideoReport *video, int width, bool colour)
{
    char part[PART_BYTES];
    char number[32];
    Line line = {.share = progress_share(video)};
    if (video->frames_total > 0) {
        (void)snprintf(part, sizeof part, _("frame %lld of %lld"), (long long)video->frames_done,
                       (long long)video->frames_total);
    } else {
        (void)snprintf(part, sizeof part, _("frame %lld"), (long long)video->frames_done);
    }
    add_part(&line, part);
    clock_format_duration(video->eta_s, number, sizeof number);
    (void)snprintf(part, sizeof part, _("ETA %s"), number);
    add_part(&line, part);
    (void)snprintf(part, sizeof part, _("%.1f fps"), video->fps);
    add_part(&line, part);
    if (video->rss_bytes > 0) {
        add_part(&line, format_bytes(video->rss_bytes, number, sizeof number));
    }
    const size_t begin = text->length;
    const int name_width = width < 3 * NAME_MOST ? width / 3 : NAME_MOST;
    append_name(text, video->input, (size_t)(name_width > 0 ? name_width : 1));
    finish_line(text, (int)text_width(text->data + begin), &line, width, colour);
}

void progress_batch_line(Text *text, const BatchProgress *batch, int width, bool colour)
{
    char part[PART_BYTES];
    char time[32];
    const double share = batch->bytes_to_do > 0 ? batch->bytes_done / (double)batch->bytes_to_do : 0.0;
    Line line = {.share = share < 1.0 ? share : 1.0};
    (void)snprintf(part, sizeof part, "%.0f %%", 100.0 * line.share);
    add_part(&line, part);
    clock_format_duration(progress_eta(batch), time, sizeof time);
    (void)snprintf(part, sizeof part, _("ETA %s"), time);
    add_part(&line, part);
    clock_format_duration(batch->elapsed_s, time, sizeof time);
    (void)snprintf(part, sizeof part, _("elapsed %s"), time);
    add_part(&line, part);
    const size_t begin = text->length;
    text_appendf(text, _("Batch: %d of %d"), batch->settled, batch->videos);
    if (batch->failed > 0) {
        text_appendf(text, _(", %d failed"), batch->failed);
    }
    const int head = (int)text_width(text->data + begin);
    if (head <= width) {
        finish_line(text, head, &line, width, colour);
    } else {
        text->length = begin;
        text_append(text, "");
    }
}
