#include <sys/ioctl.h>

#include "ui/ui_internal.h"

/* Plain ANSI: carriage return, cursor up, erase to the end of the screen. */

typedef struct ScreenSize {
    int columns;
    int rows;
} ScreenSize;

static ScreenSize screen_size(int fd)
{
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) {
        return (ScreenSize){.columns = 80, .rows = 24};
    }
    return (ScreenSize){.columns = size.ws_col, .rows = size.ws_row};
}

/* The cursor is behind the last drawn line. A screen that became narrower has wrapped them. */
static void append_erase(Ui *ui, Text *text, int columns)
{
    int rows = 0;
    for (int i = 0; i < ui->drawn_count; i++) {
        const int width = ui->drawn[i];
        rows += width > columns ? (width + columns - 1) / columns : 1;
    }
    if (rows > 1) {
        text_appendf(text, "\r\033[%dA\033[J", rows - 1);
    } else if (rows == 1) {
        text_append(text, "\r\033[J");
    }
    ui->drawn_count = 0;
}

static void append_line(Ui *ui, Text *text, const Text *line)
{
    if (ui->drawn_count > 0) {
        text_append(text, "\r\n");
    }
    text_append(text, line->data != NULL ? line->data : "");
    ui->drawn[ui->drawn_count++] = line->data != NULL ? progress_line_width(line->data) : 0;
}

void ui_draw(Ui *ui)
{
    const ScreenSize screen = screen_size(ui->out.fd);
    const int width = screen.columns - 1; /* a full line would wrap on some terminals */
    Text text = {0};
    append_erase(ui, &text, screen.columns);
    const int most = screen.rows - 2 < DRAWN_MAX - 1 ? screen.rows - 2 : DRAWN_MAX - 1;
    for (size_t i = 0; i < ui->running_count && (int)i < most; i++) {
        Text line = {0};
        progress_video_line(&line, &ui->running[i].report, width, ui->colour);
        append_line(ui, &text, &line);
        text_free(&line);
    }
    Text line = {0};
    progress_batch_line(&line, &ui->batch, width, ui->colour);
    append_line(ui, &text, &line);
    text_free(&line);
    output_write(&ui->out, text.data);
    text_free(&text);
}

void ui_erase(Ui *ui)
{
    Text text = {0};
    if (ui->drawn_count == 0) {
        return;
    }
    append_erase(ui, &text, screen_size(ui->out.fd).columns);
    output_write(&ui->out, text.data);
    text_free(&text);
}
