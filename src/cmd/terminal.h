/* What commands print outside of a running batch: errors and notes on standard error, pages on standard
 * output. Colour only on a terminal and without NO_COLOR. */
#ifndef RUNBATCH_CMD_TERMINAL_H
#define RUNBATCH_CMD_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/text.h"
#include "cmd/exit_code.h"
#include "ui/status_page.h"

/* "runbatch: what: file: why", and a line with what to do. Returns the exit code of the error's class. */
int print_error(const Error *err);

/* "runbatch: note: …" */
void print_note(const char *note);

/* Writes all of `page` to standard output. Returns `code`, or EXIT_CODE_ENVIRONMENT with a message when it
 * cannot be written (a reader that has enough is no failure). */
int print_page(const Text *page, int code);

/* Of the terminal that is standard output, from $COLUMNS where that is set; 80 without one. */
size_t terminal_columns(void);

/* Whether standard output is a terminal that can be drawn on. */
bool terminal_is_screen(void);

/* How large a page may be: as the terminal, less a line for the prompt. Elsewhere as large as it gets, but
 * for $COLUMNS. */
PageFrame terminal_frame(void);

#endif
