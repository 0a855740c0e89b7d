#include "cmd/terminal.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BOLD_RED "\033[1;31m"
#define BOLD "\033[1m"
#define PLAIN "\033[0m"

static bool colour_on(int fd)
{
    const char *no_colour = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    return isatty(fd) == 1 && (no_colour == NULL || no_colour[0] == '\0') && terminal != NULL &&
           strcmp(terminal, "dumb") != 0;
}

int print_error(const Error *err)
{
    const bool colour = colour_on(STDERR_FILENO);
    Error without_todo = *err;
    without_todo.todo[0] = '\0';
    char line[sizeof *err];
    error_text(&without_todo, line, sizeof line);
    (void)fprintf(stderr, "%srunbatch:%s %s\n", colour ? BOLD_RED : "", colour ? PLAIN : "", line);
    if (err->todo[0] != '\0') {
        char todo[sizeof err->todo];
        text_copy(todo, sizeof todo, err->todo);
        text_strip_control(todo);
        (void)fprintf(stderr, "  %s→%s %s\n", colour ? BOLD : "", colour ? PLAIN : "", todo);
    }
    return (int)exit_code_of(err->class_);
}

void print_note(const char *note)
{
    char *line = text_duplicate(note);
    text_strip_control(line);
    (void)fprintf(stderr, "runbatch: note: %s\n", line);
    free(line);
}

int print_page(const Text *page, int code)
{
    errno = 0;
    const size_t written = page->length > 0 ? fwrite(page->data, 1, page->length, stdout) : 0;
    if ((written == page->length && fflush(stdout) == 0) || errno == EPIPE) {
        return code;
    }
    Error err = {0};
    (void)error_set_errno(&err, ERROR_ENVIRONMENT, "cannot write to standard output", NULL, errno);
    return print_error(&err);
}

/* 0 where it is not told. */
static size_t told_columns(void)
{
    enum { LEAST = 20, MOST = 1000 };
    const char *variable = getenv("COLUMNS");
    const long columns = variable != NULL ? strtol(variable, NULL, 10) : 0;
    return columns >= LEAST && columns <= MOST ? (size_t)columns : 0;
}

/* Zeros where there is no terminal. */
static struct winsize screen_size(void)
{
    struct winsize size = {0};
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size : (struct winsize){0};
}

size_t terminal_columns(void)
{
    enum { USUAL = 80, LEAST = 20 };
    const size_t told = told_columns();
    const struct winsize size = screen_size();
    if (told > 0) {
        return told;
    }
    return size.ws_col >= LEAST ? size.ws_col : USUAL;
}

bool terminal_is_screen(void)
{
    const char *terminal = getenv("TERM");
    return isatty(STDOUT_FILENO) == 1 && terminal != NULL && strcmp(terminal, "dumb") != 0;
}

PageFrame terminal_frame(void)
{
    enum { USUAL_ROWS = 24 };
    const struct winsize size = screen_size();
    if (!terminal_is_screen()) {
        const size_t told = told_columns();
        return (PageFrame){.columns = told > 0 ? told : SIZE_MAX, .rows = SIZE_MAX};
    }
    const size_t rows = size.ws_row > 1 ? size.ws_row : USUAL_ROWS;
    return (PageFrame){.columns = terminal_columns(), .rows = rows - 1, .colour = colour_on(STDOUT_FILENO)};
}
